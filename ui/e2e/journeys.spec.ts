import { execFileSync } from "node:child_process";
import { expect, test, type Page } from "@playwright/test";

/** No journey may leave an error in the console. */
test.beforeEach(async ({ page }) => {
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    // A browser notes every failed request by itself.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) errors.push(message.text());
  });
  (page as Page & { errors?: string[] }).errors = errors;
});

test.afterEach(async ({ page }) => {
  expect((page as Page & { errors?: string[] }).errors).toEqual([]);
});

/** A program that logs, as a user would run it against this server. */
function program(...lines: string[]): void {
  const address = process.env.TIDEMILL_E2E_URL;
  const head = ["import tidemill", `tidemill.set_tracking_uri("${address}")`];
  execFileSync(process.env.TIDEMILL_E2E_PYTHON ?? "python", ["-c", [...head, ...lines].join("\n")], {
    env: { ...process.env, TIDEMILL_SYNC: "1", TIDEMILL_CAPTURE: "0" },
  });
}

async function openExperiment(page: Page, name: string): Promise<void> {
  await page.goto("");
  await page.getByRole("link", { name, exact: true }).click();
  await expect(page.getByRole("heading", { name, exact: true })).toBeVisible();
}

function names(page: Page) {
  return page.locator(".grid-row .first-cell a");
}

test("experiments: create, rename, describe, tag, delete, undo", async ({ page }) => {
  await page.goto("");
  await page.getByRole("button", { name: "New experiment" }).click();
  await page.getByLabel("Name", { exact: true }).fill("made here");
  await page.getByRole("button", { name: "Create" }).click();
  await expect(page.getByRole("heading", { name: "made here" })).toBeVisible();
  await page.getByRole("link", { name: "Experiments" }).first().click();
  await page.getByRole("button", { name: "Actions for made here" }).click();
  await page.getByRole("button", { name: "Rename" }).click();
  await page.getByLabel("Name", { exact: true }).fill("renamed here");
  await page.getByRole("dialog").getByRole("button", { name: "Rename" }).click();
  await page.getByRole("button", { name: "Actions for renamed here" }).click();
  await page.getByRole("button", { name: "Tags", exact: true }).click();
  await page.getByLabel("Key of a new tag").fill("team");
  await page.getByLabel("Value of a new tag").fill("audio");
  await page.getByRole("button", { name: "Add" }).click();
  await expect(page.getByLabel("Value of team")).toHaveValue("audio");
  await page.keyboard.press("Escape");
  await page.getByLabel("Search experiments").fill("tags.team = 'audio'");
  await expect(page.locator("tbody tr")).toHaveCount(1);
  await page.getByRole("button", { name: "Actions for renamed here" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await expect(page.getByText("No experiment matches")).toBeVisible();
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByRole("link", { name: "renamed here" })).toBeVisible();
});

test("the first run of an experiment appears by itself", async ({ page }) => {
  await openExperiment(page, "empty one");
  await expect(page.getByText("Log your first run")).toBeVisible();
  program(
    'tidemill.set_experiment("empty one")',
    'with tidemill.start_run(run_name="very first"):',
    '    tidemill.log_params({"lr": 0.1})',
    "    for step in range(5):",
    '        tidemill.log_metric("loss", 1 / (step + 1), step=step)',
  );
  await expect(page.getByRole("link", { name: "very first" })).toBeVisible({ timeout: 30_000 });
  await expect(page.getByRole("columnheader", { name: "loss" })).toBeVisible({ timeout: 30_000 });
});

test("filter with completion, a mistake marked at its place, sort, group", async ({ page }) => {
  await openExperiment(page, "wine quality");
  await expect(names(page)).toHaveCount(12);
  const filter = page.getByRole("combobox", { name: "Filter runs" });
  await filter.fill("mod");
  await page.getByRole("option", { name: "params.model" }).click();
  await filter.press("ArrowDown");
  await filter.press("Enter");
  await expect(filter).toHaveValue("params.model = ");
  await page.getByRole("option", { name: "net" }).click();
  await expect(names(page)).toHaveCount(4);
  await expect(page).toHaveURL(/filter=params\.model/);

  await filter.fill("params.model = 'net' AND nonsense.x = 1");
  await expect(page.getByRole("alert").locator("mark")).toContainText("nonsense.x");
  await filter.fill("metrics.accuracy > 0.8");
  await expect(names(page)).toHaveCount(2);
  await page.getByRole("button", { name: "Clear the filter" }).click();
  await expect(names(page)).toHaveCount(12);

  await page.getByRole("button", { name: /^accuracy/ }).click();
  await expect(names(page).first()).toHaveText("linear-11");
  await page.getByRole("button", { name: /^accuracy/ }).click();
  await expect(names(page).first()).toHaveText("tree-00");
  await page.reload();
  await expect(names(page).first()).toHaveText("tree-00");

  await page.getByRole("button", { name: "Group", exact: true }).click();
  await page.locator(".menu").getByRole("button", { name: "model", exact: true }).click();
  await page.keyboard.press("Escape");
  await expect(page.getByText("12 runs in 3 groups")).toBeVisible();
  await expect(page.locator(".grid-row").first()).toContainText("model = ");
  await expect(page.locator(".grid-row").first()).toContainText("±");
  await page.locator(".grid-row").first().getByRole("button", { name: "Open" }).click();
  await expect(names(page)).toHaveCount(4);
});

test("columns: chosen, their extremes, pinned, moved, and a saved view that brings them back", async ({ page }) => {
  await openExperiment(page, "wine quality");
  await page.getByRole("button", { name: "Columns" }).click();
  await page.getByLabel("Find a column").fill("User");
  await page.getByRole("checkbox", { name: "User" }).check();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("columnheader", { name: "User" })).toBeVisible();
  await page.getByRole("button", { name: "Column val/loss" }).click();
  await page.getByRole("button", { name: "Show the smallest value" }).click();
  await page.getByRole("button", { name: "Column val/loss (min)" }).click();
  await page.getByRole("button", { name: "Pin to the left" }).click();
  await expect(page.getByRole("columnheader").nth(1)).toContainText("val/loss (min)");
  await page.getByRole("button", { name: "Views" }).click();
  await page.getByLabel("Name for this view").fill("lowest");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved the view lowest.")).toBeVisible();
  await openExperiment(page, "wine quality");
  await page.getByRole("button", { name: "Views" }).click();
  await page.getByRole("button", { name: "lowest", exact: true }).click();
  await expect(page.getByRole("columnheader").nth(1)).toContainText("val/loss (min)");
});

test("nested runs open below their parent", async ({ page }) => {
  await openExperiment(page, "nested search");
  await expect(names(page)).toHaveCount(5);
  await page.getByRole("button", { name: "Nested" }).click();
  await expect(names(page)).toHaveCount(2);
  await page.locator(".grid-row", { hasText: "search" }).getByRole("button", { name: "Open" }).click();
  await expect(names(page)).toHaveCount(5);
});

test("choose, tag, delete, restore, export", async ({ page }) => {
  await openExperiment(page, "nested search");
  await page.getByRole("checkbox", { name: "Choose alone" }).check();
  await page.getByRole("button", { name: "Tag", exact: true }).click();
  await page.getByLabel("Key", { exact: true }).fill("keep");
  await page.getByLabel("Value", { exact: true }).fill("yes");
  await page.getByRole("button", { name: "Set" }).click();
  await page.getByRole("combobox", { name: "Filter runs" }).fill("tags.keep = 'yes'");
  await expect(names(page)).toHaveCount(1);
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "CSV" }).click()]);
  expect(file.suggestedFilename()).toBe("nested-search.csv");
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await expect(page.getByText("No run matches")).toBeVisible();
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(names(page)).toHaveCount(1);
});

test("charts of every metric, and the other charts", async ({ page }) => {
  await openExperiment(page, "wine quality");
  await page.getByRole("button", { name: "Charts", exact: true }).click();
  const chart = page.getByRole("article", { name: "Chart of val/loss" });
  await expect(chart.locator("canvas").first()).toBeVisible();
  await chart.locator(".u-over").hover();
  await expect(chart.locator(".chart-tip")).toContainText("step");
  await page.getByLabel("Smoothing").fill("0.8");
  await expect(page).toHaveURL(/smooth=0\.8/);
  const box = (await chart.locator(".u-over").boundingBox())!;
  await page.mouse.move(box.x + 60, box.y + 50);
  await page.mouse.down();
  await page.mouse.move(box.x + 160, box.y + 60, { steps: 5 });
  await page.mouse.up();
  await expect(page.getByRole("button", { name: "Whole range" })).toBeVisible();
  for (const [kind, seen] of [["Parallel", /12 runs over/], ["Scatter", /of 12 runs/]] as const) {
    await page.getByRole("button", { name: kind, exact: true }).click();
    await expect(page.getByRole("img", { name: seen })).toBeVisible();
  }
  await page.getByRole("button", { name: "Contour", exact: true }).click();
  await expect(page.getByRole("img", { name: / over / })).toBeVisible();
  await page.getByRole("button", { name: "Importance", exact: true }).click();
  await expect(page.getByText("depth ↑")).toBeVisible();
  await page.getByRole("button", { name: "Bars", exact: true }).click();
  await expect(page.getByRole("link", { name: "net-01" })).toBeVisible();
});

test("compare two runs", async ({ page }) => {
  await openExperiment(page, "wine quality");
  await page.getByRole("checkbox", { name: "Choose tree-00" }).check();
  await page.getByRole("checkbox", { name: "Choose net-01" }).check();
  await page.getByRole("button", { name: "Compare" }).click();
  await expect(page.getByRole("heading", { name: "Compare 2 runs" })).toBeVisible();
  await expect(page.getByRole("rowheader", { name: "model" })).toBeVisible();
  await expect(page.getByRole("rowheader", { name: "lr" })).toHaveCount(0);
  await page.getByLabel("Only what differs").uncheck();
  await expect(page.getByRole("rowheader", { name: "lr" })).toBeVisible();
  await page.getByRole("tab", { name: "Curves" }).click();
  await expect(page.getByRole("article", { name: "Chart of val/loss" }).locator("canvas").first()).toBeVisible();
});

test("ten thousand runs: the last one is two keys away", async ({ page }) => {
  await openExperiment(page, "10000 runs");
  await expect(page.getByText("10,000 runs")).toBeVisible();
  await page.getByRole("grid").focus();
  await page.keyboard.press("End");
  await expect(page.getByRole("link", { name: "run-00000" })).toBeVisible();
  expect(await page.locator(".grid-row").count()).toBeLessThan(80);
});

test("keyboard alone: find an experiment, walk its runs, choose two, compare", async ({ page }) => {
  await page.goto("");
  await expect(page.getByRole("link", { name: "wine quality", exact: true })).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("wine");
  await expect(page.getByRole("listbox", { name: "Found" }).getByRole("option").first()).toContainText("wine quality");
  await page.keyboard.press("Enter");
  await expect(names(page)).toHaveCount(12);
  for (let presses = 0; presses < 40; presses++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement?.getAttribute("role") === "grid")) break;
  }
  await page.keyboard.press("Space");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Space");
  await expect(page.getByText("2 chosen")).toBeVisible();
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press("Shift+Tab");
    if (await page.evaluate(() => document.activeElement?.textContent?.trim() === "Compare")) break;
  }
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Compare 2 runs" })).toBeVisible();
});

test("dark and light are kept", async ({ page }) => {
  await page.goto("");
  await page.getByRole("button", { name: "Dark theme" }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
});

test("addresses that MLflow's client prints lead to our pages", async ({ page }) => {
  await page.goto("#/experiments/2");
  await expect(page).toHaveURL(/\/experiments\/2$/);
});
