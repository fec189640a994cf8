import type { Outcome, Row } from "../api/types";

/** Ranges that end now, in minutes. */
export const ranges = { "1h": 60, "6h": 360, "24h": 1440, "7d": 10_080, "30d": 43_200 } as const;
export type Range = keyof typeof ranges;

export const outcomes: Outcome[] = ["ok", "error", "truncated", "canceled"];

/** The filters that name one value each, with the words for them. */
export const fields = {
  q: "Search",
  provider: "Provider",
  model: "Model",
  called: "Called",
  outcome: "Outcome",
  key: "Key",
  session: "Session",
  end_user: "End user",
} as const;
export type Field = keyof typeof fields;

/** Span is what the list is about in time: up to now, or from one moment to another or on (ISO, UTC). */
export type Span = { range: Range } | { from: string; to?: string };

/** An empty filter is none: format drops it. */
export interface Query {
  span: Span;
  filter: Partial<Record<Field, string>>;
}

const usual: Range = "24h";

/** parse reads a query from the address bar; what it does not understand is as if it were not there. */
export function parse(search: string): Query {
  const params = new URLSearchParams(search);
  const filter: Query["filter"] = {};
  for (const f of Object.keys(fields) as Field[]) {
    const value = params.get(f)?.trim();
    if (value) filter[f] = value;
  }
  if (filter.outcome && !outcomes.includes(filter.outcome as Outcome)) delete filter.outcome;
  return { span: parseSpan(params), filter };
}

function parseSpan(params: URLSearchParams): Span {
  const from = moment(params.get("from"));
  const to = moment(params.get("to"));
  if (from) return to && to > from ? { from, to } : { from };
  const range = params.get("range");
  return { range: range && range in ranges ? (range as Range) : usual };
}

function moment(s: string | null): string | undefined {
  const t = Date.parse(s ?? "");
  return Number.isNaN(t) ? undefined : new Date(t).toISOString();
}

/** format writes a query for the address bar: "" for the usual one, so that the plain address stays plain. */
export function format({ span, filter }: Query): string {
  const params = new URLSearchParams();
  for (const f of Object.keys(fields) as Field[]) {
    const value = filter[f];
    if (value) params.set(f, value);
  }
  if (!("range" in span)) {
    params.set("from", span.from);
    if (span.to) params.set("to", span.to);
  } else if (span.range !== usual) {
    params.set("range", span.range);
  }
  return params.size > 0 ? `?${params}` : "";
}

/** asked is a query at a given time, as the API takes it. */
export function asked({ span, filter }: Query, now: number): { from: string; to?: string } & Query["filter"] {
  if (!("range" in span)) return { ...filter, ...span };
  return { ...filter, from: new Date(now - ranges[span.range] * 60_000).toISOString() };
}

/** filtered says whether anything but the time limits the list. */
export function filtered(q: Query): boolean {
  return Object.keys(q.filter).length > 0;
}

/** followable says whether the live tail can add to this list: one with an end in time gets no new rows. */
export function followable({ span }: Query): boolean {
  return "range" in span || !span.to;
}

/** matches says whether a row of the live tail belongs to the list, by the server's own rules. */
export function matches({ filter, span }: Query, row: Row): boolean {
  const is = (f: Exclude<Field, "q">) => !filter[f] || filter[f] === row[f];
  const text = filter.q?.toLowerCase();
  const from = "range" in span ? undefined : span.from;
  return (
    (!text || row.id.toLowerCase() === text || row.message.toLowerCase().includes(text)) &&
    is("provider") &&
    is("called") &&
    is("model") &&
    is("outcome") &&
    is("key") &&
    is("session") &&
    is("end_user") &&
    (from === undefined || Date.parse(row.at) >= Date.parse(from))
  );
}
