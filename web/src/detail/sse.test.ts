import { expect, test } from "vitest";
import { isStream, parse } from "./sse";

test.each<[string, ReturnType<typeof parse>]>([
  [
    "data: a\n\ndata: b\n\n",
    [
      { name: "", data: "a" },
      { name: "", data: "b" },
    ],
  ],
  ["event: x\r\ndata:a\r\ndata: b\r\n\r\n", [{ name: "x", data: "a\nb" }]],
  [": heartbeat\n\nid: 1\ndata: a\n\n", [{ name: "", data: "a" }]],
  ["data: cut", [{ name: "", data: "cut" }]],
  ["event: ping\n\n", [{ name: "ping", data: "" }]],
  ["\uFEFFdata:  two\n\n", [{ name: "", data: " two" }]],
  ["", []],
])("parse(%j)", (body, want) => expect(parse(body)).toEqual(want));

test.each<[Record<string, string>, string, boolean]>([
  [{ "Content-Type": "text/event-stream; charset=utf-8" }, "", true],
  [{ "content-type": "application/json" }, "data: x", false],
  [{}, "event: message_start\ndata: {}", true],
  [{}, '{"data":1}', false],
])("isStream(%j, %j) is %s", (headers, body, want) => expect(isStream(headers, body)).toBe(want));
