import type { Row } from "../api/types";
import { duration } from "../format";
import { Icon } from "../ui/icon";
import { billing, timeline, why, type Bar } from "./timeline";

/** Attempts is the time axis of an exchange: one bar per provider call. */
export function Attempts({ row }: { row: Row }) {
  if (row.attempts.length === 0)
    return (
      <p className="muted">
        {row.cache === "hit" || row.cache === "semantic"
          ? "Answered from the cache: no provider was called."
          : "No provider was called."}
      </p>
    );
  const t = timeline(row);
  return (
    <div className="timeline">
      <ol>
        {t.bars.map((bar, i) => (
          <Lane key={bar.attempt.n} bar={bar} followed={i < t.bars.length - 1} client={t.client} />
        ))}
      </ol>
      <div className="axis" aria-hidden="true">
        {t.ticks.map((ms) => (
          <span key={ms} style={{ left: share(ms / t.span) }}>
            {ms === 0 ? "0" : duration(ms)}
          </span>
        ))}
      </div>
      <p className="legend muted">
        <span className="key key-wait" /> waiting <span className="key key-flow" /> answering{" "}
        <span className="key key-first" /> first byte from the provider
        {t.client !== null && (
          <>
            {" "}
            <span className="key key-client" /> first byte to the client
          </>
        )}
      </p>
    </div>
  );
}

function Lane({ bar, followed, client }: { bar: Bar; followed: boolean; client: number | null }) {
  const a = bar.attempt;
  const failed = a.class !== "";
  const wait = bar.firstByte === null ? bar.length : Math.min(bar.firstByte - bar.start, bar.length);
  return (
    <li className={failed ? "lane is-failed" : "lane"}>
      <div className="lane-name">
        <Icon name={failed ? "error" : "ok"} />
        <strong>
          {a.n}. {a.provider}/{a.model}
        </strong>
        {a.credential && <span className="muted">key {a.credential}</span>}
      </div>
      <div className="lane-track">
        <span className="bar-wait" style={{ left: share(bar.start), width: share(wait) }} />
        {bar.firstByte !== null && (
          <>
            <span
              className="bar-flow"
              style={{ left: share(bar.firstByte), width: share(bar.length - wait) }}
            />
            <span className="bar-first" style={{ left: share(bar.firstByte) }} />
          </>
        )}
        {client !== null && <span className="bar-client" style={{ left: share(client) }} />}
      </div>
      <div className="lane-says num">
        {a.status > 0 && <span>{a.status}</span>}
        {failed && <span className="error-text">{a.class.replaceAll("_", " ")}</span>}
        <span>{duration(a.total_ms)}</span>
        {a.first_byte_ms > 0 && <span className="muted">first byte {duration(a.first_byte_ms)}</span>}
      </div>
      {failed && (
        <p className="lane-why">
          {a.code && <code>{a.code}</code>} {a.message} <span className="muted">{billing(a)}</span>
          {followed && <strong> Retried because: {why(a)}.</strong>}
        </p>
      )}
    </li>
  );
}

function share(x: number): string {
  return `${(Math.min(1, Math.max(0, x)) * 100).toFixed(3)}%`;
}
