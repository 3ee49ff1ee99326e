// What benchmarks/ui.py asks of a browser. Prints one line of JSON: milliseconds, in the order of its budgets.
import { chromium } from "@playwright/test";

const { URL: address, MANY, CURVES, CHROMIUM } = process.env;
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });

/** A new page that notes its long tasks. */
async function opened(path) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.addInitScript(() => {
    window.tasks = [];
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((one) => one.duration))).observe({ type: "longtask", buffered: true });
  });
  await page.goto(`${address}${path}`, { waitUntil: "commit" });
  return page;
}

/** The longest task during `work`; tasks under 50 ms are not noted by browsers and count as 0. */
async function longest(page, work) {
  await page.waitForTimeout(700);
  await page.evaluate(() => (window.tasks.length = 0));
  await work();
  await page.waitForTimeout(300);
  return page.evaluate(() => Math.max(0, ...window.tasks));
}

const since = (page) => page.evaluate(() => performance.now());
const columns = [...Array(20).keys()].flatMap((n) => [`metrics.m${String(n).padStart(2, "0")}`, `params.p${String(n).padStart(2, "0")}`]);

// Once for the server's caches and the browser's start; then measured.
for (const path of [`/experiments/${MANY}`, "/"]) await (await opened(path)).context().close();

const table = await opened(`/experiments/${MANY}?columns=${columns.join(",")}`);
await table.waitForSelector(".grid-row .first-cell a");
const usable = await since(table);
const paint = await table.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN);
const scrolling = await longest(table, async () => {
  await table.mouse.move(700, 500);
  for (let turn = 0; turn < 40; turn++) {
    await table.mouse.wheel(turn % 4 === 3 ? 300 : 0, 900);
    await table.waitForTimeout(40);
  }
});
await table.context().close();

const charts = await opened(`/experiments/${CURVES}?show=charts`);
await charts.waitForFunction(() => {
  const canvas = document.querySelector(".line-chart canvas");
  if (!canvas) return false;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const seen = new Set();
  for (let at = 0; at < data.length; at += 4 * 7) seen.add(`${data[at] >> 4},${data[at + 1] >> 4},${data[at + 2] >> 4}`);
  return seen.size > 8;
});
const charted = await since(charts);
const box = await charts.locator(".line-chart .u-over").first().boundingBox();
const moving = await longest(charts, async () => {
  for (let turn = 0; turn < 60; turn++) {
    await charts.mouse.move(box.x + 10 + turn * 5, box.y + 40 + (turn % 9) * 10);
    await charts.waitForTimeout(16);
  }
});
await browser.close();
console.log(JSON.stringify([paint, usable, scrolling, charted, moving]));
