import type { UsageBucket } from "../api/types";
import { sum } from "../money";

const hour = 3_600_000;

/** bucket is the width to ask for: hours while there are not too many of them for one answer. */
export function bucket(from: string, to: number): "hour" | "day" {
  return to - Date.parse(from) <= 31 * 24 * hour ? "hour" : "day";
}

export interface Totals {
  requests: number;
  errors: number;
  input: number;
  output: number;
  cost: bigint; // nano-dollars of what has a price
  unpriced: number; // provider calls that are not in cost
  p50: number; // ms; 0: nothing to measure
  p95: number;
  blended: boolean; // p50 and p95 are weighted means over buckets: near the truth, not it
}

/** total adds up the series of a span. */
export function total(series: UsageBucket[]): Totals {
  const add = (f: (b: UsageBucket) => number) => series.reduce((n, b) => n + f(b), 0);
  const measured = series.filter((b) => b.p50_ms > 0);
  const weight = measured.reduce((n, b) => n + b.requests, 0);
  const mean = (f: (b: UsageBucket) => number) =>
    weight === 0 ? 0 : measured.reduce((n, b) => n + f(b) * b.requests, 0) / weight;
  return {
    requests: add((b) => b.requests),
    errors: add((b) => b.errors),
    input: add((b) => b.input_tokens),
    output: add((b) => b.output_tokens),
    cost: sum(series.map((b) => b.cost_usd)),
    unpriced: add((b) => b.unpriced),
    p50: mean((b) => b.p50_ms),
    p95: mean((b) => b.p95_ms),
    blended: measured.length > 1,
  };
}

export interface Bar {
  from: Date;
  to: Date;
  requests: number;
  errors: number;
}

const steps = [1, 2, 3, 4, 6, 12, 24]; // of hours, that a day can be cut into

/** bars draws a series together until it has at most `most` of them, or is a bar a day. */
export function bars(series: UsageBucket[], width: "hour" | "day", most: number): Bar[] {
  const step = width === "day" ? 1 : (steps.find((s) => series.length / s <= most) ?? 24);
  const out: Bar[] = [];
  for (let i = 0; i < series.length; i += step) {
    const group = series.slice(i, i + step);
    const [first, last] = [group[0], group.at(-1)];
    if (!first || !last) break;
    out.push({
      from: new Date(first.at),
      to: new Date(Date.parse(last.at) + (width === "hour" ? hour : 24 * hour)),
      requests: group.reduce((n, b) => n + b.requests, 0),
      errors: group.reduce((n, b) => n + b.errors, 0),
    });
  }
  return out;
}
