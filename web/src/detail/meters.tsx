import type { Attempt, Row } from "../api/types";
import { count } from "../format";
import { doubt, Money, SourceMark } from "../ui/badges";

const names: Record<string, string> = {
  input_text: "Input",
  input_cache_read: "Cache read",
  input_cache_write_5m: "Cache write, 5 minutes",
  input_cache_write_1h: "Cache write, 1 hour",
  input_audio: "Audio input",
  input_image: "Image input",
  output_text: "Output",
  output_reasoning: "Reasoning",
  output_audio: "Audio output",
  output_image: "Image output",
  searches: "Web searches",
  audio_millis: "Audio, milliseconds",
  characters: "Characters of speech",
  images: "Images made",
};

function pricing(a: Attempt): string {
  switch (a.cost_state) {
    case "priced":
      return a.price_version === "config" ? "as configured" : `price book ${a.price_version}`;
    case "billed":
      return "billed by the provider";
    case "unpriced":
      return "no price known";
    case "free":
      return "not billed";
  }
}

/** Meters shows what every attempt consumed and how that became money. */
export function Meters({ row }: { row: Row }) {
  const attempts = row.attempts;
  if (attempts.length === 0) return <p className="muted">Nothing was consumed.</p>;
  const used = [...new Set([...Object.keys(names), ...attempts.flatMap((a) => Object.keys(a.usage))])].filter(
    (m) => attempts.some((a) => (a.usage[m] ?? 0) > 0),
  );
  const several = attempts.length > 1;
  return (
    <div className="scroll-x" role="region" aria-label="Tokens and cost" tabIndex={0}>
      <table className="meters">
        <thead>
          <tr>
            <td />
            {attempts.map((a) => (
              <th key={a.n} scope="col" className="right">
                {several ? `Attempt ${a.n}` : `${a.provider}/${a.model}`}
              </th>
            ))}
            {several && (
              <th scope="col" className="right">
                Sum
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {used.map((m) => (
            <tr key={m}>
              <th scope="row">{names[m] ?? m}</th>
              {attempts.map((a) => (
                <td key={a.n} className="num right">
                  {a.usage[m] ? count(a.usage[m]) : "–"}
                </td>
              ))}
              {several && (
                <td className="num right">{count(attempts.reduce((n, a) => n + (a.usage[m] ?? 0), 0))}</td>
              )}
            </tr>
          ))}
          <tr>
            <th scope="row">Counted by</th>
            {attempts.map((a) => (
              <td key={a.n} className="right">
                {a.cost_state === "free" ? (
                  <span className="muted">–</span>
                ) : a.usage_source === "reported" ? (
                  "the provider"
                ) : (
                  <SourceMark source={a.usage_source} />
                )}
              </td>
            ))}
            {several && <td />}
          </tr>
          <tr>
            <th scope="row">Price</th>
            {attempts.map((a) => (
              <td key={a.n} className="right">
                {pricing(a)}
              </td>
            ))}
            {several && <td />}
          </tr>
          <tr className="sum">
            <th scope="row">Cost</th>
            {attempts.map((a) => (
              <td key={a.n} className="right">
                <Money cost={a} source={doubt([a])} full />
              </td>
            ))}
            {several && (
              <td className="right">
                <Money cost={row} source={doubt(attempts)} full />
              </td>
            )}
          </tr>
        </tbody>
      </table>
    </div>
  );
}
