import { applyFilter, expect, filterText, rows, test } from "./page";

test("the map follows the filter, and what is chosen on it writes the filter", async ({ page, open }) => {
  await open("/?view=map&last=all");
  const count = page.getByText(/^\d+ nodes?, \d+ edges?/);
  await expect(count).toBeVisible();
  const all = (await count.textContent()) ?? "";
  await applyFilter(page, "dns");
  await expect(count).not.toHaveText(all);
  await page.getByRole("radio", { name: "Table" }).click();
  await expect(page.getByRole("table").getByText("http")).toHaveCount(0);
  await page.getByRole("table").getByRole("button", { name: /./ }).nth(6).click();
  await expect.poll(() => filterText(page)).toMatch(/^dns && \(src\./);
  await page.keyboard.press("g");
  await page.keyboard.press("s");
  await expect(rows(page).first()).toContainText("dns");
});

test("nodes are chosen and focused on the picture", async ({ page, open }) => {
  await open("/?view=map&last=all");
  const picture = page.getByRole("img", { name: /^Map of/ });
  await expect(picture.locator("canvas").first()).toBeVisible();
  await page.waitForTimeout(1500);
  // The node in the middle of a search is found by its place in the picture.
  const name = await page.evaluate(async () => {
    const map = await (await fetch("/api/v1/map")).json();
    return map.nodes.find((node: { field: string }) => node.field !== "").name as string;
  });
  const search = page.getByLabel("Find a node");
  await search.fill(name);
  const box = await picture.boundingBox();
  if (!box) throw new Error("no picture");
  // The map may still be being arranged, which moves what was brought into the middle.
  await expect(async () => {
    await search.press("Enter");
    await page.waitForTimeout(300);
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    await page.waitForTimeout(300);
    expect(await filterText(page)).toContain(name);
  }).toPass();
  await page.keyboard.press("f");
  await expect(page).toHaveURL(/focus=/);
  await page.keyboard.press("Escape");
  await expect(page).not.toHaveURL(/focus=/);
  // A double click focuses alone: it neither chooses nor lets go of the node.
  const chosen = await filterText(page);
  const steps = await page.evaluate(() => history.length);
  await page.mouse.dblclick(box.x + box.width / 2, box.y + box.height / 2);
  await expect(page).toHaveURL(/focus=/);
  await page.waitForTimeout(500);
  expect(await filterText(page)).toBe(chosen);
  expect(await page.evaluate(() => history.length)).toBe(steps + 1);
});

test("a span is chosen on the timeline and drives all views", async ({ page, open }) => {
  await open("/?last=5m");
  const chart = page.getByRole("region", { name: "Timeline" }).locator(".u-over");
  await expect(chart).toBeVisible();
  const box = await chart.boundingBox();
  if (!box) throw new Error("no chart");
  await page.mouse.move(box.x + box.width * 0.6, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.9, box.y + 20, { steps: 8 });
  await page.mouse.up();
  await expect(page).toHaveURL(/from=.*&to=/);
  const span = new URL(page.url()).searchParams;
  const seconds = (Date.parse(span.get("to") ?? "") - Date.parse(span.get("from") ?? "")) / 1000;
  expect(seconds).toBeGreaterThan(60);
  expect(seconds).toBeLessThan(120);
  await page.goBack();
  await expect(page).toHaveURL(/last=5m/);
});

test("figures by any two fields; a click narrows the filter", async ({ page, open }) => {
  await open("/?view=analyse&last=all&by=protocol&by=outcome");
  const table = page.getByRole("table");
  await expect(table.getByRole("columnheader", { name: "protocol" })).toBeVisible();
  await expect(table.getByRole("button", { name: "http" }).first()).toBeVisible();
  await table.getByRole("button", { name: "http" }).first().click();
  await expect.poll(() => filterText(page)).toBe('protocol == "http"');
  await expect(table.getByRole("button", { name: "dns" })).toHaveCount(0);
  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export" }).click();
  await page.getByRole("menuitem", { name: "This table as CSV" }).click();
  expect((await saved).suggestedFilename()).toBe("analysis.csv");
});

test("the same place opens from its address", async ({ page, open, browser }) => {
  await open("/?view=analyse&filter=http&last=all&by=method");
  await expect(page.getByRole("table").getByRole("button", { name: "GET" })).toBeVisible();
  const other = await browser.newPage();
  await other.goto(page.url());
  await expect(other.getByRole("table").getByRole("button", { name: "GET" })).toBeVisible();
  expect(await filterText(other)).toBe("http");
  await other.close();
});

test("capture and protocols are switched in the page, within a second", async ({ page, open, request }) => {
  await open("/?view=settings");
  const capture = async () => (await request.get(new URL("/api/v1/capture", page.url()).href)).json();
  const control = page.getByRole("switch", { name: "DNS" });
  await control.click();
  await expect.poll(async () => (await capture()).protocols.dns, { timeout: 1000 }).toBe(false);
  await control.click();
  await expect.poll(async () => (await capture()).protocols.dns, { timeout: 1000 }).toBe(true);
  await page.getByRole("switch", { name: "Capture" }).click();
  await expect(page.getByText("Capture is off").first()).toBeVisible();
  expect((await capture()).on).toBe(false);
  await page.getByRole("button", { name: "Switch it on" }).click();
  await expect.poll(async () => (await capture()).on, { timeout: 1000 }).toBe(true);
});

test("how much is kept is changed in the page, and what is wrong is said", async ({ page, open, request }) => {
  await open("/?view=settings");
  const value = async () => {
    const { settings } = await (await request.get(new URL("/api/v1/settings", page.url()).href)).json();
    return settings.find((setting: { key: string }) => setting.key === "retention-age").value;
  };
  const field = page.getByRole("textbox", { name: "Entries, no longer than" });
  const before = await field.inputValue();
  await field.fill("soon");
  await field.press("Enter");
  await expect(page.getByRole("alert")).toContainText("is not a length of time");
  expect(await value()).toBe(before);
  await field.fill("36h");
  await field.press("Enter");
  await expect.poll(value, { timeout: 1000 }).toBe("36h");
  await expect(page.getByRole("row", { name: /retention-age/ })).toContainText("page");
  await field.fill(before);
  await field.press("Enter");
  await expect.poll(value).toBe(before);
});

test("what would be deleted is said and asked once, before it is", async ({ page, open }) => {
  await open("/?view=settings");
  const sent: boolean[] = [];
  await page.route("**/api/v1/settings", async (route) => {
    const request = route.request();
    if (request.method() !== "PUT") return route.continue();
    sent.push(request.postDataJSON().is_trial);
    const deletes = { entries: 12_345, bytes: 3 << 20, packet_bytes: 0 };
    return route.fulfill({ json: { settings: [], deletes } });
  });
  const field = page.getByRole("textbox", { name: "Entries, at most" });
  await field.fill("1MiB");
  await field.press("Enter");
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("12,345 entries (3 MiB) are deleted at once");
  await dialog.getByRole("button", { name: "Keep all" }).click();
  await expect(dialog).toBeHidden();
  expect(sent).toEqual([true]);
  await field.press("Enter");
  await dialog.getByRole("button", { name: "Apply and delete" }).click();
  await expect.poll(() => sent).toEqual([true, true, false]);
});

test("a snapshot is made, browsed and deleted", async ({ page, open }) => {
  await open("/?view=snapshots&last=all&filter=http");
  const name = `before ${Date.now()}`;
  await page.getByLabel("Name of the snapshot").fill(name);
  await page.getByRole("radio", { name: /only what matches/ }).check();
  await page.getByRole("button", { name: "Make a snapshot" }).click();
  const card = page.getByRole("article").filter({ hasText: name });
  await expect(card).toContainText("Only what matches http");
  await expect(card).toContainText(/[1-9][\d,]* entries, [1-9][\d,]* packets \(/);
  await card.getByRole("button", { name: "Browse" }).click();
  await expect(page).toHaveURL(/snapshot=/);
  await expect(rows(page).first()).toContainText("http");
  await page.getByRole("button", { name: "Leave the snapshot" }).click();
  await page.getByRole("navigation", { name: "Views" }).getByRole("button", { name: "Snapshots" }).click();
  await card.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(card).toBeHidden();
});
