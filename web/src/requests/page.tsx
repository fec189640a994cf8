import { useEffect, useLayoutEffect, useMemo, useSyncExternalStore } from "react";
import { count } from "../format";
import { navigate } from "../router";
import { Icon } from "../ui/icon";
import { Failure, Loading } from "../ui/states";
import { FirstRequest } from "./empty";
import type { Feed } from "./feed";
import { Filters } from "./filters";
import { filtered, followable, format, parse, type Query } from "./query";
import { Summary } from "./summary";
import { RequestTable } from "./table";

export function RequestsPage({ feed, search }: { feed: Feed; search: string }) {
  const state = useSyncExternalStore(feed.subscribe, feed.state);
  const query = useMemo(() => parse(search), [search]);
  const change = (q: Query) => navigate("/requests" + format(q));

  useEffect(() => {
    document.title = "Requests · Tidegate";
  }, []);
  useWatching(feed, search);
  usePlace(feed, state.status === "ready");

  const { window: held, status } = state;
  return (
    <main id="main" className="page requests">
      <div className="head">
        <h1>Requests</h1>
        <LiveSwitch
          on={state.following}
          possible={followable(query)}
          lost={state.live === "lost"}
          set={(on) => feed.setFollowing(on)}
        />
      </div>
      <Summary query={query} feed={feed} />
      <Filters query={query} rows={held.rows} change={change} />
      {(held.fresh > 0 || held.detached) && (
        <button
          type="button"
          className="new-rows"
          onClick={() => {
            window.scrollTo(0, 0);
            feed.release();
          }}
        >
          <Icon name="up" />
          {held.fresh > 0 ? `${count(held.fresh)} new` : "Back to the newest"}
        </button>
      )}
      {status === "loading" && <Loading what="requests" />}
      {status === "failed" && (
        <Failure
          title="The requests could not be loaded"
          error={state.error}
          retry={() => void feed.reload()}
        />
      )}
      {status === "ready" && held.rows.length === 0 && <Nothing query={query} change={change} />}
      {status === "ready" && held.rows.length > 0 && (
        <>
          <RequestTable rows={held.rows} feed={feed} />
          <End feed={feed} />
        </>
      )}
    </main>
  );
}

// The tail is closed in a tab that nobody sees: a browser allows a server six connections, and tabs are left open.
function useWatching(feed: Feed, search: string) {
  useEffect(() => {
    const follow = () => (document.hidden ? feed.close() : feed.open(search));
    follow();
    document.addEventListener("visibilitychange", follow);
    return () => {
      document.removeEventListener("visibilitychange", follow);
      feed.close();
    };
  }, [feed, search]);
}

// Comes back to where the reader left the list, and tells it where he is.
function usePlace(feed: Feed, ready: boolean) {
  useLayoutEffect(() => {
    if (ready) window.scrollTo(0, feed.scroll);
  }, [feed, ready]);
  useEffect(() => {
    const scrolled = () => feed.place(window.scrollY);
    window.addEventListener("scroll", scrolled, { passive: true });
    return () => window.removeEventListener("scroll", scrolled);
  }, [feed]);
}

interface LiveSwitchProps {
  on: boolean;
  possible: boolean;
  lost: boolean;
  set: (on: boolean) => void;
}

function LiveSwitch({ on, possible, lost, set }: LiveSwitchProps) {
  const title = possible
    ? "New requests appear as they end"
    : "A time range with an end gets no new requests";
  return (
    <button
      type="button"
      role="switch"
      className="live"
      data-lost={lost}
      aria-checked={on && possible}
      disabled={!possible}
      title={title}
      onClick={() => set(!on)}
    >
      <span className="live-dot" aria-hidden="true" />
      {possible && on && lost ? "Reconnecting…" : "Live"}
    </button>
  );
}

function Nothing({ query, change }: { query: Query; change: (q: Query) => void }) {
  if (!filtered(query)) return <FirstRequest live={followable(query)} />;
  return (
    <div className="state">
      <h2>No request matches</h2>
      <p>Nothing in this time range fits all of the filters.</p>
      <button type="button" onClick={() => change({ ...query, filter: {} })}>
        Clear the filters
      </button>
    </div>
  );
}

function End({ feed }: { feed: Feed }) {
  const { window: held, older } = feed.state();
  if (!held.older) return <p className="end muted">No older requests in this time range.</p>;
  return (
    <div className="end">
      {older === "failed" && (
        <p className="error-text" role="alert">
          Older requests could not be loaded.
        </p>
      )}
      <button type="button" disabled={older === "loading"} onClick={() => void feed.loadOlder()}>
        {older === "loading" ? "Loading…" : older === "failed" ? "Try again" : "Load older"}
      </button>
    </div>
  );
}
