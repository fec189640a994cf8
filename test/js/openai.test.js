// The npm package openai as a client.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import OpenAI from "openai";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { canSchema, clientKey, providers, scenario, serve, until, witness } from "./rig.js";

let gateway;
before(async () => (gateway = await serve()));
after(() => gateway.stop());

function client(options) {
  const seen = witness();
  return {
    seen,
    openai: new OpenAI({
      baseURL: `${gateway.url}/v1`,
      apiKey: clientKey,
      maxRetries: 0,
      fetch: seen,
      ...options,
    }),
  };
}

const question = [{ role: "user", content: "What is the tide?" }];
const usage = (u) => [u.prompt_tokens, u.completion_tokens, u.total_tokens];

async function booked(seen, stream) {
  const row = await gateway.logged(seen.id);
  assert.deepEqual(
    [row.outcome, row.key, row.stream, row.input_tokens, row.output_tokens, row.cost_usd],
    ["ok", "js", stream, 120, 30, "0.0042"],
  );
}

for (const provider of providers)
  describe(provider, { concurrency: true }, () => {
    test("text", async () => {
      const { openai, seen } = client();
      const done = await openai.chat.completions.create({
        model: `${provider}/${scenario("echo")}`,
        messages: question,
      });
      assert.equal(done.choices[0].message.content, question[0].content);
      assert.equal(done.choices[0].finish_reason, "stop");
      assert.equal(done.object, "chat.completion");
      assert.ok(Math.abs(done.created - Date.now() / 1000) < 60, `created ${done.created}`);
      assert.deepEqual(usage(done.usage), [120, 30, 150]);
      assert.equal(seen.headers.get("x-tidegate-cost-usd"), "0.0042");
      await booked(seen, false);
    });

    test("stream", async () => {
      const { openai, seen } = client();
      const chunks = await openai.chat.completions.create({
        model: `${provider}/${scenario("echo")}`,
        messages: question,
        stream: true,
        stream_options: { include_usage: true },
      });
      let text = "";
      let last;
      const ids = new Set();
      for await (const chunk of chunks) {
        ids.add(chunk.id);
        text += chunk.choices[0]?.delta.content ?? "";
        last = chunk;
      }
      assert.equal(text, question[0].content);
      assert.equal(ids.size, 1);
      assert.deepEqual(last.choices, []);
      assert.deepEqual(usage(last.usage), [120, 30, 150]);
      await booked(seen, true);
    });

    test("stream without usage", async () => {
      const { openai } = client();
      const chunks = await openai.chat.completions.create({
        model: `${provider}/chat`,
        messages: question,
        stream: true,
      });
      for await (const chunk of chunks) {
        assert.equal(chunk.choices.length, 1);
        assert.ok(chunk.usage == null);
      }
    });

    for (const stream of [false, true])
      test(`parallel tools, results and answer, ${stream ? "stream" : "whole"}`, async () => {
        const { openai } = client();
        const asked = [];
        const runner = openai.chat.completions.runTools({
          model: `${provider}/tools:n=3`,
          messages: question,
          stream,
          tools: [
            zodFunction({
              name: "get_weather",
              description: "The weather.",
              parameters: z.object({
                place: z.string(),
                days: z.number().int(),
              }),
              function: (args) => (asked.push(args), `mild in ${args.place}`),
            }),
          ],
        });
        const text = await runner.finalContent();
        assert.ok(text.length > 0);
        assert.equal(asked.length, 3);
        for (const args of asked) assert.ok(typeof args.place === "string" && Number.isInteger(args.days));
        const roles = runner.messages.map((m) => m.role);
        assert.deepEqual(roles, ["user", "assistant", "tool", "tool", "tool", "assistant"]);
        const calls = runner.messages[1].tool_calls;
        assert.equal(new Set(calls.map((c) => c.id)).size, 3);
      });

    test("structured output", async () => {
      const { openai } = client();
      const shape = z.object({
        name: z.string(),
        level: z.number().int(),
        kind: z.enum(["spring", "neap"]),
        times: z.array(z.string()),
      });
      const done = await openai.chat.completions.parse({
        model: canSchema(provider),
        messages: question,
        response_format: zodResponseFormat(shape, "tide"),
      });
      assert.deepEqual(shape.parse(done.choices[0].message.parsed), done.choices[0].message.parsed);
    });

    test("errors", async () => {
      const { openai, seen } = client();
      const ask = (model) => openai.chat.completions.create({ model, messages: question });
      await assert.rejects(ask(`${provider}/fail:status=429,retry_after=60`), (e) => {
        assert.ok(e instanceof OpenAI.RateLimitError);
        assert.equal(e.headers.get("retry-after"), "60");
        return true;
      });
      assert.equal((await gateway.logged(seen.id)).class, "rate_limited");
      await assert.rejects(ask(`${provider}/fail:status=400`), OpenAI.BadRequestError);
      await assert.rejects(
        ask(`${provider}/fail:status=401`),
        (e) => e instanceof OpenAI.InternalServerError && e.status === 502,
      );
      await assert.rejects(
        ask("nobody-knows-this"),
        (e) => e instanceof OpenAI.NotFoundError && e.code === "model_not_found",
      );
    });

    test("errors in the middle of a stream", async () => {
      const { openai } = client();
      for (const fault of [
        "error_event:after=6",
        "cut:after=6",
        "cut:after=6,how=clean",
        "bad_event:after=6",
      ]) {
        let text = "";
        const read = async () => {
          const chunks = await openai.chat.completions.create({
            model: `${provider}/chat+${fault}`,
            messages: question,
            stream: true,
          });
          for await (const chunk of chunks) text += chunk.choices[0]?.delta.content ?? "";
        };
        await assert.rejects(read, undefined, `${fault}: taken for whole`);
        assert.ok(text.length > 0, `${fault}: what came before is lost`);
      }
    });

    test("abort", async () => {
      const { openai } = client();
      const model = `chat+stream:chunks=10000,gap=20ms+usage:in=${providers.indexOf(provider) + 1}`;
      const chunks = await openai.chat.completions.create({
        model: `${provider}/${model}`,
        messages: question,
        stream: true,
      });
      for await (const chunk of chunks) if (chunk.choices[0]?.delta.content) break;
      const left = Date.now();
      const gone = await until(async () => (await gateway.received(model))[0]?.client_gone);
      assert.ok(Date.parse(gone) - left < 500, `the upstream saw it after ${Date.parse(gone) - left} ms`);

      const silent = `hang+usage:in=${providers.indexOf(provider) + 1}`;
      const stop = new AbortController();
      const waiting = openai.chat.completions.create(
        { model: `${provider}/${silent}`, messages: question },
        { signal: stop.signal },
      );
      await until(async () => (await gateway.received(silent))[0]);
      stop.abort();
      await assert.rejects(waiting, OpenAI.APIUserAbortError);
      await until(async () => (await gateway.received(silent))[0].client_gone);
    });
  });

test("a wrong key", async () => {
  const { openai } = client({ apiKey: "tg-some-other-key-altogether" });
  await assert.rejects(
    openai.chat.completions.create({
      model: "openai/echo",
      messages: question,
    }),
    (e) =>
      e instanceof OpenAI.AuthenticationError &&
      e.code === "invalid_api_key" &&
      !String(e).includes("altogether"),
  );
});

test("models", async () => {
  const { openai } = client();
  const ids = [];
  for await (const model of openai.models.list()) ids.push(model.id);
  assert.ok(
    ids.some((id) => id.startsWith("anthropic/claude")),
    ids.slice(0, 9).join(),
  );
  assert.equal((await openai.models.retrieve(ids[0])).id, ids[0]);
});

test("retries of the SDK", async () => {
  const { openai, seen } = client({ maxRetries: 2 });
  await openai.chat.completions.create({
    model: "openai/chat+fail:status=500,times=2",
    messages: question,
  });
  assert.equal(seen.headers.get("x-tidegate-attempts"), "3"); // the gateway's own came first
});
