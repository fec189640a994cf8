import type { Dollars } from "./api/types";

/** nano reads an amount of dollars into billionths of one, exactly. null: it is no amount. */
export function nano(amount: Dollars | null | undefined): bigint | null {
  if (amount === null || amount === undefined) return null;
  // A number may come as 1e-7, which no decimal parser reads.
  const text = typeof amount === "number" ? amount.toFixed(9) : amount.trim();
  const m = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (!m) return null;
  const [, sign = "", whole = "0", frac = ""] = m;
  const n = BigInt(whole) * 1_000_000_000n + BigInt(frac.slice(0, 9).padEnd(9, "0"));
  return sign ? -n : n;
}

/** sum adds amounts; what is no amount adds nothing. */
export function sum(amounts: (Dollars | null)[]): bigint {
  return amounts.reduce((total, a) => total + (nano(a) ?? 0n), 0n);
}

/** exact is the amount with as many decimals as it needs, at least two. */
export function exact(n: bigint): string {
  const [sign, abs] = n < 0n ? ["-", -n] : ["", n];
  const frac = (abs % 1_000_000_000n).toString().padStart(9, "0").replace(/0+$/, "").padEnd(2, "0");
  return `${sign}$${grouped(abs / 1_000_000_000n)}.${frac}`;
}

/**
 * short is the amount for a table: cents from a dollar up, a hundredth of a cent from a cent up, else millionths. What is
 * smaller than that says so: it is never rounded to nothing.
 */
export function short(n: bigint): string {
  if (n === 0n) return "$0";
  const [sign, abs] = n < 0n ? ["-", -n] : ["", n];
  if (abs < 1000n) return `${sign}<$0.000001`;
  const decimals = abs >= 1_000_000_000n ? 2 : abs >= 10_000_000n ? 4 : 6;
  const unit = 10n ** BigInt(9 - decimals);
  const rounded = (abs + unit / 2n) / unit;
  const scale = 10n ** BigInt(decimals);
  return `${sign}$${grouped(rounded / scale)}.${(rounded % scale).toString().padStart(decimals, "0")}`;
}

function grouped(n: bigint): string {
  return n.toString().replace(/\B(?=(\d{3})+$)/g, ",");
}
