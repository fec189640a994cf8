import { describe, expect, test } from "vitest";
import type { Row } from "../api/types";
import { asked, followable, format, matches, parse } from "./query";

describe("the address bar", () => {
  test.each([
    ["", "the usual"],
    ["?outcome=error&range=7d", "filter and range"],
    ["?q=rate+limit&provider=openai&model=gpt-4o", "several"],
    ["?from=2026-11-24T08%3A00%3A00.000Z&to=2026-11-24T09%3A00%3A00.000Z", "between"],
    ["?from=2026-11-24T08%3A00%3A00.000Z", "since"],
    ["?session=a%26b%3Dc", "escaped"],
  ])("%s survives (%s)", (search) => expect(format(parse(search))).toBe(search));

  test.each([
    ["?range=24h", ""],
    ["?range=century&outcome=fine&unknown=1&q=++", ""],
    ["?from=yesterday", ""],
    ["?to=2026-11-24T09:00:00Z", ""],
    ["?from=2026-11-24T09:00:00.000Z&to=2026-11-24T08:00:00Z", "?from=2026-11-24T09%3A00%3A00.000Z"],
    ["?from=2026-11-24T09:00:00%2B01:00", "?from=2026-11-24T08%3A00%3A00.000Z"],
  ])("%s becomes %j", (search, want) => expect(format(parse(search))).toBe(want));
});

test("a range ends now and has no end for the server", () => {
  const now = Date.parse("2026-11-24T12:00:00Z");
  expect(asked(parse("?range=1h&key=k1"), now)).toEqual({ key: "k1", from: "2026-11-24T11:00:00.000Z" });
});

test.each([
  ["", true],
  ["?provider=openai", true],
  ["?from=2026-11-24T08:00:00Z", true],
  ["?from=2026-11-24T07:00:00Z&to=2026-11-24T08:00:00Z", false],
  ["?q=hello", true],
])("the live tail can follow %j: %s", (search, want) => expect(followable(parse(search))).toBe(want));

describe("rows of the live tail", () => {
  const row = {
    id: "0193-ab",
    at: "2026-11-24T10:00:00Z",
    message: "Rate limit reached",
    called: "smart",
    provider: "openai",
    model: "gpt-4o",
    outcome: "ok",
    key: "k1",
    session: "s1",
    end_user: "",
  } as Row;
  test.each([
    ["", true],
    ["?provider=openai&key=k1&outcome=ok&session=s1", true],
    ["?provider=anthropic", false],
    ["?called=smart", true],
    ["?called=gpt-4o", false],
    ["?model=gpt-4o", true],
    ["?q=RATE+limit", true],
    ["?q=0193-AB", true],
    ["?q=0193", false],
    ["?model=gpt", false],
    ["?outcome=error", false],
    ["?end_user=jane", false],
    ["?from=2026-11-24T11:00:00Z", false],
  ])("%j takes it: %s", (search, want) => expect(matches(parse(search), row)).toBe(want));
});
