import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, rows, test } from "./page";
import { freePort, start } from "./program";

test("nothing captured: says what is watched, and offers sample traffic", async ({ page, open }) => {
  await open("/?from=2090-01-01T00:00:00Z&to=2090-01-01T01:00:00Z");
  await expect(page.locator("[data-empty=nothing]")).toContainText("Nothing was captured");
  await expect(page.getByRole("button", { name: "Make sample traffic" })).toBeVisible();
});

test("a time before the recording never looks like one in which nothing passed", async ({ page, open }) => {
  await open("/?from=2001-01-01T00:00:00Z&to=2001-01-01T01:00:00Z");
  const empty = page.locator("[data-empty=not-kept]");
  await expect(empty).toContainText("What is stored begins at");
  await expect(page.getByRole("button", { name: "Make sample traffic" })).toHaveCount(0);
  await empty.getByRole("button", { name: "Show the last minutes" }).click();
  await expect(rows(page).first()).toBeVisible();
});

test("nothing matches: says how many entries the filter excluded, and which clause did it", async ({ page, open }) => {
  await open("/?last=all&filter=http+%26%26+status_code+%3D%3D+999");
  const empty = page.locator("[data-empty=unmatched]");
  await expect(empty).toContainText(/excludes all [\d,]+ entries/);
  await expect(empty.getByRole("row")).toHaveCount(3);
  await empty.getByRole("button", { name: "Clear the filter" }).click();
  await expect(rows(page).first()).toBeVisible();
});

test("nothing could be seen never looks like nothing there", async ({ page, open }) => {
  await page.route("**/api/v1/loss*", (route) =>
    route.fulfill({
      json: { total: 9, causes: [{ stage: "capture", cause: "kernel drop", count: 9, unit: "packets" }] },
    }),
  );
  await open("/?from=2090-01-01T00:00:00Z&to=2090-01-01T01:00:00Z");
  await expect(page.locator("[data-empty=dark]")).toContainText("Nothing could be seen");
  await expect(page.locator("[data-empty=dark]")).toContainText("kernel drop");
});

test("a filter that can't be used, in an address: words, and a way out", async ({ page, open }) => {
  await open("/?filter=respnse.status+%3D%3D+5");
  await expect(page.getByRole("alert").first()).toContainText(/respnse/i);
  await page.getByRole("button", { name: "Clear the filter" }).last().click();
  await expect(rows(page).first()).toBeVisible();
  await open("/?filter=htp");
  await page.getByRole("button", { name: "Write http" }).click();
  await expect(page).toHaveURL(/filter=http(&|$)/);
  await expect(rows(page).first()).toContainText("http");
});

test("what is not there any more says so, with a way back", async ({ page, open }) => {
  await open("/?snapshot=gone");
  await page.getByRole("alert").getByRole("button", { name: "Leave the snapshot" }).click();
  await expect(rows(page).first()).toBeVisible();
  await open("/?entry=999999999999999");
  await expect(page.getByRole("complementary", { name: "Detail" })).toContainText("It may have been let go since");
});

test("a slow question tells its time and can be stopped", async ({ page, open }) => {
  await page.route("**/api/v1/map*", () => {});
  await open("/?view=map");
  await expect(page.getByText(/Computing the map for \d s/)).toBeVisible();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByText(/Computing the map/)).toBeHidden();
});

test("a lost server: what is shown stays, tries are counted, and it goes on", async ({ page, watch }) => {
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), "lanternfish-web-"));
  let program = await start({ port, directory });
  watch.host = new URL(program.url).host;
  try {
    await fetch(`${program.url}/api/v1/demo`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: '{"on":true}',
    });
    await page.goto(program.url);
    await expect(rows(page).first()).toBeVisible({ timeout: 20_000 });
    await program.stop();
    await expect(page.getByText(/No connection to Lanternfish.*\d+ tr(y|ies)/)).toBeVisible();
    await expect(rows(page).first()).toBeVisible();
    const first = await rows(page).first().getAttribute("id");
    program = await start({ port, directory });
    await fetch(`${program.url}/api/v1/demo`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: '{"on":true}',
    });
    await expect(page.getByText("No connection to Lanternfish")).toBeHidden({ timeout: 15_000 });
    await expect.poll(() => rows(page).first().getAttribute("id"), { timeout: 15_000 }).not.toBe(first);
  } finally {
    await program.stop();
  }
});
