import { useEffect, useState, type ReactNode } from "react";
import { api } from "../api/client";
import type { UsageBucket } from "../api/types";
import { about, count, duration, percent, stamp } from "../format";
import { exact, short } from "../money";
import type { Feed } from "./feed";
import { asked, format, parse, type Query } from "./query";
import { bars, bucket, total, type Totals } from "./usage";

const refreshEvery = 5000; // ms, while new requests arrive

interface Figures {
  totals: Totals;
  series: UsageBucket[];
  width: "hour" | "day";
}

/** Summary is about the whole list, also what of it is not loaded. */
export function Summary({ query, feed }: { query: Query; feed: Feed }) {
  const { figures, failed } = useFigures(query, feed);
  const t = figures?.totals;
  const near = t?.blended ? "≈ " : "";
  return (
    <section className="summary" aria-label="Summary" data-failed={failed}>
      <Figure name="Requests">{t && about(t.requests)}</Figure>
      <Figure name="Errors" tone={t && t.errors > 0 ? "error" : ""}>
        {t && about(t.errors)} {t && t.errors > 0 && <small>{percent(t.errors, t.requests)}</small>}
      </Figure>
      <Figure name="Tokens in / out" title={t && `${count(t.input)} in, ${count(t.output)} out`}>
        {t && `${about(t.input)} / ${about(t.output)}`}
      </Figure>
      <Figure name="Cost" title={t && `${exact(t.cost)}${t.unpriced > 0 ? " for what has a price" : ""}`}>
        {t && <CostTotal totals={t} />}
      </Figure>
      <Figure
        name="Latency p50 / p95"
        title={
          t?.blended
            ? "Weighted mean of the hourly percentiles: near the true ones, not exactly them"
            : undefined
        }
      >
        {t && (t.p50 > 0 ? `${near}${duration(t.p50)} / ${duration(t.p95)}` : "–")}
      </Figure>
      {figures && figures.series.length > 2 && <Spark series={figures.series} width={figures.width} />}
      {failed && (
        <p className="error-text" role="alert">
          The figures could not be loaded.
        </p>
      )}
    </section>
  );
}

function CostTotal({ totals: t }: { totals: Totals }) {
  const unpriced = t.unpriced > 0 && (
    <span className="badge is-warn" title="Provider calls without a known price are not in the sum">
      {count(t.unpriced)} unpriced
    </span>
  );
  if (t.cost === 0n && unpriced) return unpriced;
  return (
    <>
      {short(t.cost)} {unpriced}
    </>
  );
}

function useFigures(query: Query, feed: Feed) {
  const [figures, setFigures] = useState<Figures>();
  const [failed, setFailed] = useState(false);
  const search = format(query);

  useEffect(() => {
    const load = new AbortController();
    const query = parse(search);
    let [last, timer, seen] = [0, 0, feed.state().arrivals];
    const refresh = async () => {
      timer = 0;
      last = Date.now();
      const params = asked(query, last);
      const width = bucket(params.from, params.to ? Date.parse(params.to) : last);
      try {
        const { items } = await api.usage({ ...params, bucket: width }, load.signal);
        setFigures({ totals: total(items), series: items, width });
        setFailed(false);
      } catch {
        if (!load.signal.aborted) setFailed(true);
      }
    };
    const arrived = () => {
      const { arrivals } = feed.state();
      if (arrivals === seen) return;
      seen = arrivals;
      timer ||= window.setTimeout(() => void refresh(), Math.max(1000, last + refreshEvery - Date.now()));
    };
    void refresh();
    const unsubscribe = feed.subscribe(arrived);
    return () => {
      unsubscribe();
      window.clearTimeout(timer);
      load.abort();
    };
  }, [feed, search]);
  return { figures, failed };
}

interface FigureProps {
  name: string;
  title?: string | undefined;
  tone?: "error" | "" | undefined;
  children: ReactNode;
}

function Figure({ name, title, tone, children }: FigureProps) {
  return (
    <div className="figure" title={title} data-tone={tone}>
      <span className="figure-name">{name}</span>
      <span className="figure-value num">{children ?? " "}</span>
    </div>
  );
}

const height = 36;

function Spark({ series, width }: { series: UsageBucket[]; width: "hour" | "day" }) {
  const list = bars(series, width, 48);
  const top = Math.max(1, ...list.map((b) => b.requests));
  const sum = list.reduce((n, b) => n + b.requests, 0);
  return (
    <svg
      className="spark"
      role="img"
      aria-label={`Requests over time: ${count(sum)} in ${list.length} intervals, at most ${count(top)} in one`}
      viewBox={`0 0 ${list.length * 6} ${height}`}
      preserveAspectRatio="none"
    >
      {list.map((b, i) => {
        const all = scale(b.requests, top);
        const bad = scale(b.errors, top);
        return (
          <g key={b.from.getTime()}>
            <rect className="spark-hit" x={i * 6} y={0} width={6} height={height}>
              <title>{`${stamp(b.from).slice(0, 16)}: ${count(b.requests)} requests, ${count(b.errors)} errors`}</title>
            </rect>
            <rect className="spark-ok" x={i * 6 + 0.75} y={height - all} width={4.5} height={all - bad} />
            <rect className="spark-bad" x={i * 6 + 0.75} y={height - bad} width={4.5} height={bad} />
          </g>
        );
      })}
    </svg>
  );
}

// What is not nothing is seen.
function scale(n: number, top: number): number {
  return n === 0 ? 0 : Math.max(1.5, (n / top) * (height - 2));
}
