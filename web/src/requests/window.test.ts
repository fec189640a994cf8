import { describe, expect, test } from "vitest";
import type { Row } from "../api/types";
import { append, capacity, catchUp, empty, insert, release, replace } from "./window";

const start = Date.parse("2026-11-24T10:00:00Z");
const row = (n: number) =>
  ({ id: `id-${String(n).padStart(6, "0")}`, at: new Date(start + n * 1000).toISOString() }) as Row;
/** Rows from a down to b, newest first. */
const rows = (a: number, b: number) => Array.from({ length: a - b + 1 }, (_, i) => row(a - i));
const numbers = (list: Row[]) => list.map((r) => Number(r.id.slice(3)));

describe("insert", () => {
  test("puts rows in their place, whatever their order, once", () => {
    const w = insert(replace([row(5), row(3)], null), [row(4), row(6), row(3), row(6)], false);
    expect(numbers(w.rows)).toEqual([6, 5, 4, 3]);
  });
  test("a row that began before our end is left to loading older ones", () => {
    const w = replace([row(5), row(3)], "more");
    expect(insert(w, [row(2)], false)).toBe(w);
    expect(numbers(insert(replace([row(5), row(3)], null), [row(2)], false).rows)).toEqual([5, 3, 2]);
  });
  test("rows of the same moment are ordered by id", () => {
    const twin = { ...row(5), id: "id-000005b" };
    expect(insert(replace([row(5)], null), [twin], false).rows).toEqual([twin, row(5)]);
  });
  test("keeps to its capacity and knows where it stopped", () => {
    const w = insert(replace(rows(capacity, 1), null), rows(capacity + 10, capacity + 1), false);
    expect(w.rows).toHaveLength(capacity);
    expect(numbers(w.rows).at(-1)).toBe(11);
    expect(w.older).toEqual({ before: new Date(Date.parse(row(11).at) + 1).toISOString() });
  });
});

describe("hold and release", () => {
  test("what is shown stays until it is released", () => {
    const held = insert(replace([row(1)], null), [row(2), row(3)], true);
    expect([numbers(held.rows), held.fresh]).toEqual([[1], 2]);
    expect(insert(held, [row(3)], true)).toBe(held);
    const w = release(held);
    expect([numbers(w.rows), w.pending, w.fresh]).toEqual([[3, 2, 1], [], 0]);
  });
  test("a flood is counted, but not kept", () => {
    const n = capacity * 3;
    let w = replace([row(0)], null);
    for (let i = 1; i <= n; i++) w = insert(w, [row(i)], true);
    expect([w.fresh, w.pending.length]).toEqual([n, capacity]);
    expect(numbers(release(w).rows)).toEqual(numbers(rows(n, n - capacity + 1)));
  });
});

describe("append", () => {
  test("adds a page and takes the new cursor", () => {
    const w = append(replace(rows(9, 7), "a"), rows(7, 5), "b");
    expect([numbers(w.rows), w.older, w.detached]).toEqual([[9, 8, 7, 6, 5], { cursor: "b" }, false]);
  });
  test("moves down when it is full, and new rows are then only counted", () => {
    const w = append(replace(rows(capacity + 100, 101), "a"), rows(100, 51), "b");
    expect(w.rows).toHaveLength(capacity);
    expect([numbers(w.rows)[0], numbers(w.rows).at(-1), w.detached]).toEqual([capacity + 50, 51, true]);
    const later = insert(w, [row(9999)], false);
    expect([later.rows, later.fresh]).toEqual([w.rows, 1]);
  });
});

describe("catchUp", () => {
  test("adds what was missed", () => {
    const w = catchUp(replace(rows(5, 1), "old"), rows(8, 4), "mid", false);
    expect([numbers(w.rows), w.older]).toEqual([[8, 7, 6, 5, 4, 3, 2, 1], { cursor: "old" }]);
  });
  test("starts over where a gap would be", () => {
    const w = catchUp(replace(rows(5, 1), "old"), rows(30, 20), "mid", false);
    expect([numbers(w.rows).at(-1), w.older]).toEqual([20, { cursor: "mid" }]);
  });
  test("does not move a reader who is elsewhere", () => {
    const w = catchUp(replace(rows(5, 1), "old"), rows(30, 20), "mid", true);
    expect([numbers(w.rows), w.fresh, w.detached]).toEqual([[5, 4, 3, 2, 1], 11, true]);
  });
  test("fills an empty list", () => {
    expect(numbers(catchUp(empty, [row(1)], null, true).rows)).toEqual([]);
    expect(numbers(catchUp(empty, [row(1)], null, false).rows)).toEqual([1]);
  });
});
