import { describe, expect, test } from "vitest";
import { blocks, isJSON, pretty, tokens } from "./json";

describe("pretty", () => {
  test.each([
    [
      '{"a":1,"b":[true,null],"c":{},"d":[ ]}',
      '{\n  "a": 1,\n  "b": [\n    true,\n    null\n  ],\n  "c": {},\n  "d": []\n}',
    ],
    [
      '{"big":12345678901234567890,"one":1.0,"e":1E5}',
      '{\n  "big": 12345678901234567890,\n  "one": 1.0,\n  "e": 1E5\n}',
    ],
    ['["a\\"b","c\\\\",": , {"]', '[\n  "a\\"b",\n  "c\\\\",\n  ": , {"\n]'],
    ['{"a": "cut in the mid', '{\n  "a": "cut in the mid'],
    ['{"a": tru', '{\n  "a": tru'],
  ])("%s", (body, want) => expect(pretty(body)).toEqual({ text: want, cut: false }));

  test("changes nothing but space", () => {
    const doc = { s: 'q"\\\n\u2028é', n: [1, -2.5, 1e21, 0], deep: [[[[{}]]]], e: [], f: false, z: null };
    const { text } = pretty(JSON.stringify(doc));
    expect(text).toBe(JSON.stringify(doc, null, 2));
  });
  test("stops at its limit", () => {
    const { text, cut } = pretty(JSON.stringify(Array.from({ length: 1000 }, (_, i) => i)), 100);
    expect(cut).toBe(true);
    expect(text.length).toBeLessThan(120);
    expect(pretty(`["${"word ".repeat(10_000)}"]`, 100).text.length).toBeLessThan(120);
  });
  test("shortens data, not text", () => {
    const data = "A".repeat(5000);
    expect(pretty(JSON.stringify({ data })).text.length).toBeLessThan(150);
    const words = "word ".repeat(1000);
    expect(pretty(JSON.stringify({ words })).text).toContain(words);
  });
  test("nesting does not square", () => {
    expect(pretty("[".repeat(50_000)).text.length).toBeLessThan(50_000 * 80);
  });
  test("is linear in backslashes and quotes", () => {
    expect(pretty('"' + '\\"'.repeat(200_000)).cut).toBe(false);
  });
});

test.each([
  [' \n{"a":1}', true],
  ["[1", true],
  ["data: {}", false],
  ["<html>", false],
  ["", false],
])("isJSON(%j) is %s", (body, want) => expect(isJSON(body)).toBe(want));

test("tokens", () => {
  expect(tokens('{"k": "v", "n": -1.5e3, "t": true}').filter((t) => t.kind)).toEqual([
    { kind: "key", text: '"k"' },
    { kind: "string", text: '"v"' },
    { kind: "key", text: '"n"' },
    { kind: "number", text: "-1.5e3" },
    { kind: "key", text: '"t"' },
    { kind: "word", text: "true" },
  ]);
  const text = pretty('{"a":["x\\"y",1,null,{"b":2}]}').text;
  expect(
    tokens(text)
      .map((t) => t.text)
      .join(""),
  ).toBe(text);
});

test("blocks end at lines where there are any", () => {
  const text = Array.from({ length: 100 }, (_, i) => `line ${i}`).join("\n");
  const got = blocks(text, 100);
  expect(got.join("\n")).toBe(text);
  expect(Math.max(...got.map((b) => b.length))).toBeLessThanOrEqual(100);
  expect(blocks("x".repeat(250), 100).map((b) => b.length)).toEqual([100, 100, 50]);
  expect(blocks("")).toEqual([""]);
});
