import { complete, type Row } from "./types";

export type LiveState = "connecting" | "on" | "lost";

interface Handlers {
  row: (row: Row) => void;
  /** Called when the stream opens, the first time and after every break: rows may have been missed before. */
  open: () => void;
  state: (state: LiveState) => void;
}

/** tail follows the live tail until the function it returns is called. */
export function tail({ row, open, state }: Handlers): () => void {
  let source: EventSource | undefined;
  let timer = 0;
  let wait = 1000;

  const connect = () => {
    state("connecting");
    source = new EventSource("/admin/v1/logs/stream");
    source.addEventListener("open", () => {
      wait = 1000;
      state("on");
      open();
    });
    source.addEventListener("row", (e: MessageEvent<string>) => row(complete(JSON.parse(e.data) as Row)));
    source.addEventListener("error", () => {
      state("lost");
      // The browser retries a broken stream by itself, but gives up on an answer that is no stream.
      if (source?.readyState !== EventSource.CLOSED) return;
      timer = window.setTimeout(connect, wait);
      wait = Math.min(wait * 2, 30_000);
    });
  };
  connect();

  return () => {
    window.clearTimeout(timer);
    source?.close();
  };
}
