/** isJSON says whether a body is meant to be JSON; one that was cut off still is. */
export function isJSON(body: string): boolean {
  return /^\s*[{[]/.test(body);
}

const deepest = 32; // levels that are indented: nesting beyond that is an attack or a mistake, and indentation would square it
const blob = 4096; // characters without a space from which on a string is data, not text

/**
 * pretty lays JSON out in lines and changes nothing else: numbers keep their digits, members their order, escapes their form.
 * It does not validate, so that a body cut in the middle reads as well as a whole one. Long encoded data (images) is
 * shortened. It stops after `limit` characters.
 */
export function pretty(body: string, limit = Infinity): { text: string; cut: boolean } {
  const out: string[] = [];
  let length = 0;
  let depth = 0;
  let i = 0;
  const put = (s: string) => {
    out.push(s);
    length += s.length;
  };
  const line = () => put("\n" + "  ".repeat(Math.min(Math.max(depth, 0), deepest)));

  while (i < body.length) {
    if (length > limit) return { text: out.join(""), cut: true };
    const c = body[i] ?? "";
    switch (c) {
      case " ":
      case "\n":
      case "\r":
      case "\t":
        i++;
        break;
      case '"': {
        const end = stringEnd(body, i);
        put(shortened(body, i, end, limit));
        i = end;
        break;
      }
      case "{":
      case "[": {
        const next = skip(body, i + 1);
        put(c);
        if (body[next] === (c === "{" ? "}" : "]")) {
          put(body[next] ?? "");
          i = next + 1;
        } else {
          depth++;
          line();
          i++;
        }
        break;
      }
      case "}":
      case "]":
        depth--;
        line();
        put(c);
        i++;
        break;
      case ",":
        put(c);
        line();
        i++;
        break;
      case ":":
        put(": ");
        i++;
        break;
      default: {
        const end = literalEnd(body, i);
        put(body.slice(i, end));
        i = end;
      }
    }
  }
  return { text: out.join(""), cut: false };
}

function skip(body: string, i: number): number {
  while (i < body.length && " \n\r\t".includes(body[i] ?? "")) i++;
  return i;
}

// The index behind the closing quote, or the end of a body that was cut inside the string.
function stringEnd(body: string, start: number): number {
  for (let i = body.indexOf('"', start + 1); i !== -1; i = body.indexOf('"', i + 1)) {
    let slashes = 0;
    while (body[i - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return i + 1;
  }
  return body.length;
}

function literalEnd(body: string, i: number): number {
  const rest = /[\s",:{}[\]]/g;
  rest.lastIndex = i + 1;
  return rest.exec(body)?.index ?? body.length;
}

function shortened(body: string, start: number, end: number, limit: number): string {
  const long = end - start;
  if (long > blob && !body.slice(start, start + blob).includes(" "))
    return `${body.slice(start, start + 60)} … ${long - 80} more … ${body.slice(end - 20, end)}`;
  return body.slice(start, Math.min(end, start + limit + 1));
}

/** Token is a stretch of JSON text with what it is; "" is punctuation. */
export interface Token {
  kind: "" | "key" | "string" | "number" | "word";
  text: string;
}

/** tokens splits laid-out JSON for colouring. */
export function tokens(text: string): Token[] {
  const out: Token[] = [];
  const known = /("(?:[^"\\]|\\.)*"?)(\s*:)?|-?\b\d[\d.eE+-]*|\b(?:true|false|null)\b/g;
  let done = 0;
  for (const m of text.matchAll(known)) {
    if (m.index > done) out.push({ kind: "", text: text.slice(done, m.index) });
    const [all, string, colon = ""] = m;
    if (string !== undefined) {
      out.push({ kind: colon ? "key" : "string", text: string });
      if (colon) out.push({ kind: "", text: colon });
    } else {
      out.push({ kind: /^[tfn]/.test(all) ? "word" : "number", text: all });
    }
    done = m.index + all.length;
  }
  if (done < text.length) out.push({ kind: "", text: text.slice(done) });
  return out;
}

/**
 * blocks splits a text into stretches of about `size` characters, at line ends where it can, so that a browser lays out only
 * those on screen.
 */
export function blocks(text: string, size = 16_384): string[] {
  const out: string[] = [];
  let start = 0;
  while (text.length - start > size) {
    const at = text.lastIndexOf("\n", start + size);
    const end = at > start ? at : start + size;
    out.push(text.slice(start, end));
    start = at > start ? end + 1 : end;
  }
  out.push(text.slice(start));
  return out;
}
