import { expect, test } from "vitest";
import type { Attempt, Row } from "../api/types";
import { timeline, why } from "./timeline";

const row = (total: number, attempts: [start: number, first: number, total: number][], first = 0) =>
  ({
    at: "2026-11-24T10:00:00.000Z",
    total_ms: total,
    first_byte_ms: first,
    attempts: attempts.map(([start, first_byte_ms, total_ms]) => ({
      at: new Date(Date.parse("2026-11-24T10:00:00Z") + start).toISOString(),
      first_byte_ms,
      total_ms,
    })),
  }) as Row;

test("attempts lie one after another on the axis", () => {
  const t = timeline(
    row(
      1000,
      [
        [0, 0, 200],
        [250, 250, 750],
      ],
      500,
    ),
  );
  expect(t.bars.map(({ start, length, firstByte }) => [start, length, firstByte])).toEqual([
    [0, 0.2, null],
    [0.25, 0.75, 0.5],
  ]);
  expect([t.span, t.client, t.ticks]).toEqual([1000, 0.5, [0, 200, 400, 600, 800, 1000]]);
});

test("an attempt that outlives its exchange makes the axis longer", () => {
  expect(timeline(row(100, [[50, 0, 350]])).span).toBe(400);
});

test("clocks that disagree do not put a bar before the start", () => {
  expect(timeline(row(100, [[-5, 0, 50]])).bars[0]?.start).toBe(0);
});

test("an exchange that called nobody and took no time has an axis", () => {
  const t = timeline(row(0, []));
  expect([t.span, t.bars, t.ticks.length > 1]).toEqual([1, [], true]);
});

test.each([
  [{ class: "rate_limited", status: 429 }, "rate limited (429)"],
  [{ class: "network", status: 0 }, "network"],
  [{ class: "overloaded", status: 200 }, "overloaded"], // an error event in a stream
  [{ class: "", status: 500 }, "failure (500)"],
])("why %j", (a, want) => expect(why(a as Attempt)).toBe(want));
