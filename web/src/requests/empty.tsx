import { CopyButton } from "../ui/copy";

/** FirstRequest shows a newcomer the command that fills the list. The demo provider answers without any account. */
export function FirstRequest({ live }: { live: boolean }) {
  const command = `curl ${location.origin}/v1/chat/completions \\
  -H 'content-type: application/json' \\
  -d '{"model": "demo/chat", "messages": [{"role": "user", "content": "Hello"}]}'`;
  return (
    <div className="state first">
      <h2>No requests {live ? "yet in this time range" : "in this time range"}</h2>
      <p>{live ? "Send one, and it appears here at once:" : "This is how to send one:"}</p>
      <div className="command">
        <pre tabIndex={0} aria-label="Command">
          {command}
        </pre>
        <CopyButton text={command} what="the command" label="Copy" />
      </div>
      <p className="muted">
        Any OpenAI, Anthropic or Gemini client works too: set its base URL to{" "}
        <code>{location.origin}/v1</code>. If the gateway requires keys, send yours with{" "}
        <code>-H &apos;authorization: Bearer …&apos;</code>. With an account of your own, name its model
        instead of <code>demo/chat</code>.
      </p>
    </div>
  );
}
