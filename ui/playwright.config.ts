import { defineConfig } from "@playwright/test";

// Started by e2e/run.py, which serves a store of its own and says where.
export default defineConfig({
  testDir: "e2e",
  outputDir: "test-results",
  timeout: 60_000,
  expect: { timeout: 15_000 },
  workers: 1,
  retries: 1,
  reporter: [["list"]],
  use: {
    baseURL: process.env.TIDEMILL_E2E_URL,
    viewport: { width: 1280, height: 800 },
    launchOptions: { executablePath: process.env.TIDEMILL_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] },
    screenshot: "only-on-failure",
  },
});
