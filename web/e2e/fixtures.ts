import { randomUUID } from "node:crypto";
import AxeBuilder from "@axe-core/playwright";
import { expect, test as base, type Page } from "@playwright/test";

export const key = process.env.TIDEGATE_ADMIN_KEY ?? "";
const clientKey = process.env.TIDEGATE_KEY; // where the gateway requires one

interface Fixtures {
  /** What the page may say on the browser's console besides nothing. */
  allowed: RegExp | undefined;
  /** A page that is signed in. */
  signedIn: Page;
  /** A name of this test's own, to find its requests by. */
  session: string;
  /** Watches every page: no errors on the console, and nothing from anywhere but the gateway. */
  watched: undefined;
}

export const test = base.extend<Fixtures>({
  allowed: [undefined, { option: true }],
  session: async ({}, use) => use(`e2e-${randomUUID()}`), // eslint-disable-line no-empty-pattern
  watched: [
    async ({ page, baseURL, allowed }, use) => {
      const wrong: string[] = [];
      page.on("console", (m) => {
        if (m.type() === "error" && !allowed?.test(m.text())) wrong.push(`console: ${m.text()}`);
      });
      page.on("pageerror", (err) => wrong.push(`uncaught: ${err.message}`));
      page.on("request", (r) => {
        if (new URL(r.url()).origin !== new URL(baseURL ?? "").origin)
          wrong.push(`foreign request: ${r.url()}`);
      });
      await use(undefined);
      expect(wrong).toEqual([]);
    },
    { auto: true },
  ],
  signedIn: async ({ page }, use) => {
    const res = await page.request.post("/admin/v1/session", { data: { key } });
    expect(res.status()).toBe(204);
    await use(page);
  },
});

export { expect };

interface Call {
  session: string;
  model?: string;
  stream?: boolean;
  text?: string;
  headers?: Record<string, string>;
}

/** send makes one request through the gateway and returns its id. An answer that breaks off is an answer. */
export async function send({ session, model = "demo/chat", stream = false, text = "Hello", headers }: Call) {
  const res = await fetch(new URL("/v1/chat/completions", process.env.TIDEGATE_URL), {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-tidegate-session": session,
      ...(clientKey && { authorization: `Bearer ${clientKey}` }),
      ...headers,
    },
    body: JSON.stringify({ model, stream, messages: [{ role: "user", content: text }] }),
  });
  await res.text().catch(() => undefined);
  return res.headers.get("x-tidegate-request-id") ?? "";
}

/** stored waits until the log has as many requests of a session: it is written in batches. */
export async function stored(session: string, n: number) {
  await expect
    .poll(async () => {
      const res = await fetch(
        new URL(`/admin/v1/logs?limit=1000&session=${session}`, process.env.TIDEGATE_URL),
        {
          headers: { authorization: `Bearer ${key}` },
        },
      );
      return ((await res.json()) as { items: unknown[] }).items.length;
    })
    .toBe(n);
}

/** accessible expects that axe finds nothing to complain about. */
export async function accessible(page: Page) {
  const { violations } = await new AxeBuilder({ page })
    .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"])
    .analyze();
  expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join(", ")}`)).toEqual([]);
}

/** rows are the requests on the page, without the line of headings. */
export const rows = (page: Page) =>
  page
    .getByRole("table", { name: /Requests/ })
    .getByRole("row")
    .filter({ has: page.getByRole("link") });
