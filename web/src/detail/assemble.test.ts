import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { assemble, type Piece } from "./assemble";
import { parse } from "./sse";

const stream = (...docs: unknown[]) => docs.map((d) => ({ name: "", data: JSON.stringify(d) }));
const chunk = (delta: unknown, index = 0) => ({ choices: [{ index, delta }] });

test.each<[string, unknown[], Piece[]]>([
  [
    "chat with reasoning, text and a tool",
    [
      chunk({ role: "assistant", content: "" }),
      chunk({ reasoning_content: "hm" }),
      chunk({ content: "Hel" }),
      chunk({ content: "lo" }),
      chunk({ tool_calls: [{ index: 0, id: "a", function: { name: "f", arguments: "" } }] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '{"x":1}' } }] }),
      { choices: [], usage: {} },
    ],
    [
      { kind: "reasoning", label: "", text: "hm" },
      { kind: "text", label: "", text: "Hello" },
      { kind: "tool", label: "f", text: '{"x":1}' },
    ],
  ],
  [
    "alternatives",
    [chunk({ content: "a" }), chunk({ content: "b" }, 1)],
    [
      { kind: "text", label: "", text: "a" },
      { kind: "text", label: "choice 1", text: "b" },
    ],
  ],
  [
    "completions",
    [{ choices: [{ index: 0, text: "x" }] }, { choices: [{ index: 0, text: "y" }] }],
    [{ kind: "text", label: "", text: "xy" }],
  ],
  [
    "an error after the first event",
    [chunk({ content: "a" }), { error: { message: "cut off", code: "upstream_cut" } }],
    [
      { kind: "text", label: "", text: "a" },
      { kind: "error", label: "upstream_cut", text: "cut off" },
    ],
  ],
  [
    "an Anthropic error",
    [{ type: "error", error: { type: "overloaded_error", message: "Overloaded" } }],
    [{ kind: "error", label: "overloaded_error", text: "Overloaded" }],
  ],
  [
    "Gemini with a call whose arguments come in pieces",
    [
      { candidates: [{ content: { parts: [{ text: "hm", thought: true }, { text: "Hi" }] } }] },
      { candidates: [{ content: { parts: [{ functionCall: { name: "f", args: { x: 1 } } }] } }] },
      { candidates: [{ content: { parts: [{ functionCall: { name: "f", willContinue: true } }] } }] },
      {
        candidates: [
          { content: { parts: [{ functionCall: { partialArgs: [{ jsonPath: "$.x", numberValue: 2 }] } }] } },
        ],
      },
    ],
    [
      { kind: "reasoning", label: "", text: "hm" },
      { kind: "text", label: "", text: "Hi" },
      { kind: "tool", label: "f", text: '{"x":1}' },
      { kind: "tool", label: "f", text: '[{"jsonPath":"$.x","numberValue":2}]' },
    ],
  ],
  ["what it does not know", [{ type: "ping" }, 5, "x", null, [1]], []],
])("%s", (_, docs, want) => expect(assemble(stream(...docs))).toEqual(want));

// Every recorded stream in the dialects that clients are answered in, against what independent decoders made of it.
const shared = process.env.TIDEGATE_SHARED;
describe.skipIf(!shared)("recorded streams", () => {
  const dir = join(shared ?? "", "corpus", "dev");
  const surfaces =
    /-(openai-chat|openai-completions|openai-responses|anthropic-messages|gemini-generate)(-resp)?\.jsonl$/;

  test("give the text, reasoning and tool calls that are in them", () => {
    if (!existsSync(dir)) throw new Error(`TIDEGATE_SHARED has no ${dir}`);
    let streams = 0;
    const wrong: string[] = [];
    for (const file of readdirSync(dir).filter((f) => surfaces.test(f))) {
      for (const line of readFileSync(join(dir, file), "utf8").trim().split("\n")) {
        const rec = JSON.parse(line) as Recording;
        if (rec.framing !== "sse" || rec.response_encoding !== "utf8" || rec.status !== 200) continue;
        // Where the decoders themselves doubt the recording, or read only part of it, there is nothing to compare with.
        if (rec.facts.anomalies?.some((a) => a === "delta-text!=final-text" || a === "dup-message_start"))
          continue;
        streams++;
        const got = assemble(parse(rec.response_body));
        const join = (kind: Piece["kind"]) =>
          got
            .filter((p) => p.kind === kind && !p.label)
            .map((p) => p.text)
            .join("");
        const tools = got.filter((p) => p.kind === "tool").map((p) => p.label);
        const missing = (rec.facts.tool_calls ?? [])
          .map((t) => t.name)
          .filter((name) => name && !tools.includes(name));
        if (join("text") !== (rec.facts.text ?? "")) wrong.push(`${rec.id}: text`);
        // A provider may stream reasoning that its final item, which the decoders read, no longer has.
        if (
          rec.facts.reasoning &&
          join("reasoning").replace(/\s/g, "") !== rec.facts.reasoning.replace(/\s/g, "")
        )
          wrong.push(`${rec.id}: reasoning`);
        if (missing.length > 0) wrong.push(`${rec.id}: tools ${missing.join()}`);
      }
    }
    console.log(`${streams} recorded streams, ${wrong.length} differences`);
    expect(wrong).toEqual([]);
  });
});

interface Recording {
  id: string;
  framing: string | null;
  status: number;
  response_encoding: string;
  response_body: string;
  facts: { text?: string; reasoning?: string; tool_calls?: { name: string | null }[]; anomalies?: string[] };
}
