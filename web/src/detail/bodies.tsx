import { useId, useMemo, useState, type ReactNode } from "react";
import type { Detail } from "../api/types";
import { bytes, count } from "../format";
import { CopyButton } from "../ui/copy";
import { assemble } from "./assemble";
import { isJSON } from "./json";
import { isStream, parse, type Event } from "./sse";
import { Text } from "./text";

/** Bodies is what went over the wire, as far as it was kept. */
export function Bodies({ entry }: { entry: Detail }) {
  const { request, response, upstream } = entry;
  if (!request && !response)
    return (
      <section className="card">
        <h2>Bodies</h2>
        <p className="muted">
          {entry.bodies
            ? "The bodies are no longer kept: they leave the log before the rest of the record."
            : "The bodies of this request were not kept."}
        </p>
      </section>
    );
  return (
    <>
      {request && (
        <Body title="Request" body={request.body}>
          <Headers headers={request.headers} of="request" />
        </Body>
      )}
      {upstream && <Body title="Request to the provider" note="translated" body={upstream.body} />}
      {response && (
        <Body
          title="Response"
          note={response.cut ? "cut at the limit for kept bodies" : ""}
          body={response.body}
          stream={isStream(response.headers, response.body)}
        >
          <Headers headers={response.headers} of="response" />
        </Body>
      )}
    </>
  );
}

type View = "Text" | "Events" | "Pretty" | "Raw";

interface BodyProps {
  title: string;
  note?: string;
  body: string;
  stream?: boolean;
  children?: ReactNode;
}

function Body({ title, note, body, stream = false, children }: BodyProps) {
  const views: View[] = stream ? ["Text", "Events", "Raw"] : isJSON(body) ? ["Pretty", "Raw"] : ["Raw"];
  const [view, setView] = useState<View>(views[0] ?? "Raw");
  const heading = useId();
  return (
    <section className="card body" aria-labelledby={heading}>
      <header>
        <h2 id={heading}>{title}</h2>
        <span className="muted num">
          {body ? bytes(size(body)) : "empty"}
          {note && ` · ${note}`}
        </span>
        <div className="body-tools">
          {views.length > 1 && (
            <div className="choice" role="group" aria-label={`View of the ${title.toLowerCase()}`}>
              {views.map((v) => (
                <button key={v} type="button" aria-pressed={v === view} onClick={() => setView(v)}>
                  {v}
                </button>
              ))}
            </div>
          )}
          {body && <CopyButton text={body} what={`the ${title.toLowerCase()} body`} label="Copy" />}
        </div>
      </header>
      {children}
      {body && view === "Raw" && <Text text={body} label={`${title}, raw`} />}
      {view === "Pretty" && <Text text={body} json label={`${title}, laid out`} />}
      {view === "Text" && <Assembled body={body} />}
      {view === "Events" && <Events body={body} />}
    </section>
  );
}

// In the encoding of the wire, where an é has two bytes.
function size(body: string): number {
  return new Blob([body]).size;
}

function Headers({ headers, of }: { headers: Record<string, string>; of: string }) {
  const list = Object.entries(headers).sort(([a], [b]) => a.localeCompare(b));
  if (list.length === 0) return null;
  return (
    <details className="headers">
      <summary>
        {list.length} {of} headers
      </summary>
      <table>
        <tbody>
          {list.map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name.toLowerCase()}</th>
              <td>{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

const kinds = { text: "", reasoning: "Reasoning", refusal: "Refusal", tool: "Tool call", error: "Error" };

function Assembled({ body }: { body: string }) {
  const pieces = useMemo(() => assemble(parse(body)), [body]);
  if (pieces.length === 0)
    return <p className="muted">The stream has no text that the console knows. See its events.</p>;
  return (
    <div className="pieces">
      {pieces.map((p, i) => (
        <div key={i} className={`piece is-${p.kind}`}>
          {(kinds[p.kind] || p.label) && (
            <p className="piece-name">
              {kinds[p.kind]} {p.label && <code>{p.label}</code>}
            </p>
          )}
          <Text text={p.text} json={p.kind === "tool"} label={kinds[p.kind] || "Assembled text"} />
        </div>
      ))}
    </div>
  );
}

const eventsFirst = 200;

function Events({ body }: { body: string }) {
  const events = useMemo(() => parse(body), [body]);
  const [all, setAll] = useState(false);
  const shown = all ? events : events.slice(0, eventsFirst);
  return (
    <>
      <ol className="events" tabIndex={0} aria-label="Events of the stream">
        {shown.map((e, i) => (
          <EventRow key={i} n={i + 1} event={e} />
        ))}
      </ol>
      {!all && events.length > shown.length && (
        <p className="more">
          <span className="muted">
            The first {count(shown.length)} of {count(events.length)} events
          </span>
          <button type="button" onClick={() => setAll(true)}>
            Show all
          </button>
        </p>
      )}
    </>
  );
}

function EventRow({ n, event }: { n: number; event: Event }) {
  const [open, setOpen] = useState(false);
  return (
    <li>
      <details onToggle={(e) => setOpen(e.currentTarget.open)}>
        <summary>
          <span className="muted num">{n}</span>
          {event.name && <strong>{event.name}</strong>}
          <code>{event.data.slice(0, 240)}</code>
        </summary>
        {open && <Text text={event.data} json={isJSON(event.data)} label={`Event ${n}`} />}
      </details>
    </li>
  );
}
