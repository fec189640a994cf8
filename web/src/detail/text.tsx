import { memo, useEffect, useMemo, useRef, useState } from "react";
import { bytes } from "../format";
import { blocks, pretty, tokens } from "./json";

const preview = 60_000; // characters that are laid out without being asked for

interface Props {
  text: string;
  json?: boolean; // lay it out and colour it
  label: string;
}

/** Text shows a text of any length: its beginning at first, and what is asked for in blocks that the browser lays out lazily. */
export function Text({ text, json = false, label }: Props) {
  const [all, setAll] = useState(false);
  const limit = all ? Infinity : preview;
  const shown = useMemo(() => {
    if (json) return pretty(text, limit);
    return text.length > limit ? { text: text.slice(0, limit), cut: true } : { text, cut: false };
  }, [text, json, limit]);
  const parts = useMemo(() => blocks(shown.text), [shown]);
  return (
    <>
      <div className="text" role="region" aria-label={label} tabIndex={0}>
        {parts.map((part, i) => (
          <Block key={i} text={part} json={json} lazy={parts.length > 4} />
        ))}
        {shown.cut && <span className="muted">…</span>}
      </div>
      {shown.cut && (
        <p className="more">
          <span className="muted">Only the beginning is shown.</span>
          <button type="button" onClick={() => setAll(true)}>
            Show all ({bytes(text.length)})
          </button>
        </p>
      )}
    </>
  );
}

// A block is coloured when it first comes near the screen: colouring megabytes at once would stop the page.
const Block = memo(function Block({ text, json, lazy }: { text: string; json: boolean; lazy: boolean }) {
  const ref = useRef<HTMLPreElement>(null);
  const [near, setNear] = useState(!lazy);
  useEffect(() => {
    const pre = ref.current;
    if (!json || !lazy || !pre) return;
    const watch = new IntersectionObserver(
      ([entry]) => {
        if (!entry?.isIntersecting) return;
        setNear(true);
        watch.disconnect();
      },
      { rootMargin: "800px" },
    );
    watch.observe(pre);
    return () => watch.disconnect();
  }, [json, lazy]);
  const lines = useMemo(() => text.split("\n").length, [text]);
  return (
    <pre
      ref={ref}
      className={lazy ? "lazy" : undefined}
      style={lazy ? { containIntrinsicBlockSize: `auto ${lines * 20}px` } : undefined}
    >
      {json && near
        ? tokens(text).map((t, i) =>
            t.kind ? (
              <span key={i} className={`t-${t.kind}`}>
                {t.text}
              </span>
            ) : (
              t.text
            ),
          )
        : text}
    </pre>
  );
});
