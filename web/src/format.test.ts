import { expect, test } from "vitest";
import { about, bytes, clock, duration, percent, utc } from "./format";

test.each([
  [0, "0 ms"],
  [0.0001, "1 µs"],
  [0.4126, "413 µs"],
  [0.9996, "1.0 ms"],
  [2.34, "2.3 ms"],
  [9.96, "10 ms"],
  [812.4, "812 ms"],
  [999.7, "1.00 s"],
  [2_413, "2.41 s"],
  [9_996, "10.0 s"],
  [59_996, "1m 00s"],
  [123_000, "2m 03s"],
  [3_725_000, "1h 02m"],
])("duration(%d) is %s", (ms, want) => expect(duration(ms)).toBe(want));

test.each([
  [999, "999 B"],
  [1500, "1.5 kB"],
  [999_960, "1.0 MB"],
])("bytes(%d) is %s", (n, want) => expect(bytes(n)).toBe(want));

test.each([
  [9_999, "9,999"],
  [12_345, "12.3K"],
  [4_560_000, "4.56M"],
])("about(%d) is %s", (n, want) => expect(about(n)).toBe(want));

test.each([
  [0, 0, "0%"],
  [1, 3, "33%"],
  [1, 30, "3.3%"],
  [1, 5000, "<0.1%"],
])("percent(%d, %d) is %s", (part, whole, want) => expect(percent(part, whole)).toBe(want));

test("times", () => {
  const at = new Date(2026, 10, 24, 9, 5, 7, 42);
  expect(clock(at, new Date(2026, 10, 24, 23))).toBe("09:05:07");
  expect(clock(at, new Date(2026, 10, 25, 1))).toBe("Nov 24, 09:05:07");
  expect(clock(at, new Date(2027, 0, 1))).toBe("Nov 24 2026, 09:05:07");
  expect(utc(new Date(Date.UTC(2026, 10, 24, 9, 5, 7, 42)))).toBe("2026-11-24 09:05:07.042 UTC");
});
