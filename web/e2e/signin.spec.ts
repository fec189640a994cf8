import { accessible, expect, key, test } from "./fixtures";

// The browser itself reports every 401 as an error; asking who is signed in is one.
test.use({ allowed: /status of 40[14]/ });

test("a wrong key is refused, the right one lets in, signing out ends it", async ({ page }) => {
  await page.goto("/console/");
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await accessible(page);

  const field = page.getByLabel("Admin key");
  await expect(field).toBeFocused();
  await field.fill("not-the-key");
  await field.press("Enter");
  await expect(page.getByRole("alert")).toContainText("does not accept this key");

  await field.fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "Requests" })).toBeVisible();
  await expect(page).toHaveURL(/\/console\/requests$/);

  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByLabel("Admin key")).toBeVisible();
  await page.reload();
  await expect(page.getByLabel("Admin key")).toBeVisible();
});

test("a sign-in link lets in and is gone from the address bar before it is sent", async ({ page }) => {
  let addressWhenSent = "";
  await page.route("**/admin/v1/session", async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    expect(route.request().postDataJSON()).toEqual({ link: "a+token/with=signs" });
    addressWhenSent = page.url();
    return route.continue({ postData: { key } }); // a real link is good only once
  });
  await page.goto("/console/#link=a%2Btoken%2Fwith%3Dsigns");
  await expect(page.getByRole("heading", { name: "Requests" })).toBeVisible();
  expect(addressWhenSent).not.toContain("#");
  expect(page.url()).not.toContain("#");
});

test("a link that is used up says so, and does no harm to who is signed in", async ({ page }) => {
  await page.goto("/console/#link=used");
  await expect(page.getByRole("status").filter({ hasText: "no longer works" })).toBeVisible();

  await page.getByLabel("Admin key").fill(key);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Requests" })).toBeVisible();
  await page.goto("/console/requests?range=1h#link=used");
  await page.reload();
  await expect(page.getByRole("heading", { name: "Requests" })).toBeVisible();
});

test("a session that ends leads to the sign-in page and back to the same place", async ({
  page,
  context,
  session,
}) => {
  await page.request.post("/admin/v1/session", { data: { key } });
  await page.goto(`/console/requests?session=${session}`);
  await expect(page.getByText("No request matches")).toBeVisible();
  await context.clearCookies();
  await page.getByLabel("Time range").selectOption("7d");
  await expect(page.getByText("Your session has ended")).toBeVisible();
  await page.getByLabel("Admin key").fill(key);
  await page.keyboard.press("Enter");
  await expect(page.getByText("No request matches")).toBeVisible();
  await expect(page).toHaveURL(new RegExp(`session=${session}.*range=7d`));
});

test("a gateway that does not answer is not a blank page", async ({ page }) => {
  await page.route("**/admin/v1/session", (route) => route.fulfill({ status: 404, body: "not found" }));
  await page.goto("/console/");
  await expect(page.getByRole("alert")).toContainText("admin API is off");
  await page.unroute("**/admin/v1/session");
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByLabel("Admin key")).toBeVisible();
});
