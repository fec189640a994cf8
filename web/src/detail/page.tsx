import { useCallback, useEffect, useLayoutEffect, useState, type ReactNode } from "react";
import { api, ApiError } from "../api/client";
import type { Detail } from "../api/types";
import { bytes, count, duration } from "../format";
import { message } from "../requests/feed";
import { consumed, Models } from "../requests/table";
import { cameFrom, Link } from "../router";
import { doubt, Money, OutcomeBadge } from "../ui/badges";
import { CopyButton } from "../ui/copy";
import { Icon } from "../ui/icon";
import { Moment } from "../ui/moment";
import { Failure, Loading } from "../ui/states";
import { Attempts } from "./attempts";
import { Bodies } from "./bodies";
import { Context } from "./context";
import { Meters } from "./meters";

type State =
  { at: "loading" } | { at: "missing" } | { at: "failed"; error: string } | { at: "ready"; entry: Detail };

export function DetailPage({ id }: { id: string }) {
  const [state, setState] = useState<State>({ at: "loading" });
  const [tries, setTries] = useState(0);
  useLayoutEffect(() => {
    window.scrollTo(0, 0);
  }, []);
  useEffect(() => {
    document.title = `Request ${id} · Tidegate`;
    const load = new AbortController();
    api.log(id, load.signal).then(
      (entry) => setState({ at: "ready", entry }),
      (err: unknown) => {
        if (load.signal.aborted) return;
        setState(
          err instanceof ApiError && err.status === 404
            ? { at: "missing" }
            : { at: "failed", error: message(err) },
        );
      },
    );
    return () => load.abort();
  }, [id, tries]);
  const retry = useCallback(() => {
    setState({ at: "loading" });
    setTries((n) => n + 1);
  }, []);

  return (
    <main id="main" className="page detail">
      <p className="crumbs">
        <BackLink />
      </p>
      {state.at === "loading" && <Loading what="request" />}
      {state.at === "failed" && (
        <Failure title="The request could not be loaded" error={state.error} retry={retry} />
      )}
      {state.at === "missing" && (
        <div className="state">
          <h1>There is no such request</h1>
          <p>
            <code>{id}</code> was never seen here, or its time in the log is over.
          </p>
        </div>
      )}
      {state.at === "ready" && <Entry entry={state.entry} />}
    </main>
  );
}

// Back to the list as it was, with its filters, unless this page is where the reader began.
function BackLink() {
  const from = cameFrom();
  return (
    <Link to={/^\/requests(\?|$)/.test(from) ? from : "/requests"}>
      <Icon name="back" /> Requests
    </Link>
  );
}

function Entry({ entry }: { entry: Detail }) {
  return (
    <>
      <Head entry={entry} />
      <Section title="Attempts">
        <Attempts row={entry} />
      </Section>
      <div className="columns">
        <Section title="Tokens and cost">
          <Meters row={entry} />
        </Section>
        <Section title="Context">
          <Context row={entry} />
        </Section>
      </div>
      <Bodies entry={entry} />
    </>
  );
}

function Head({ entry: e }: { entry: Detail }) {
  return (
    <header className="detail-head">
      <div className="detail-title">
        <OutcomeBadge outcome={e.outcome} status={e.status} word={e.outcome} />
        <h1>
          <Models row={e} />
        </h1>
      </div>
      <p className="detail-id">
        <code>{e.id}</code>
        <CopyButton text={e.id} what="the request id" />
      </p>
      <p className="muted">
        <Moment at={e.at} full /> · {e.method} {e.path} · {e.surface}
        {e.stream && " · stream"}
      </p>
      {e.outcome !== "ok" && (e.message || e.class) && (
        <div className={`callout is-${e.outcome}`} role="note">
          <strong>{e.class.replaceAll("_", " ") || e.outcome}</strong>
          {e.code && <code>{e.code}</code>}
          <span>{e.message}</span>
        </div>
      )}
      <dl className="facts">
        <Fact name="Cost">
          <Money cost={e} source={doubt(e.attempts)} />
        </Fact>
        <Fact name="Tokens in / out">
          {consumed(e) ? `${count(e.input_tokens)} / ${count(e.output_tokens)}` : "–"}
        </Fact>
        <Fact name="Duration">{duration(e.total_ms)}</Fact>
        <Fact name="First byte">{e.first_byte_ms > 0 ? duration(e.first_byte_ms) : "–"}</Fact>
        <Fact
          name="Gateway’s own time"
          title="Before the first attempt and between attempts, with the pauses before retries"
        >
          {duration(e.overhead_us / 1000)}
        </Fact>
        <Fact name="Bytes in / out">
          {bytes(e.bytes_in)} / {bytes(e.bytes_out)}
        </Fact>
        <Fact name="Cache">{e.cache || "–"}</Fact>
        {e.stop && <Fact name="Stopped">{e.stop}</Fact>}
      </dl>
    </header>
  );
}

function Fact({ name, title, children }: { name: string; title?: string; children: ReactNode }) {
  return (
    <div title={title}>
      <dt>{name}</dt>
      <dd className="num">{children}</dd>
    </div>
  );
}

export function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="card">
      <h2>{title}</h2>
      {children}
    </section>
  );
}
