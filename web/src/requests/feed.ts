import { api } from "../api/client";
import { tail, type LiveState } from "../api/live";
import type { Row } from "../api/types";
import { asked, followable, format, matches, parse, type Query } from "./query";
import { append, capacity, catchUp, empty, insert, release, replace, type Window } from "./window";

const pageSize = "100";
const flushEvery = 250; // ms between batches of live rows
const busy = 60; // rows a second that nobody can follow: batches then come slower, and are not pointed out
const flushBusy = 1000;
const settle = 1000; // ms after the tail opened until what ended before is certainly in the list: rows are stored in batches

const nearTop = 240; // pixels from the top within which the newest rows are in sight
const restless = 1500; // ms for which rows keep still after the pointer moved among them

export interface FeedState {
  window: Window;
  status: "loading" | "ready" | "failed";
  error: string;
  older: "idle" | "loading" | "failed";
  following: boolean; // as the reader chose
  live: LiveState;
  arrivals: number; // counts batches from the live tail, for what depends on them
}

/**
 * Feed holds the list for as long as the user is signed in, so that coming back from a request finds it as it was left. One
 * query at a time; the live tail is open only while the list is on screen, since a browser allows a server few connections.
 */
export class Feed {
  scroll = 0; // where the reader left the list
  #hold = false; // nothing may move under the reader: he is further down, or pointing at a row
  #pointing = 0;
  #query: Query = parse("");
  #state: FeedState = {
    window: empty,
    status: "loading",
    error: "",
    older: "idle",
    following: true,
    live: "connecting",
    arrivals: 0,
  };
  #listeners = new Set<() => void>();
  #load: AbortController | undefined;
  #loaded = ""; // the query that window is of; "" before the first
  #watching = false;
  #stop: (() => void) | undefined;
  #batch: Row[] = [];
  #pace = flushEvery;
  #fresh = new Set<string>();
  #timer = 0;
  #settling = 0;

  readonly subscribe = (f: () => void) => {
    this.#listeners.add(f);
    return () => {
      this.#listeners.delete(f);
    };
  };
  readonly state = () => this.#state;

  #set(change: Partial<FeedState>) {
    this.#state = { ...this.#state, ...change };
    for (const f of this.#listeners) f();
  }

  /** open shows a query: from memory when it is the one that was left, else from the server. */
  open(search: string) {
    this.#watching = true;
    this.#query = parse(search);
    const name = "?" + format(this.#query);
    if (name === this.#loaded) {
      void this.#catchUp();
    } else {
      this.#loaded = name;
      this.scroll = 0;
      void this.reload();
    }
    this.#follow();
  }

  /** close leaves the list; what it holds stays. */
  close() {
    this.#watching = false;
    this.#load?.abort();
    this.#unfollow();
    if (this.#state.status !== "ready") this.#loaded = "";
  }

  /** reload starts over with the newest rows. */
  async reload() {
    this.#load?.abort();
    const load = (this.#load = new AbortController());
    this.#batch = [];
    this.#hold = false;
    this.#set({ status: "loading", window: empty, older: "idle" });
    try {
      const page = await api.logs(this.#params(), load.signal);
      this.#set({ status: "ready", window: replace(page.items, page.next) });
    } catch (err) {
      if (!load.signal.aborted) this.#set({ status: "failed", error: message(err) });
    }
  }

  async loadOlder() {
    const { window, older } = this.#state;
    if (!window.older || older === "loading") return;
    const load = this.#load;
    this.#set({ older: "loading" });
    const from = "cursor" in window.older ? { cursor: window.older.cursor } : { to: window.older.before };
    try {
      const page = await api.logs({ ...this.#params(), ...from }, load?.signal);
      this.#set({ older: "idle", window: append(this.#state.window, page.items, page.next) });
    } catch {
      this.#set({ older: load?.signal.aborted ? "idle" : "failed" });
    }
  }

  /** isFresh says whether a row came by the live tail. */
  isFresh(id: string): boolean {
    return this.#fresh.has(id);
  }

  /** release shows the rows that were held back, or goes back to the newest. */
  release() {
    this.#hold = false;
    const { window } = this.#state;
    if (window.detached) void this.reload();
    else if (window.fresh > 0) this.#set({ window: release(window) });
  }

  setFollowing(following: boolean) {
    this.#set({ following });
    this.#follow();
  }

  /** place takes note of how far the reader has scrolled. */
  place(scroll: number) {
    this.scroll = scroll;
    const away = scroll > nearTop;
    if (this.#hold && !away && !this.#state.window.detached) this.release();
    this.#hold = away;
  }

  /** pointed keeps the rows still for a moment, so that they can be clicked. */
  pointed() {
    this.#hold = true;
    window.clearTimeout(this.#pointing);
    this.#pointing = window.setTimeout(() => this.place(this.scroll), restless);
  }

  async #catchUp() {
    if (this.#state.status !== "ready") return;
    const load = this.#load?.signal.aborted === false ? this.#load : (this.#load = new AbortController());
    try {
      const page = await api.logs(this.#params(), load.signal);
      if (load !== this.#load || this.state().status !== "ready") return; // another query meanwhile
      this.#set({ window: catchUp(this.#state.window, page.items, page.next, this.#hold) });
    } catch {
      // The live state says that the connection is lost, and its next opening tries again.
    }
  }

  #params() {
    return { limit: pageSize, ...asked(this.#query, Date.now()) };
  }

  #follow() {
    const wanted = this.#watching && this.#state.following && followable(this.#query);
    if (!wanted) this.#unfollow();
    else if (!this.#stop)
      this.#stop = tail({
        row: (row) => this.#arrive(row),
        open: () => {
          window.clearTimeout(this.#settling);
          this.#settling = window.setTimeout(() => void this.#catchUp(), settle);
        },
        state: (live) => this.#set({ live }),
      });
  }

  #unfollow() {
    this.#stop?.();
    this.#stop = undefined;
    window.clearTimeout(this.#settling);
    window.clearTimeout(this.#timer);
    this.#timer = 0;
    this.#batch = [];
  }

  #arrive(row: Row) {
    if (!matches(this.#query, row)) return;
    this.#batch.push(row);
    if (this.#batch.length > capacity) this.#batch.shift();
    this.#timer ||= window.setTimeout(() => this.#flush(), this.#pace);
  }

  #flush() {
    this.#timer = 0;
    if (this.#state.status === "loading") {
      this.#timer = window.setTimeout(() => this.#flush(), flushEvery);
      return;
    }
    const batch = this.#batch;
    this.#batch = [];
    if (this.#state.status !== "ready") return;
    if (this.#fresh.size > 4 * capacity) this.#fresh.clear();
    const flood = (batch.length * 1000) / this.#pace > busy;
    this.#pace = flood ? flushBusy : flushEvery;
    if (!flood) for (const row of batch) this.#fresh.add(row.id);
    this.#set({ window: insert(this.#state.window, batch, this.#hold), arrivals: this.#state.arrivals + 1 });
  }
}

export function message(err: unknown): string {
  return err instanceof Error ? err.message : String(err);
}
