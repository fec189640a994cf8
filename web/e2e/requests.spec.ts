import { accessible, expect, rows, send, stored, test } from "./fixtures";

test("a request is a row with its figures", async ({ signedIn: page, session }) => {
  await send({ session });
  await page.goto(`/console/requests?session=${session}`);
  const row = rows(page).first();
  await expect(row).toContainText("200");
  await expect(row).toContainText("demo/chat");
  await expect(row).toContainText(/\$0\.\d+/);
  await expect(row).toContainText(/\d (ms|µs|s)/);
  await expect(row).toContainText("local");
  await expect(row.locator("time")).toHaveAttribute("title", /UTC$/);
  const summary = page.getByRole("region", { name: "Summary" });
  await expect(summary).toContainText("Requests1");
  await expect(summary).toContainText("Errors0");
  await accessible(page);
});

test("new requests appear by themselves, unless that is switched off", async ({
  signedIn: page,
  session,
}) => {
  await page.goto(`/console/requests?session=${session}`);
  await expect(page.getByText("No request matches")).toBeVisible();
  const live = page.getByRole("switch", { name: "Live" });
  await expect(live).toBeChecked();

  await send({ session });
  await expect(rows(page)).toHaveCount(1);
  await expect(page.getByRole("region", { name: "Summary" })).toContainText("Requests1", { timeout: 10_000 });

  await live.click();
  await expect(live).not.toBeChecked();
  await send({ session });
  await stored(session, 2);
  await expect(rows(page)).toHaveCount(1);

  await live.click();
  await expect(rows(page)).toHaveCount(2);
});

test("requests of others do not appear in a filtered list", async ({ signedIn: page, session }) => {
  await page.goto(`/console/requests?session=${session}`);
  await expect(page.getByText("No request matches")).toBeVisible();
  await send({ session: `${session}-other` });
  await send({ session });
  await expect(rows(page)).toHaveCount(1);
});

test("a long list is loaded in parts, and does not move under its reader", async ({
  signedIn: page,
  session,
}) => {
  for (let i = 0; i < 11; i++) await Promise.all(Array.from({ length: 10 }, () => send({ session })));
  await stored(session, 110);
  await page.goto(`/console/requests?session=${session}`);
  await expect(rows(page)).toHaveCount(100);
  await page.getByRole("button", { name: "Load older" }).click();
  await expect(rows(page)).toHaveCount(110);
  await expect(page.getByText("No older requests")).toBeVisible();

  const seen = rows(page).nth(60);
  await seen.scrollIntoViewIfNeeded();
  const place = await seen.boundingBox();
  await send({ session, model: "demo/echo" });
  const news = page.getByRole("button", { name: "1 new" });
  await expect(news).toBeInViewport();
  expect(await seen.boundingBox()).toEqual(place);
  await news.click();
  await expect(rows(page).first()).toContainText("demo/echo");
  await expect(news).toBeHidden();
});

test("filters are in the address, survive a reload and can be cleared", async ({
  signedIn: page,
  session,
}) => {
  await send({ session });
  const failed = await send({ session, model: "demo/fail:status=500" });
  await page.goto(`/console/requests?session=${session}`);
  await expect(rows(page)).toHaveCount(2);

  await page.getByLabel("Outcome").selectOption("error");
  await expect(page).toHaveURL(/outcome=error/);
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page).first()).toContainText("500");
  await page.reload();
  await expect(rows(page)).toHaveCount(1);
  await expect(page.getByLabel("Outcome")).toHaveValue("error");

  await page.getByRole("combobox", { name: "Provider" }).fill("nobody");
  await page.keyboard.press("Enter");
  await expect(page.getByText("No request matches")).toBeVisible();
  await page.goBack();
  await expect(rows(page)).toHaveCount(1);

  await page.getByRole("button", { name: "Clear" }).click();
  await expect(page).toHaveURL(/\/requests$/);

  const search = page.getByLabel("Search");
  await search.fill(failed);
  await search.press("Enter");
  await expect(rows(page)).toHaveCount(1);
  await page.getByLabel("Time range").selectOption("custom");
  await expect(page.getByLabel("From")).toBeVisible();
  await expect(page.getByRole("switch", { name: "Live" })).toBeDisabled();
});

test("costs that are not known are never a zero", async ({ signedIn: page, session }) => {
  await send({ session });
  await stored(session, 1);
  const change = { cost_usd: null as string | null, cost_state: "unpriced" };
  await page.route("**/admin/v1/logs?*", async (route) => {
    const res = await route.fetch();
    const doc = (await res.json()) as { items: { attempts: object[] }[] };
    doc.items = doc.items.map((r) => ({
      ...r,
      ...change,
      attempts: r.attempts.map((a) => ({ ...a, ...change })),
    }));
    await route.fulfill({ response: res, json: doc });
  });
  await page.route("**/admin/v1/usage?*", async (route) => {
    const res = await route.fetch();
    const doc = (await res.json()) as { items: object[] };
    doc.items = doc.items.map((b) => ({ ...b, cost_usd: "0", unpriced: 1 }));
    await route.fulfill({ response: res, json: doc });
  });
  await page.goto(`/console/requests?session=${session}`);
  await expect(rows(page).first()).toContainText("unpriced");
  await expect(rows(page).first()).not.toContainText("$");
  await expect(page.getByRole("region", { name: "Summary" })).toContainText("unpriced");
  await expect(page.getByRole("region", { name: "Summary" })).not.toContainText("$");
});

test("usage that the provider did not report is marked", async ({ signedIn: page, session }) => {
  await send({ session, model: "demo/no_usage", stream: true });
  await page.goto(`/console/requests?session=${session}`);
  await expect(rows(page).first()).toContainText("estimated");
});

test("an empty log shows the command that fills it", async ({ signedIn: page, baseURL, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.route("**/admin/v1/logs?*", (route) => route.fulfill({ json: { items: [], next: null } }));
  await page.goto("/console/requests");
  await expect(page.getByLabel("Command", { exact: true })).toContainText(
    `curl ${new URL(baseURL ?? "").origin}/v1/chat/completions`,
  );
  await page.getByRole("button", { name: "Copy the command" }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('"model": "demo/chat"');
  await accessible(page);
});

test.describe("failures", () => {
  test.use({ allowed: /status of 500|ERR_FAILED/ });

  test("a list that cannot be loaded says why and can be tried again", async ({
    signedIn: page,
    session,
  }) => {
    await send({ session });
    await page.route("**/admin/v1/logs?*", (route) =>
      route.fulfill({
        status: 500,
        json: { title: "Internal Server Error", detail: "the log could not be read" },
      }),
    );
    await page.goto(`/console/requests?session=${session}`);
    await expect(page.getByRole("alert")).toContainText("the log could not be read");
    await accessible(page);
    await page.unroute("**/admin/v1/logs?*");
    await page.getByRole("button", { name: "Try again" }).click();
    await expect(rows(page)).toHaveCount(1);
  });

  test("a live tail that breaks is taken up again with what was missed", async ({
    signedIn: page,
    session,
  }) => {
    await page.route("**/admin/v1/logs/stream", (route) => route.abort());
    await page.goto(`/console/requests?session=${session}`);
    await expect(page.getByRole("switch")).toContainText("Reconnecting");
    await send({ session });
    await page.unroute("**/admin/v1/logs/stream");
    await expect(rows(page)).toHaveCount(1, { timeout: 15_000 });
    await expect(page.getByRole("switch")).toContainText("Live");
  });
});

test("the keyboard goes through the rows and into one", async ({ signedIn: page, session }) => {
  await send({ session });
  const older = await send({ session });
  await send({ session });
  await page.goto(`/console/requests?session=${session}`);
  await expect(rows(page)).toHaveCount(3);
  await rows(page).first().getByRole("link").focus();
  await page.keyboard.press("ArrowDown");
  await expect(rows(page).nth(1).getByRole("link")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(older));
  await page.goBack();
  await expect(rows(page)).toHaveCount(3);
});

test("dark and light follow the system until one is chosen", async ({ signedIn: page, session }) => {
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await send({ session });
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto(`/console/requests?session=${session}`);
  await expect(rows(page)).toHaveCount(1);
  const light = await ground();
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await ground();
  expect(dark).not.toBe(light);
  await accessible(page);

  await page.getByRole("button", { name: /^Theme: as the system/ }).click();
  expect(await ground()).toBe(light);
  await page.reload();
  await expect(page.getByRole("button", { name: /^Theme: light/ })).toBeVisible();
  expect(await ground()).toBe(light);
  await page.getByRole("button", { name: /^Theme: light/ }).click();
  await page.emulateMedia({ colorScheme: "light" });
  expect(await ground()).toBe(dark);
});

test("a phone shows everything without scrolling sideways", async ({ signedIn: page, session }) => {
  await page.setViewportSize({ width: 375, height: 740 });
  await send({ session });
  const failed = await send({ session, model: "demo/fail:status=500" });
  await page.goto(`/console/requests?session=${session}`);
  await expect(rows(page)).toHaveCount(2);
  const sideways = () =>
    page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(await sideways()).toBe(0);
  await expect(page.getByLabel("Outcome")).toBeHidden();
  await page.getByRole("button", { name: /^Filters/ }).click();
  await page.getByLabel("Outcome").selectOption("error");
  await expect(rows(page)).toHaveCount(1);
  await accessible(page);
  await page.goto(`/console/requests/${failed}`);
  await expect(page.getByRole("heading", { name: "Attempts" })).toBeVisible();
  expect(await sideways()).toBe(0);
  await accessible(page);
});
