// The tests in a real browser, against a real program: one that already runs (LANTERNFISH_URL), or one that is started for
// them (LANTERNFISH_BIN, by default the release build; needs the rights to capture).
import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

/** The browser: the one that is named, the machine's own, or the one that Playwright brought. */
const browser =
  process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => existsSync(path));

export default defineConfig({
  testDir: "e2e",
  testMatch: process.env.PICTURES ? "pictures.ts" : "*.spec.ts",
  timeout: 45_000,
  expect: { timeout: 10_000 },
  workers: 1,
  fullyParallel: false,
  retries: 0,
  reporter: [["list"]],
  globalSetup: "./e2e/setup.ts",
  use: {
    viewport: { width: 1440, height: 900 },
    colorScheme: "dark",
    timezoneId: "UTC",
    permissions: ["clipboard-read", "clipboard-write"],
    launchOptions: {
      executablePath: browser,
      args: [
        "--no-sandbox",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
