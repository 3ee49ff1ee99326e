import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, test } from "@playwright/test";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Finding {
  id: string;
  impact: string;
  nodes: { html: string }[];
}

const PAGES: [string, string][] = [
  ["experiments", "experiments"],
  ["runs", "experiments/2"],
  ["groups", "experiments/2?group=params.model"],
  ["charts", "experiments/2?show=charts"],
  ["both", "experiments/2?show=both"],
  ["scatter", "experiments/2?show=charts&chart=scatter"],
  ["parallel", "experiments/2?show=charts&chart=parallel"],
  ["importance", "experiments/2?show=charts&chart=importance"],
  ["nothing to compare", "compare"],
  ["models", "models"],
  ["model", "models/scored"],
  ["approvals", "models/scored?tab=approvals"],
  ["history", "models/scored?tab=history"],
  ["version", "models/scored/2"],
  ["deployments", "deployments"],
  ["webhooks", "webhooks"],
  ["settings", "settings"],
  ["no such page", "nonsense-in-experiments/x".replace("nonsense-in-", "")],
];

for (const theme of ["light", "dark"] as const) {
  for (const [name, address] of PAGES) {
    test(`nothing serious for axe: ${name}, ${theme}`, async ({ browser, baseURL }) => {
      // Outside the page's own policy, so that the checker itself may run.
      const context = await browser.newContext({ bypassCSP: true, colorScheme: theme, baseURL });
      const page = await context.newPage();
      await page.goto(address);
      await page.waitForLoadState("networkidle").catch(() => undefined);
      await page.waitForTimeout(500);
      await page.evaluate(axe);
      const found = await page.evaluate(async () => {
        const checker = (window as unknown as { axe: { run: () => Promise<{ violations: Finding[] }> } }).axe;
        return (await checker.run()).violations;
      });
      const serious = found.filter((one) => one.impact === "serious" || one.impact === "critical");
      expect(serious.map((one) => `${one.id}: ${one.nodes[0]?.html.slice(0, 200)}`)).toEqual([]);
      await context.close();
    });
  }
}
