import { expect, test } from "vitest";
import type { UsageBucket } from "../api/types";
import { bars, bucket, total } from "./usage";

const at = (h: number, b: Partial<UsageBucket> = {}): UsageBucket => ({
  at: new Date(Date.UTC(2026, 10, 24, h)).toISOString(),
  requests: 0,
  errors: 0,
  input_tokens: 0,
  output_tokens: 0,
  cost_usd: "0",
  unpriced: 0,
  p50_ms: 0,
  p95_ms: 0,
  ...b,
});

test("totals", () => {
  const busy = {
    requests: 30,
    errors: 1,
    input_tokens: 10,
    output_tokens: 1,
    cost_usd: "0.1",
    p50_ms: 100,
    p95_ms: 200,
  };
  const calm = {
    requests: 10,
    input_tokens: 5,
    output_tokens: 2,
    cost_usd: "0.2",
    unpriced: 3,
    p50_ms: 300,
    p95_ms: 1000,
  };
  expect(total([at(1, busy), at(2), at(3, calm)])).toEqual({
    requests: 40,
    errors: 1,
    input: 15,
    output: 3,
    cost: 300_000_000n,
    unpriced: 3,
    p50: 150,
    p95: 400,
    blended: true,
  });
});

test("percentiles of one bucket are its own, of none are none", () => {
  expect(total([at(1, { requests: 3, p50_ms: 7, p95_ms: 9 }), at(2)])).toMatchObject({
    p50: 7,
    p95: 9,
    blended: false,
  });
  expect(total([at(1)])).toMatchObject({ p50: 0, p95: 0, blended: false });
});

test("bars are drawn together evenly, in steps that a day is cut into", () => {
  const series = Array.from({ length: 25 }, (_, h) => at(h, { requests: 1, errors: h % 2 }));
  const got = bars(series, "hour", 10);
  expect(got.map((b) => b.requests)).toEqual([3, 3, 3, 3, 3, 3, 3, 3, 1]);
  expect(got[0]?.errors).toBe(1);
  expect(got[8]).toMatchObject({
    from: new Date(Date.UTC(2026, 10, 25, 0)),
    to: new Date(Date.UTC(2026, 10, 25, 1)),
  });
  expect(
    bars(
      Array.from({ length: 721 }, () => at(0)),
      "hour",
      48,
    ),
  ).toHaveLength(31);
  expect(
    bars(
      Array.from({ length: 90 }, () => at(0)),
      "day",
      48,
    ),
  ).toHaveLength(90);
  expect(bars([], "hour", 10)).toEqual([]);
});

test("buckets are days where hours would be too many", () => {
  const now = Date.UTC(2026, 10, 24);
  expect(bucket(new Date(now - 30 * 86_400_000).toISOString(), now)).toBe("hour");
  expect(bucket(new Date(now - 40 * 86_400_000).toISOString(), now)).toBe("day");
});
