import type { Attempt, Cost, Outcome, UsageSource } from "../api/types";
import { exact, nano, short } from "../money";
import { Icon } from "./icon";

const outcomes: Record<Outcome, string> = {
  ok: "The client got a whole answer.",
  error: "Refused or failed before the first byte.",
  truncated: "Failed after the first byte: the client got part of an answer and an error.",
  canceled: "The client left before the end.",
};

/** OutcomeBadge shows how an exchange ended, in form, colour and words. */
export function OutcomeBadge({ outcome, status, word }: { outcome: Outcome; status: number; word?: string }) {
  return (
    <span className={`outcome is-${outcome}`} title={outcomes[outcome]}>
      <Icon name={outcome} />
      <span className="num">{status || "–"}</span>
      {word && <span className="outcome-word">{word}</span>}
    </span>
  );
}

const sources: Record<UsageSource, string> = {
  reported: "",
  partial: "The stream ended early: the input was reported, the output counted from what had come.",
  estimated: "The provider did not say; the gateway counted.",
};

/** doubt is the least certain source among attempts that consumed something. */
export function doubt(attempts: Attempt[]): UsageSource {
  const used = attempts.filter((a) => a.cost_state !== "free").map((a) => a.usage_source);
  return used.includes("estimated") ? "estimated" : used.includes("partial") ? "partial" : "reported";
}

export function SourceMark({ source }: { source: UsageSource }) {
  if (source === "reported") return null;
  return (
    <span className="mark" title={sources[source]}>
      {source}
    </span>
  );
}

/** Money shows a cost as far as it is known. Only what was certainly free is shown without an amount. */
export function Money({ cost, source, full }: { cost: Cost; source: UsageSource; full?: boolean }) {
  const n = nano(cost.cost_usd);
  if (cost.cost_state === "free")
    return (
      <span className="muted" title="Nothing was consumed.">
        free
      </span>
    );
  if (cost.cost_state === "unpriced" || n === null)
    return (
      <span
        className="badge is-warn"
        title="No price is known for something that was consumed. Set one under prices: in the configuration."
      >
        unpriced
      </span>
    );
  return (
    <span className="money">
      <SourceMark source={source} />
      <span
        className="num"
        title={exact(n) + (cost.cost_state === "billed" ? ", as the provider billed it" : "")}
      >
        {full ? exact(n) : short(n)}
      </span>
    </span>
  );
}
