import type { ReactNode } from "react";
import type { Row } from "../api/types";
import { format, type Field } from "../requests/query";
import { Link } from "../router";
import { CopyButton } from "../ui/copy";

/** Context says who asked, in which session and trace, and how the target was chosen. Empty things are left out. */
export function Context({ row }: { row: Row }) {
  const meta = Object.entries(row.metadata);
  return (
    <dl className="context">
      <Item name="Route">{row.route}</Item>
      <Item name="Lost in translation">
        {row.dropped.length > 0 && (
          <span className="chips">
            {row.dropped.map((path) => (
              <code key={path}>{path}</code>
            ))}
          </span>
        )}
      </Item>
      <Item name="Session">{row.session && <Only field="session" value={row.session} />}</Item>
      <Item name="Trace">{row.trace && <Id value={row.trace} what="the trace id" />}</Item>
      <Item name="Span">{row.span && <Id value={row.span} what="the span id" />}</Item>
      <Item name="Parent span">{row.parent && <Id value={row.parent} what="the parent span’s id" />}</Item>
      <Item name="Key">
        {row.key ? <Only field="key" value={row.key} /> : "none (served as the local user)"}
      </Item>
      <Item name="Team">{row.team}</Item>
      <Item name="User">{row.user}</Item>
      <Item name="End user">{row.end_user && <Only field="end_user" value={row.end_user} />}</Item>
      <Item name="Task">{row.task}</Item>
      <Item name="Tags">
        {row.tags.length > 0 && (
          <span className="chips">
            {row.tags.map((tag) => (
              <span key={tag} className="badge">
                {tag}
              </span>
            ))}
          </span>
        )}
      </Item>
      <Item name="Metadata">
        {meta.length > 0 && (
          <span className="chips">
            {meta.map(([name, value]) => (
              <code key={name}>
                {name}={value}
              </code>
            ))}
          </span>
        )}
      </Item>
    </dl>
  );
}

function Item({ name, children }: { name: string; children: ReactNode }) {
  if (!children) return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Id({ value, what }: { value: string; what: string }) {
  return (
    <>
      <code>{value}</code>
      <CopyButton text={value} what={what} />
    </>
  );
}

// A link to every request that has the same.
function Only({ field, value }: { field: Field; value: string }) {
  return (
    <Link
      to={"/requests" + format({ span: { range: "30d" }, filter: { [field]: value } })}
      title="Show all with the same"
    >
      {value}
    </Link>
  );
}
