import { defineConfig } from "@playwright/test";

const url = process.env.TIDEGATE_URL;
if (!url || !process.env.TIDEGATE_ADMIN_KEY)
  throw new Error("The tests need a running gateway: set TIDEGATE_URL and TIDEGATE_ADMIN_KEY.");

export default defineConfig({
  testDir: "e2e",
  workers: 1, // the tests share one gateway, and the figures of its log
  forbidOnly: true,
  reporter: [["list"]],
  use: {
    baseURL: url,
    viewport: { width: 1280, height: 820 },
    timezoneId: "Europe/Berlin",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox"], // in a container there is no other way, and the pages are our own
    },
  },
});
