// The Vercel AI SDK (npm package ai) as a client, by its OpenAI provider and by the one for compatible servers.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, Output, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { canSchema, clientKey, providers, scenario, serve, until, witness } from "./rig.js";

let gateway;
before(async () => (gateway = await serve()));
after(() => gateway.stop());

const kinds = {
  "@ai-sdk/openai": (fetch) => (model) =>
    createOpenAI({
      baseURL: `${gateway.url}/v1`,
      apiKey: clientKey,
      fetch,
    }).chat(model),
  "@ai-sdk/openai-compatible": (fetch) => (model) =>
    createOpenAICompatible({
      name: "tidegate",
      baseURL: `${gateway.url}/v1`,
      apiKey: clientKey,
      fetch,
      includeUsage: true,
      supportsStructuredOutputs: true,
    })(model),
};
const prompt = "What is the tide?";
const weather = (asked) =>
  tool({
    description: "The weather.",
    inputSchema: z.object({ place: z.string(), days: z.number().int() }),
    execute: async (args) => (asked.push(args), `mild in ${args.place}`),
  });

for (const [kind, make] of Object.entries(kinds))
  for (const provider of providers)
    describe(`${kind} to ${provider}`, { concurrency: true }, () => {
      const client = () => {
        const seen = witness();
        return { seen, model: make(seen), maxRetries: 0 };
      };

      test("text", async () => {
        const { seen, model } = client();
        const r = await generateText({
          model: model(`${provider}/${scenario("echo")}`),
          prompt,
        });
        assert.deepEqual(
          [r.text, r.finishReason, r.usage.inputTokens, r.usage.outputTokens],
          [prompt, "stop", 120, 30],
        );
        const row = await gateway.logged(seen.id);
        assert.deepEqual(
          [row.outcome, row.input_tokens, row.output_tokens, row.cost_usd],
          ["ok", 120, 30, "0.0042"],
        );
      });

      test("stream", async () => {
        const { model } = client();
        const r = streamText({
          model: model(`${provider}/${scenario("echo")}`),
          prompt,
        });
        let text = "";
        for await (const piece of r.textStream) text += piece;
        const usage = await r.usage;
        assert.deepEqual(
          [text, await r.finishReason, usage.inputTokens, usage.outputTokens],
          [prompt, "stop", 120, 30],
        );
      });

      test("parallel tools, results and answer", async () => {
        for (const run of [generateText, streamText]) {
          const { model } = client();
          const asked = [];
          const r = await run({
            model: model(`${provider}/tools:n=3`),
            prompt,
            tools: { get_weather: weather(asked) },
            stopWhen: stepCountIs(3),
          });
          if (r.consumeStream) await r.consumeStream();
          const steps = await r.steps;
          assert.equal(asked.length, 3);
          for (const args of asked) assert.ok(typeof args.place === "string" && Number.isInteger(args.days));
          assert.deepEqual(
            steps.map((s) => s.finishReason),
            ["tool-calls", "stop"],
          );
          assert.equal(new Set(steps[0].toolCalls.map((c) => c.toolCallId)).size, 3);
          assert.ok((await r.text).length > 0);
        }
      });

      test("structured output", async () => {
        const { model } = client();
        const shape = z.object({
          name: z.string(),
          level: z.number().int(),
          kind: z.enum(["spring", "neap"]),
        });
        const r = await generateText({
          model: model(canSchema(provider)),
          prompt,
          output: Output.object({ schema: shape }),
        });
        assert.deepEqual(shape.parse(r.output), r.output);
      });

      test("errors", async () => {
        const { model } = client();
        const ask = (name) => generateText({ model: model(name), prompt, maxRetries: 0 });
        for (const [name, status, retryable] of [
          [`${provider}/fail:status=429,retry_after=60`, 429, true],
          [`${provider}/fail:status=400`, 400, false],
          ["nobody-knows-this", 404, false],
        ])
          await assert.rejects(ask(name), (e) => {
            assert.ok(APICallError.isInstance(e), String(e));
            assert.deepEqual([e.statusCode, e.isRetryable], [status, retryable]);
            assert.ok(e.message.length > 0 && e.message !== "undefined");
            return true;
          });
      });

      test("an error in the middle of a stream", async () => {
        const { model } = client();
        let failed;
        const r = streamText({
          model: model(`${provider}/chat+error_event:after=6`),
          prompt,
          maxRetries: 0,
          onError: ({ error }) => (failed = error),
        });
        let text = "";
        for await (const piece of r.textStream) text += piece;
        assert.ok(failed, `taken for whole: ${text}`);
        assert.ok(text.length > 0);
      });

      test("abort", async () => {
        const { model } = client();
        const name = `chat+stream:chunks=10000,gap=20ms+usage:in=${Object.keys(kinds).indexOf(kind) * 3 + providers.indexOf(provider) + 1}`;
        const stop = new AbortController();
        const r = streamText({
          model: model(`${provider}/${name}`),
          prompt,
          abortSignal: stop.signal,
          onError: () => {},
        });
        for await (const piece of r.textStream) if (piece) break;
        const left = Date.now();
        stop.abort();
        const gone = await until(async () => (await gateway.received(name))[0]?.client_gone);
        assert.ok(Date.parse(gone) - left < 500, `the upstream saw it after ${Date.parse(gone) - left} ms`);
      });
    });
