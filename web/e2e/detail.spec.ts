import { accessible, expect, rows, send, stored, test } from "./fixtures";

test("an answer with its bodies", async ({ signedIn: page, session, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const id = await send({ session, text: "Say <b>hello</b> & 12345678901234567890" });
  await stored(session, 1);
  await page.goto(`/console/requests/${id}`);
  await expect(page.getByText(id).first()).toBeVisible();
  await expect(page.getByRole("region", { name: "Request, laid out" })).toContainText('"role": "user"');
  await expect(page.getByRole("region", { name: "Request, laid out" })).toContainText("Say <b>hello</b>");
  await expect(page.getByRole("region", { name: "Response, laid out" })).toContainText(
    '"finish_reason": "stop"',
  );
  await expect(page.getByRole("region", { name: "Tokens and cost" })).toContainText("the provider");
  await accessible(page);

  await page.getByRole("group", { name: "View of the request" }).getByRole("button", { name: "Raw" }).click();
  await expect(page.getByRole("region", { name: "Request, raw" })).toContainText('"role":"user"');
  await page.getByRole("button", { name: "Copy the request body" }).click();
  expect(JSON.parse(await page.evaluate(() => navigator.clipboard.readText()))).toMatchObject({
    model: "demo/chat",
  });
  await page.getByRole("button", { name: "Copy the request id" }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(id);

  await page.getByText(/\d+ request headers/).click();
  await expect(page.getByRole("row", { name: /content-type application\/json/ }).first()).toBeVisible();
});

test("a stream as text and as events", async ({ signedIn: page, session }) => {
  const id = await send({ session, model: "demo/stream:chunks=250", stream: true });
  await stored(session, 1);
  await page.goto(`/console/requests/${id}`);
  const text = page.getByRole("region", { name: "Assembled text" });
  await expect(text).toContainText(/\w+ \w+ \w+/);
  await expect(text).not.toContainText("data:");
  await accessible(page);
  const view = page.getByRole("group", { name: "View of the response" });
  await view.getByRole("button", { name: "Events" }).click();
  const events = page.getByRole("list", { name: "Events of the stream" });
  await expect(events.getByRole("listitem")).toHaveCount(200);
  await page.getByRole("button", { name: "Show all" }).click();
  await expect(events.getByRole("listitem").last()).toContainText("[DONE]");
  await events.getByRole("listitem").nth(1).locator("summary").click();
  await expect(page.getByRole("region", { name: "Event 2" })).toContainText('"choices": [');
  await accessible(page);
  await view.getByRole("button", { name: "Raw" }).click();
  await expect(page.getByRole("region", { name: "Response, raw" })).toContainText("data: {");
});

test("a failure with its attempts and why they were retried", async ({ signedIn: page, session }) => {
  const id = await send({ session, model: "demo/fail:status=500" });
  await stored(session, 1);
  await page.goto(`/console/requests/${id}`);
  await expect(page.getByRole("note")).toContainText("overloaded");
  const attempts = page.locator(".lane");
  expect(await attempts.count()).toBeGreaterThan(1);
  await expect(attempts.first()).toContainText("Retried because: overloaded (500)");
  await expect(attempts.last()).not.toContainText("Retried");
  await accessible(page);
});

test("a stream that was cut", async ({ signedIn: page, session }) => {
  const id = await send({ session, model: "demo/cut:after=5", stream: true });
  await stored(session, 1);
  await page.emulateMedia({ colorScheme: "dark" });
  await page.goto(`/console/requests/${id}`);
  await expect(page.getByRole("note")).toContainText("network");
  await expect(page.getByRole("region", { name: "Error" })).toBeVisible();
  await accessible(page);
});

test("bodies that were not kept", async ({ signedIn: page, session }) => {
  const id = await send({ session, headers: { "x-tidegate-log": "off" } });
  await stored(session, 1);
  await page.goto(`/console/requests/${id}`);
  await expect(page.getByText("The bodies of this request were not kept.")).toBeVisible();
});

test("bodies of many megabytes are shown in part, then whole", async ({ signedIn: page, session }) => {
  const id = await send({ session });
  await stored(session, 1);
  const items = Array.from({ length: 60_000 }, (_, i) => ({ i, text: `entry ${i} of a long list` }));
  const body = JSON.stringify({ items, image: "A".repeat(2_000_000), last: "the end" });
  await page.route("**/admin/v1/logs/0*", async (route) => {
    const res = await route.fetch();
    await route.fulfill({
      response: res,
      json: { ...((await res.json()) as object), request: { headers: {}, body } },
    });
  });
  await page.goto(`/console/requests/${id}`);
  const shown = page.getByRole("region", { name: "Request, laid out" });
  await expect(shown).toContainText("entry 0 of a long list");
  expect((await shown.textContent())?.length).toBeLessThan(100_000);
  await page
    .getByRole("button", { name: /Show all/ })
    .first()
    .click();
  await expect(shown).toContainText('"last": "the end"');
  await expect(shown).toContainText("more … AAAA");
  await page.getByRole("group", { name: "View of the request" }).getByRole("button", { name: "Raw" }).click();
  await page
    .getByRole("button", { name: /Show all/ })
    .first()
    .click();
  await expect(page.getByRole("region", { name: "Request, raw" })).toContainText("the end");
});

test("from the list and back to it as it was; the session leads to its other requests", async ({
  signedIn: page,
  session,
}) => {
  for (let i = 0; i < 4; i++) await Promise.all(Array.from({ length: 10 }, () => send({ session })));
  await stored(session, 40);
  await page.goto(`/console/requests?session=${session}&outcome=ok`);
  await expect(rows(page)).toHaveCount(40);
  const row = rows(page).nth(35);
  await row.scrollIntoViewIfNeeded();
  const scroll = await page.evaluate(() => window.scrollY);
  expect(scroll).toBeGreaterThan(0);
  await row.getByRole("link").click();
  await expect(page.getByRole("heading", { name: "Attempts" })).toBeVisible();
  expect(await page.evaluate(() => window.scrollY)).toBe(0);
  await page.getByRole("main").getByRole("link", { name: "Requests" }).click();
  await expect(page).toHaveURL(new RegExp(`session=${session}.*|outcome=ok`));
  await expect.poll(() => page.evaluate(() => window.scrollY)).toBe(scroll);

  await rows(page).nth(35).getByRole("link").click();
  await page.getByRole("link", { name: session }).click();
  await expect(page).toHaveURL(new RegExp(`requests\\?session=${session}`));
  await expect(rows(page)).toHaveCount(40);
});

test.describe("failures", () => {
  test.use({ allowed: /status of (404|500)/ });

  test("a request that is not there", async ({ signedIn: page }) => {
    await page.goto("/console/requests/00000000-0000-7000-8000-000000000000");
    await expect(page.getByRole("heading", { name: "There is no such request" })).toBeVisible();
    await page.goto("/console/nowhere");
    await expect(page.getByRole("heading", { name: "There is no such page" })).toBeVisible();
  });

  test("a request that cannot be loaded can be tried again", async ({ signedIn: page, session }) => {
    const id = await send({ session });
    await stored(session, 1);
    await page.route(`**/admin/v1/logs/${id}`, (route) =>
      route.fulfill({ status: 500, json: { detail: "the log could not be read" } }),
    );
    await page.goto(`/console/requests/${id}`);
    await expect(page.getByRole("alert")).toContainText("the log could not be read");
    await page.unroute(`**/admin/v1/logs/${id}`);
    await page.getByRole("button", { name: "Try again" }).click();
    await expect(page.getByRole("heading", { name: "Attempts" })).toBeVisible();
  });
});
