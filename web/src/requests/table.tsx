import { memo, useState, type KeyboardEvent } from "react";
import type { Row } from "../api/types";
import { count, duration } from "../format";
import { Link } from "../router";
import { doubt, Money, OutcomeBadge } from "../ui/badges";
import { Moment } from "../ui/moment";
import type { Feed } from "./feed";

// Roles are said although the elements have them: on a narrow screen the rows are laid out as cards, and browsers drop the
// meaning of a table that is not displayed as one.
export function RequestTable({ rows, feed }: { rows: Row[]; feed: Feed }) {
  return (
    <table role="table" className="rows" aria-label="Requests, newest first">
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader">Time</th>
          <th role="columnheader">Status</th>
          <th role="columnheader">Model</th>
          <th role="columnheader" className="right">
            Tokens in
          </th>
          <th role="columnheader" className="right">
            Out
          </th>
          <th role="columnheader" className="right">
            Cost
          </th>
          <th role="columnheader" className="right">
            First byte
          </th>
          <th role="columnheader" className="right">
            Duration
          </th>
          <th role="columnheader">Cache</th>
          <th role="columnheader">Key</th>
        </tr>
      </thead>
      <tbody
        role="rowgroup"
        onPointerMove={(e) => e.pointerType === "mouse" && feed.pointed()}
        onKeyDown={step}
      >
        {rows.map((row) => (
          <RequestRow key={row.id} row={row} fresh={feed.isFresh(row.id)} />
        ))}
      </tbody>
    </table>
  );
}

// Arrow keys and j/k go from row to row, as Tab does.
function step(e: KeyboardEvent<HTMLElement>) {
  const down = e.key === "ArrowDown" || e.key === "j";
  if (!down && e.key !== "ArrowUp" && e.key !== "k") return;
  const row = (e.target as HTMLElement).closest("tr");
  const next = down ? row?.nextElementSibling : row?.previousElementSibling;
  const link = next?.querySelector("a");
  if (!link) return;
  e.preventDefault();
  link.focus();
}

const RequestRow = memo(function RequestRow({ row, fresh }: { row: Row; fresh: boolean }) {
  const [arrived] = useState(fresh); // a row that came live stays marked as long as it is there
  return (
    <tr role="row" className={arrived ? "arrived" : undefined}>
      <td role="cell" className="c-time">
        <Link
          to={`/requests/${row.id}`}
          aria-label={`Request at ${new Date(row.at).toLocaleTimeString()}, ${row.called}`}
        >
          <Moment at={row.at} />
        </Link>
      </td>
      <td role="cell" className="c-status">
        <OutcomeBadge outcome={row.outcome} status={row.status} word={word(row)} />
      </td>
      <td role="cell" className="c-model">
        <Models row={row} />
      </td>
      <td role="cell" className="c-in num right" data-label="in">
        {consumed(row) ? count(row.input_tokens) : <None />}
      </td>
      <td role="cell" className="c-out num right" data-label="out">
        {consumed(row) ? count(row.output_tokens) : <None />}
      </td>
      <td role="cell" className="c-cost right">
        <Money cost={row} source={doubt(row.attempts)} />
      </td>
      <td role="cell" className="c-first num right" data-label="first byte">
        {row.first_byte_ms > 0 ? duration(row.first_byte_ms) : <None />}
      </td>
      <td role="cell" className="c-total num right">
        {duration(row.total_ms)}
      </td>
      <td role="cell" className="c-cache">
        <Cache cache={row.cache} />
      </td>
      <td role="cell" className="c-key" title={row.key || "Served without a key of the gateway"}>
        {row.key ? shortKey(row.key) : <span className="muted">local</span>}
      </td>
    </tr>
  );
});

function word(row: Row): string {
  if (row.outcome === "error" || row.outcome === "truncated")
    return row.class.replaceAll("_", " ") || row.outcome;
  return row.outcome === "canceled" ? "canceled" : "";
}

export function consumed(row: Row): boolean {
  return row.input_tokens > 0 || row.output_tokens > 0;
}

function None() {
  return <span className="muted">–</span>;
}

/** Models shows what was asked for and, where it differs, what answered. */
export function Models({ row }: { row: Row }) {
  const answered = row.model ? `${row.provider}/${row.model}` : row.provider;
  const named = row.model !== "" && (row.called === answered || row.called === row.model); // only the provider is news, if anything
  return (
    <span className="models" title={named ? answered : `${row.called} → ${answered}`}>
      {named ? (
        <span className="called">
          <span className="answered">{row.provider}/</span>
          {row.model}
        </span>
      ) : (
        <>
          <span className="called">{row.called || "–"}</span>
          {answered && <span className="answered">→ {answered}</span>}
        </>
      )}
      {row.attempts.length > 1 && (
        <span className="badge" title="More than one provider call was needed">
          {row.attempts.length}
          <span className="wide"> attempts</span>
          <span className="narrow">×</span>
        </span>
      )}
    </span>
  );
}

function Cache({ cache }: { cache: string }) {
  if (cache === "hit" || cache === "semantic") return <span className="badge is-accent">{cache}</span>;
  return cache ? <span className="muted">{cache}</span> : <None />;
}

// Ids are long; their end differs where their start, a time, does not.
function shortKey(key: string): string {
  return key.length > 14 ? `…${key.slice(-10)}` : key;
}
