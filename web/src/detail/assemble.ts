import type { Event } from "./sse";

/** What a stream comes to for its reader, in the order in which it began. */
export interface Piece {
  kind: "text" | "reasoning" | "refusal" | "tool" | "error";
  label: string; // the tool's name; for other kinds which alternative it belongs to, when there are several
  text: string;
}

type Doc = Record<string, unknown>;

/**
 * assemble joins the deltas of a stream in any dialect that the gateway speaks. It reads shapes, not the dialect's name: a
 * body in the log may be in either of two dialects. What it does not know it leaves out; the list of events has it.
 */
export function assemble(events: Event[]): Piece[] {
  const pieces = new Pieces();
  for (const e of events) {
    const doc = object(parsed(e.data));
    if (!doc) continue;
    const type = text(doc.type) || e.name;
    if (doc.error || type === "error") pieces.error(doc);
    else if (Array.isArray(doc.choices)) list(doc.choices).forEach((c) => choice(pieces, c));
    else if (Array.isArray(doc.candidates)) list(doc.candidates).forEach((c) => candidate(pieces, c));
    else if (type.startsWith("response.")) responses(pieces, type, doc);
    else if (type === "message_start") pieces.nextMessage();
    else if (type.startsWith("content_block_")) block(pieces, type, doc);
  }
  return pieces.all();
}

class Pieces {
  #byKey = new Map<string, { kind: Piece["kind"]; label: string; text: string[] }>();
  #message = 0;
  #last = ""; // the key of the last tool call

  add(key: string, kind: Piece["kind"], delta: string, label = "") {
    const at = `${this.#message} ${key}`;
    if (kind === "tool") this.#last = key;
    const held = this.#byKey.get(at);
    if (held) {
      held.text.push(delta);
      held.label ||= label;
    } else if (delta || kind === "tool") {
      this.#byKey.set(at, { kind, label, text: [delta] });
    }
  }

  /** Blocks of a further message in the same stream begin at 0 again. */
  nextMessage() {
    this.#message++;
  }

  /** tool adds a call that came whole, or, when it has no name, what was still to come of the one before. */
  tool(args: string, name: string) {
    this.add(name || !this.#last ? `tool ${this.#byKey.size}` : this.#last, "tool", args, name);
  }

  error(doc: Doc) {
    const error = object(doc.error) ?? object(object(doc.response)?.error) ?? doc;
    const said = text(error.message) || (typeof doc.error === "string" ? doc.error : JSON.stringify(error));
    this.add(`error ${this.#byKey.size}`, "error", said, text(error.code) || text(error.type));
  }

  all(): Piece[] {
    return [...this.#byKey.values()].map((p) => ({ ...p, text: p.text.join("") }));
  }
}

// OpenAI chat and completions, and those who speak it.
function choice(pieces: Pieces, c: Doc) {
  const n = number(c.index);
  const label = n > 0 ? `choice ${n}` : "";
  if (typeof c.text === "string") pieces.add(`${n} text`, "text", c.text, label);
  const delta = object(c.delta);
  if (!delta) return;
  pieces.add(`${n} reasoning`, "reasoning", text(delta.reasoning_content) || text(delta.reasoning), label);
  if (Array.isArray(delta.content)) {
    for (const part of list(delta.content)) {
      if (part.type === "text") pieces.add(`${n} text`, "text", text(part.text), label);
      for (const thought of list(part.thinking))
        pieces.add(`${n} reasoning`, "reasoning", text(thought.text), label);
    }
  } else {
    pieces.add(`${n} text`, "text", text(delta.content), label);
  }
  pieces.add(`${n} refusal`, "refusal", text(delta.refusal), label);
  list(delta.tool_calls).forEach((call, i) => {
    const f = object(call.function) ?? {};
    // Some providers number no calls, but send each in one piece with an id of its own.
    const key = typeof call.index === "number" ? call.index : text(call.id) || i;
    pieces.add(`${n} tool ${key}`, "tool", text(f.arguments), text(f.name));
  });
  const f = object(delta.function_call);
  if (f) pieces.add(`${n} function`, "tool", text(f.arguments), text(f.name));
}

// OpenAI Responses.
function responses(pieces: Pieces, type: string, doc: Doc) {
  const delta = text(doc.delta);
  const at = `${number(doc.output_index)} ${number(doc.content_index)} ${number(doc.summary_index)}`;
  switch (type) {
    case "response.output_text.delta": {
      pieces.add(`text ${at}`, "text", delta);
      return;
    }
    case "response.refusal.delta": {
      pieces.add(`refusal ${at}`, "refusal", delta);
      return;
    }
    case "response.reasoning_text.delta":
    case "response.reasoning_summary_text.delta": {
      pieces.add(`reasoning ${at}`, "reasoning", delta);
      return;
    }
    case "response.output_item.added": {
      const item = object(doc.item) ?? {};
      if (text(item.type).endsWith("_call"))
        pieces.add(`tool ${at}`, "tool", "", text(item.name) || text(item.type));
      return;
    }
    case "response.function_call_arguments.delta":
    case "response.custom_tool_call_input.delta":
    case "response.mcp_call_arguments.delta": {
      pieces.add(`tool ${at}`, "tool", delta);
      return;
    }
    case "response.failed": {
      pieces.error(doc);
      return;
    }
  }
}

// Anthropic Messages.
function block(pieces: Pieces, type: string, doc: Doc) {
  const at = number(doc.index);
  if (type === "content_block_start") {
    const start = object(doc.content_block) ?? {};
    const kind = text(start.type);
    if (kind === "text") pieces.add(`${at} text`, "text", text(start.text));
    else if (kind === "thinking") pieces.add(`${at} thinking`, "reasoning", text(start.thinking));
    else if (kind.endsWith("tool_use")) pieces.add(`${at} tool`, "tool", "", text(start.name) || kind);
    return;
  }
  const delta = object(doc.delta) ?? {};
  switch (delta.type) {
    case "text_delta": {
      pieces.add(`${at} text`, "text", text(delta.text));
      return;
    }
    case "thinking_delta": {
      pieces.add(`${at} thinking`, "reasoning", text(delta.thinking));
      return;
    }
    case "input_json_delta": {
      pieces.add(`${at} tool`, "tool", text(delta.partial_json));
      return;
    }
  }
}

// Gemini. It sends tool calls whole, so each is a piece of its own.
function candidate(pieces: Pieces, c: Doc) {
  const n = number(c.index);
  for (const part of list(object(c.content)?.parts)) {
    const kind = part.thought === true ? "reasoning" : "text";
    pieces.add(`${n} ${kind}`, kind, text(part.text), n > 0 ? `candidate ${n}` : "");
    const call = object(part.functionCall);
    if (call) pieces.tool(callArguments(call), text(call.name));
  }
}

// Streamed arguments (partialArgs) come as pieces with their paths; they are shown as they came.
function callArguments(call: Doc): string {
  const args = call.args ?? call.partialArgs;
  if (args !== undefined) return JSON.stringify(args);
  return call.name && call.willContinue !== true ? "{}" : "";
}

function parsed(s: string): unknown {
  try {
    return JSON.parse(s);
  } catch {
    return undefined; // [DONE], or a cut end
  }
}

const object = (v: unknown) =>
  typeof v === "object" && v !== null && !Array.isArray(v) ? (v as Doc) : undefined;
const list = (v: unknown) => (Array.isArray(v) ? v.map(object).filter((d) => d !== undefined) : []);
const text = (v: unknown) => (typeof v === "string" ? v : "");
const number = (v: unknown) => (typeof v === "number" ? v : 0);
