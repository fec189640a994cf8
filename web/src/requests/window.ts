import type { Row } from "../api/types";

/** How many rows are kept at most, so that a console left open all night stays light. */
export const capacity = 500;

/** Where older rows are to be had: behind the server's cursor, or, where rows fell off our end, from a moment on. */
export type Older = { cursor: string } | { before: string };

/**
 * Window is the stretch of the list that is held: rows without a gap, newest first. It moves down when older rows are loaded
 * beyond its capacity; it is then detached from the newest, and new rows are only counted.
 */
export interface Window {
  rows: Row[];
  pending: Row[]; // arrived while the reader was elsewhere, newest first
  fresh: number; // how many arrived since, also those no longer held
  detached: boolean;
  older: Older | null;
}

export const empty: Window = { rows: [], pending: [], fresh: 0, detached: false, older: null };

// Newest first; ids are UUIDv7, so they decide between rows of the same moment as the server does.
function before(a: Row, b: Row): number {
  const t = Date.parse(b.at) - Date.parse(a.at);
  if (t !== 0) return t;
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0;
}

function merge(a: Row[], b: Row[]): Row[] {
  const byID = new Map(a.map((r) => [r.id, r]));
  for (const r of b) byID.set(r.id, r);
  return [...byID.values()].sort(before);
}

function older(next: string | null): Older | null {
  return next === null ? null : { cursor: next };
}

/** replace starts over with the newest page. */
export function replace(page: Row[], next: string | null): Window {
  return { ...empty, rows: merge([], page), older: older(next) };
}

/** insert adds rows of the live tail. `hold` keeps what is shown as it is: they wait until release. */
export function insert(w: Window, arrived: Row[], hold: boolean): Window {
  const held = new Set([...w.rows, ...w.pending].map((r) => r.id));
  const last = w.rows.at(-1);
  // Whatever is older than our end is not ours to show: loading older rows brings it.
  const fresh = arrived.filter((r) => !held.has(r.id) && !(w.older && last && before(r, last) > 0));
  if (fresh.length === 0) return w;
  if (w.detached) return { ...w, fresh: w.fresh + fresh.length };
  if (hold) {
    const pending = merge(w.pending, fresh).slice(0, capacity);
    return { ...w, pending, fresh: w.fresh + fresh.length };
  }
  return cut({ ...w, rows: merge(w.rows, fresh) });
}

/** release shows what was held back. */
export function release(w: Window): Window {
  return cut({ ...w, rows: merge(w.rows, w.pending), pending: [], fresh: 0 });
}

function cut(w: Window): Window {
  if (w.rows.length <= capacity) return w;
  const rows = w.rows.slice(0, capacity);
  return { ...w, rows, older: resume(rows) };
}

// A whole millisecond later than the last row, since times may be finer than that: what comes twice is recognised by its id.
function resume(rows: Row[]): Older | null {
  const last = rows.at(-1);
  return last ? { before: new Date(Date.parse(last.at) + 1).toISOString() } : null;
}

/** append adds a page of older rows at the end; beyond capacity the newest rows go. */
export function append(w: Window, page: Row[], next: string | null): Window {
  const rows = merge(w.rows, page);
  if (rows.length <= capacity) return { ...w, rows, older: older(next) };
  return { rows: rows.slice(-capacity), pending: [], fresh: w.fresh, detached: true, older: older(next) };
}

/**
 * catchUp takes the newest page after a break in the live tail. Where it does not reach down to what is held, there is a gap:
 * then it starts over, or, for a reader who is elsewhere, detaches.
 */
export function catchUp(w: Window, page: Row[], next: string | null, hold: boolean): Window {
  if (w.detached) return w;
  const held = new Set([...w.rows, ...w.pending].map((r) => r.id));
  if (next === null || page.some((r) => held.has(r.id))) return insert(w, page, hold);
  if (!hold || w.rows.length === 0) return replace(page, next);
  return { ...w, pending: [], fresh: w.fresh + page.length, detached: true };
}
