import { clock, stamp, utc } from "../format";

/** Moment is a time in the local zone; the tooltip has it in UTC. */
export function Moment({ at, full }: { at: string; full?: boolean }) {
  const date = new Date(at);
  return (
    <time dateTime={at} title={utc(date)} className="num">
      {full ? stamp(date) : clock(date, new Date())}
    </time>
  );
}
