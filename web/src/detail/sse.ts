/** An event of a stream, as its receiver sees it. */
export interface Event {
  name: string; // "" where the stream does not name its events
  data: string;
}

/** isStream says whether a body is a stream of server-sent events. */
export function isStream(headers: Record<string, string>, body: string): boolean {
  const type = Object.entries(headers).find(([name]) => name.toLowerCase() === "content-type")?.[1];
  if (type) return type.toLowerCase().startsWith("text/event-stream");
  return /^(data|event|id):/.test(body);
}

/**
 * parse splits a body into events. Fields are as in the HTML standard (9.2.6, seen 2026-11); unlike a browser it keeps an
 * event that was cut off at the end, since that is what one looks for in a log.
 */
export function parse(body: string): Event[] {
  const events: Event[] = [];
  let name = "";
  let data: string[] = [];
  const flush = () => {
    if (data.length > 0 || name) events.push({ name, data: data.join("\n") });
    name = "";
    data = [];
  };
  for (const line of body.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/)) {
    if (line === "") flush();
    else if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
    else if (line.startsWith("event:")) name = line.slice(6).trim();
  }
  flush();
  return events;
}
