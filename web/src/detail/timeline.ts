import type { Attempt, Row } from "../api/types";

/** Bar is an attempt on the time axis; offsets and lengths are shares of it, 0 to 1. */
export interface Bar {
  attempt: Attempt;
  start: number;
  length: number;
  firstByte: number | null; // on the axis; null: none came
}

export interface Timeline {
  span: number; // ms that the axis is long
  bars: Bar[];
  client: number | null; // where the client got its first byte
  ticks: number[]; // ms
}

/** timeline places the attempts of an exchange on one axis. */
export function timeline(row: Row): Timeline {
  const zero = Date.parse(row.at);
  const starts = row.attempts.map((a) => Math.max(0, Date.parse(a.at) - zero));
  const span = Math.max(1, row.total_ms, ...row.attempts.map((a, i) => (starts[i] ?? 0) + a.total_ms));
  const bars = row.attempts.map((attempt, i): Bar => {
    const start = starts[i] ?? 0;
    return {
      attempt,
      start: start / span,
      length: attempt.total_ms / span,
      firstByte: attempt.first_byte_ms > 0 ? (start + attempt.first_byte_ms) / span : null,
    };
  });
  return { span, bars, client: row.first_byte_ms > 0 ? row.first_byte_ms / span : null, ticks: ticks(span) };
}

// About five round moments: steps of 1, 2 or 5 times a power of ten.
function ticks(span: number): number[] {
  const rough = span / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((n) => n * power >= rough) ?? 10);
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, i) => i * step);
}

/** why says in words why another attempt followed this one. */
export function why(a: Attempt): string {
  const cause = a.class.replaceAll("_", " ") || "failure";
  return a.status >= 400 ? `${cause} (${a.status})` : cause;
}

/** billing says what is known of whether a failed attempt may cost something. */
export function billing(a: Attempt): string {
  if (!a.class) return "";
  return a.sent
    ? "The request may have reached the model."
    : "The request did not reach the model: nothing is billed.";
}
