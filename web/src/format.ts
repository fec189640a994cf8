const counter = new Intl.NumberFormat("en-US");
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });

/** count is a whole number with its thousands apart. */
export function count(n: number): string {
  return counter.format(n);
}

/** about is a number for a summary: 1,234 as it is, above ten thousand in three digits (12.3K, 4.56M). */
export function about(n: number): string {
  return n < 10_000 ? counter.format(n) : compact.format(n);
}

/** duration shows milliseconds in three digits or so. */
export function duration(ms: number): string {
  if (ms <= 0) return "0 ms";
  if (ms < 0.9995) return `${Math.max(1, Math.round(ms * 1000))} µs`;
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_995) return `${(ms / 1000).toFixed(ms < 9_995 ? 2 : 1)} s`;
  const s = Math.round(ms / 1000);
  if (s < 3600) return `${Math.floor(s / 60)}m ${pad(s % 60)}s`;
  return `${Math.floor(s / 3600)}h ${pad(Math.floor(s / 60) % 60)}m`;
}

/** bytes shows a size in powers of ten, as browsers do. */
export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  if (n < 999_950) return `${(n / 1e3).toFixed(1)} kB`;
  return `${(n / 1e6).toFixed(1)} MB`;
}

export function percent(part: number, whole: number): string {
  if (whole === 0 || part === 0) return "0%";
  const p = (part / whole) * 100;
  return p < 0.1 ? "<0.1%" : `${p < 10 ? p.toFixed(1) : Math.round(p)}%`;
}

/** clock is the local time, with the day unless it is today. */
export function clock(at: Date, now: Date): string {
  const time = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
  return sameDay(at, now) ? time : `${day(at, now)}, ${time}`;
}

/** stamp is the local time in full. */
export function stamp(at: Date): string {
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

/** utc is the same moment for those who compare logs across zones. */
export function utc(at: Date): string {
  return at.toISOString().replace("T", " ").replace("Z", " UTC");
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function day(at: Date, now: Date): string {
  const s = `${months[at.getMonth()] ?? ""} ${at.getDate()}`;
  return at.getFullYear() === now.getFullYear() ? s : `${s} ${at.getFullYear()}`;
}

function sameDay(a: Date, b: Date): boolean {
  return a.toDateString() === b.toDateString();
}

function pad(n: number): string {
  return String(n).padStart(2, "0");
}
