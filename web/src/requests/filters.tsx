import { useId, useState, type ChangeEvent } from "react";
import type { Row } from "../api/types";
import { Icon } from "../ui/icon";
import { fields, filtered, outcomes, ranges, type Field, type Query, type Range } from "./query";

const rangeNames: Record<Range, string> = {
  "1h": "Last hour",
  "6h": "Last 6 hours",
  "24h": "Last 24 hours",
  "7d": "Last 7 days",
  "30d": "Last 30 days",
};

interface Props {
  query: Query;
  rows: Row[]; // whose values are suggested
  change: (q: Query) => void;
}

export function Filters({ query, rows, change }: Props) {
  const [open, setOpen] = useState(false);
  const n = Object.keys(query.filter).length;
  const set = (field: Field, value: string) =>
    change({ ...query, filter: { ...query.filter, [field]: value } });
  const input = (field: Field, values: string[] = []) => (
    <TextFilter
      key={field}
      field={field}
      value={query.filter[field] ?? ""}
      values={values}
      set={(value) => set(field, value)}
    />
  );
  return (
    <search className="filters" aria-label="Filter the requests">
      <div className="filters-first">
        {input("q")}
        <SpanFilter query={query} change={change} />
        <button type="button" className="filters-more" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon name="filter" /> Filters{n > 0 && ` (${n})`}
        </button>
      </div>
      <div className="filters-rest" data-open={open}>
        <select
          aria-label="Outcome"
          className={query.filter.outcome ? "is-set" : undefined}
          value={query.filter.outcome ?? ""}
          onChange={(e) => set("outcome", e.target.value)}
        >
          <option value="">Any outcome</option>
          {outcomes.map((o) => (
            <option key={o}>{o}</option>
          ))}
        </select>
        {input("provider", distinct(rows.map((r) => r.provider)))}
        {input("model", distinct(rows.map((r) => r.model)))}
        {input("called", distinct(rows.map((r) => r.called)))}
        {input("key", distinct(rows.map((r) => r.key)))}
        {input("session", distinct(rows.map((r) => r.session)))}
        {input("end_user", distinct(rows.map((r) => r.end_user)))}
        {filtered(query) && (
          <button type="button" className="quiet" onClick={() => change({ ...query, filter: {} })}>
            Clear
          </button>
        )}
      </div>
    </search>
  );
}

function distinct(values: string[]): string[] {
  return [...new Set(values)].filter(Boolean).sort();
}

interface TextFilterProps {
  field: Field;
  value: string;
  values: string[];
  set: (value: string) => void;
}

// A text is applied on Enter, on leaving the field, and at once when it is emptied or picked from the list.
function TextFilter({ field, value, values, set }: TextFilterProps) {
  const list = useId();
  const [draft, setDraft] = useState(value);
  const [seen, setSeen] = useState(value);
  if (value !== seen) {
    setSeen(value);
    setDraft(value);
  }
  const apply = (text: string) => {
    if (text.trim() !== value) set(text.trim());
  };
  const typed = (e: ChangeEvent<HTMLInputElement>) => {
    setDraft(e.target.value);
    const how = "inputType" in e.nativeEvent ? e.nativeEvent.inputType : undefined;
    const picked = (how === undefined || how === "insertReplacementText") && values.includes(e.target.value);
    if (e.target.value === "" || picked) apply(e.target.value);
  };
  return (
    <>
      <input
        type="search"
        className={`${value ? "is-set" : ""} ${field === "q" ? "filter-q" : ""}`}
        aria-label={fields[field]}
        title={field === "called" ? "The model’s name as the client called it" : undefined}
        placeholder={field === "q" ? "Search an id or error text" : fields[field]}
        value={draft}
        list={values.length > 0 ? list : undefined}
        spellCheck={false}
        autoComplete="off"
        onChange={typed}
        onBlur={() => apply(draft)}
        onKeyDown={(e) => e.key === "Enter" && apply(draft)}
      />
      {values.length > 0 && (
        <datalist id={list}>
          {values.map((v) => (
            <option key={v} value={v} />
          ))}
        </datalist>
      )}
    </>
  );
}

function SpanFilter({ query, change }: Omit<Props, "rows">) {
  const { span } = query;
  const pick = (value: string) => {
    if (value !== "custom") {
      change({ ...query, span: { range: value as Range } });
      return;
    }
    const now = Date.now();
    change({ ...query, span: { from: iso(now - 3_600_000), to: iso(now) } });
  };
  return (
    <>
      <select
        aria-label="Time range"
        value={"range" in span ? span.range : "custom"}
        onChange={(e) => pick(e.target.value)}
      >
        {(Object.keys(ranges) as Range[]).map((r) => (
          <option key={r} value={r}>
            {rangeNames[r]}
          </option>
        ))}
        <option value="custom">From … to …</option>
      </select>
      {!("range" in span) && (
        <span className="span-custom">
          <input
            type="datetime-local"
            aria-label="From"
            required
            value={local(span.from)}
            onChange={(e) =>
              e.target.value && change({ ...query, span: { ...span, from: iso(Date.parse(e.target.value)) } })
            }
          />
          <span aria-hidden="true">–</span>
          <input
            type="datetime-local"
            aria-label="To"
            value={span.to ? local(span.to) : ""}
            onChange={(e) =>
              change({
                ...query,
                span: { from: span.from, ...(e.target.value && { to: iso(Date.parse(e.target.value)) }) },
              })
            }
          />
        </span>
      )}
    </>
  );
}

function iso(t: number): string {
  return new Date(t).toISOString();
}

// The form of datetime-local: the local zone, to the minute.
function local(at: string): string {
  const d = new Date(at);
  return new Date(d.getTime() - d.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
