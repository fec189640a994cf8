// Starts the gateway and the scripted upstream as processes of their own, for tests that see them from outside.
import { spawn, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

function binary() {
  const path = process.env.TIDEGATE_BIN ?? join(root, "bin", "tidegate");
  if (!existsSync(path))
    execFileSync("go", ["build", "-o", path, "./cmd/tidegate"], {
      cwd: root,
      stdio: "inherit",
    });
  return path;
}

// start runs the program and resolves to the first group of pattern once its output matches.
function start(args, cwd, pattern) {
  const child = spawn(binary(), args, {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd, TIDEGATE_ADMIN_KEY: adminKey },
  });
  let out = "";
  let err = "";
  child.stderr.on("data", (b) => (err += b));
  const found = new Promise((resolve, reject) => {
    child.stdout.on("data", (b) => {
      out += b;
      const match = pattern.exec(out);
      if (match) resolve(match[1]);
    });
    child.on("exit", (code) => reject(new Error(`tidegate ${args[0]} ended with ${code}: ${err}`)));
  });
  const stop = () =>
    new Promise((resolve) => {
      child.on("exit", resolve);
      child.kill();
    });
  return { found, stop };
}

export const adminKey = "admin-key-of-the-tests";
export const clientKey = "tg-the-key-of-the-js-tests";
export const providers = ["openai", "anthropic", "google"];

// serve starts both. The three dialects are behind the gateway, with $10 for a million tokens of input and $100 for output.
export async function serve() {
  const dir = mkdtempSync(join(tmpdir(), "tidegate-js-"));
  const fake = start(["fake", "--listen", "127.0.0.1:0"], dir, /on (http:\/\/\S+)\/v1/);
  const upstream = await fake.found;
  writeFileSync(
    join(dir, "tidegate.yaml"),
    `auth: required
keys: [ { name: js, key: ${clientKey} } ]
providers:
  openai:    { base_url: ${upstream}/v1, api_key: key-of-openai }
  anthropic: { base_url: ${upstream}/v1, api_key: key-of-anthropic }
  google:    { base_url: ${upstream}/v1beta, api_key: key-of-google }
  named:     { type: anthropic, base_url: ${upstream}/v1, api_key: key-of-named, extra_body: { model: "chat+usage:in=120,out=30" } }
prices: [ { model: "*", input: $10, output: $100 } ]
`,
  );
  const gateway = start(["serve", "--listen", "127.0.0.1:0"], dir, /gateway +(http:\/\/\S+)\/v1/);
  const url = await gateway.found;
  return {
    url,
    // received lists what the upstream was asked for a model.
    async received(model) {
      const all = await (await fetch(`${upstream}/_fake/requests`)).json();
      return all.filter((r) => r.model === model);
    },
    // logged waits for the log row of a request.
    async logged(id) {
      return until(async () => {
        const r = await fetch(`${url}/admin/v1/logs/${id}`, {
          headers: { authorization: `Bearer ${adminKey}` },
        });
        return r.status === 200 ? r.json() : undefined;
      });
    },
    async stop() {
      await gateway.stop();
      await fake.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

// until asks again and again for what nothing announces.
export async function until(ask) {
  for (const end = Date.now() + 30_000; Date.now() < end;) {
    const got = await ask();
    if (got !== undefined) return got;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("it does not come");
}

// scenario names a scripted answer with usage that is easy to check: $0.0042.
export const scenario = (name) => `${name}+usage:in=120,out=30`;

// canSchema is the model to call for structured output: which of Anthropic's can is known by their names.
export const canSchema = (provider) =>
  provider === "anthropic" ? "named/claude-sonnet-5" : `${provider}/${scenario("chat")}`;

// witness is a fetch that notes the gateway's id of the last request.
export function witness() {
  const w = async (...args) => {
    const r = await fetch(...args);
    w.id = r.headers.get("x-tidegate-request-id");
    w.headers = r.headers;
    return r;
  };
  return w;
}
