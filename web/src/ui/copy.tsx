import { useEffect, useState } from "react";
import { copy } from "../clipboard";
import { Icon } from "./icon";

/** CopyButton copies text and says so for two seconds. With a label it shows it, else only an icon. */
export function CopyButton({ text, what, label }: { text: string; what: string; label?: string }) {
  const [said, setSaid] = useState<"" | "Copied" | "Copying failed">("");
  useEffect(() => {
    if (!said) return;
    const timer = window.setTimeout(() => setSaid(""), 2000);
    return () => window.clearTimeout(timer);
  }, [said]);
  return (
    <button
      type="button"
      className={label ? "quiet" : "quiet icon-only"}
      aria-label={`Copy ${what}`}
      title={`Copy ${what}`}
      onClick={() => void copy(text).then((done) => setSaid(done ? "Copied" : "Copying failed"))}
    >
      <Icon name={said === "Copied" ? "check" : "copy"} />
      {label && <span>{said || label}</span>}
      <span className="offscreen" role="status">
        {said}
      </span>
    </button>
  );
}
