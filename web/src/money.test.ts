import { describe, expect, test } from "vitest";
import { exact, nano, short, sum } from "./money";

test.each([
  ["0.000123456", 123456n],
  ["12", 12_000_000_000n],
  ["-0.5", -500_000_000n],
  ["123456789012.123456789", 123456789012123456789n],
  [1e-7, 100n],
  [0, 0n],
  [null, null],
  ["unknown", null],
  ["", null],
])("nano(%j)", (amount, want) => expect(nano(amount)).toBe(want));

test("sum is exact where floats are not", () => {
  expect(sum(["0.1", "0.2", null, "0.000000001"])).toBe(300_000_001n);
});

describe("what is shown", () => {
  test.each([
    [0n, "$0", "$0.00"],
    [1n, "<$0.000001", "$0.000000001"],
    [999n, "<$0.000001", "$0.000000999"],
    [1_500n, "$0.000002", "$0.0000015"],
    [123_456n, "$0.000123", "$0.000123456"],
    [12_345_678n, "$0.0123", "$0.012345678"],
    [1_234_567_000_000n, "$1,234.57", "$1,234.567"],
    [999_999_999n, "$1.0000", "$0.999999999"],
    [-20_000_000n, "-$0.0200", "-$0.02"],
  ])("%s", (n, s, e) => {
    expect(short(n)).toBe(s);
    expect(exact(n)).toBe(e);
  });
});
