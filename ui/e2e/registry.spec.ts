import { expect, test, type Page } from "@playwright/test";

/** What the server answers to an operation. */
async function ask(page: Page, verb: "GET" | "POST", path: string, body?: object) {
  const answer = await page.request.fetch(path, { method: verb, ...(body ? { data: body } : {}) });
  return (await answer.json()) as Record<string, unknown>;
}

async function aliasOf(page: Page, alias: string): Promise<string> {
  const found = await ask(page, "GET", `api/2.0/mlflow/registered-models/alias?name=scored&alias=${alias}`);
  return (found.model_version as { version: string }).version;
}

test("an alias is moved by its menu, and the history says so", async ({ page }) => {
  await page.goto("models");
  await page.getByRole("link", { name: "scored", exact: true }).click();
  await page.getByRole("button", { name: "Aliases of version 2" }).click();
  await page.getByRole("button", { name: "Move @challenger here" }).click();
  await expect(page.getByText("@challenger is version 2 now.")).toBeVisible();
  expect(await aliasOf(page, "challenger")).toBe("2");
  await page.getByRole("tab", { name: "History" }).click();
  await expect(page.getByRole("row", { name: /@challenger 2 .* now/ })).toBeVisible();
});

test("a protected alias moves only by a request that somebody else grants", async ({ page }) => {
  await page.goto("models/scored");
  await page.getByRole("button", { name: "Aliases of version 2" }).click();
  await page.getByRole("button", { name: "Move @champion here" }).click();
  await expect(page.getByText(/protected/i)).toBeVisible();
  expect(await aliasOf(page, "champion")).toBe("1");
  await page.getByRole("button", { name: "Aliases of version 2" }).click();
  await page.getByRole("button", { name: /Ask for approval/ }).click();
  await page.getByLabel("Alias", { exact: true }).fill("champion");
  await page.getByLabel("Your name").fill("ada");
  await page.getByLabel("Why").fill("two points better");
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await page.getByRole("tab", { name: /Approvals/ }).click();
  await page.getByRole("button", { name: "Grant" }).click();
  await page.getByLabel("Your name").fill("grace");
  await page.getByRole("dialog").getByRole("button", { name: "Grant and move" }).click();
  await expect(page.getByText("granted by grace")).toBeVisible();
  expect(await aliasOf(page, "champion")).toBe("2");
});

test("two versions beside each other, and where one comes from", async ({ page }) => {
  await page.goto("models/scored");
  await page.getByLabel("Choose version 1").check();
  await page.getByLabel("Choose version 2").check();
  await page.getByRole("button", { name: "Compare" }).click();
  await expect(page.getByRole("heading", { name: "Version 1 and version 2" })).toBeVisible();
  await page.goto("models/scored/2");
  await expect(page.getByRole("group", { name: /run .* → version scored 2/ })).toBeVisible();
});

test("a hostile page among a run's files runs nothing of ours", async ({ page }) => {
  await page.goto("experiments/2");
  await page.locator(".grid-row .first-cell a").first().click();
  const id = /runs\/([0-9a-f]{32})/.exec(page.url())?.[1] ?? "";
  const hostile =
    "<h1>report</h1><script>document.body.dataset.ran='1';" +
    "try{parent.document.title='stolen'}catch{document.body.dataset.kept='1'}" +
    "fetch('/api/2.0/mlflow/experiments/search').then(()=>{document.body.dataset.reached='1'},()=>{document.body.dataset.barred='1'})</script>";
  await page.request.post(`ajax-api/2.0/mlflow/upload-artifact?run_uuid=${id}&path=report.html`, { data: hostile, headers: { "Content-Type": "application/octet-stream" } });
  await page.goto(`runs/${id}?tab=artifacts&file=report.html`);
  const frame = page.frameLocator("iframe.preview-frame");
  await expect(frame.getByRole("heading", { name: "report" })).toBeVisible();
  await expect(frame.locator("body")).toHaveAttribute("data-ran", "1");
  await expect(frame.locator("body")).toHaveAttribute("data-kept", "1");
  await expect(frame.locator("body")).toHaveAttribute("data-barred", "1");
  await expect(frame.locator("body")).not.toHaveAttribute("data-reached", "1");
  expect(await page.title()).not.toBe("stolen");
});

test("a run's page: charts, description, keyboard", async ({ page }) => {
  await page.goto("experiments/2");
  await page.locator(".grid-row .first-cell a").first().click();
  await page.getByRole("tab", { name: /Metrics/ }).focus();
  await page.keyboard.press("Enter");
  await expect(page.locator(".run-chart canvas").first()).toBeVisible();
  await page.getByRole("tab", { name: "Overview" }).click();
  await page.getByRole("button", { name: /Describe this run|Edit/ }).first().click();
  await page.getByLabel("Markdown").fill("# Found\n\n**good** <script>alert(1)</script>");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { name: "Found" })).toBeVisible();
  await expect(page.getByText("<script>alert(1)</script>")).toBeVisible();
});
