import { expect, rows, test } from "./page";

test("rows come by themselves, newest first", async ({ page, open }) => {
  await open();
  await expect(rows(page).first()).toBeVisible();
  const first = await rows(page).first().getAttribute("id");
  await expect.poll(() => rows(page).first().getAttribute("id")).not.toBe(first);
  const times = await rows(page).locator("[role=gridcell]:first-child").allInnerTexts();
  expect(times.slice(0, 10)).toEqual(times.slice(0, 10).toSorted().reverse());
});

test("new rows do not move what one reads, and a pill counts them", async ({ page, open }) => {
  await open("/?last=all");
  await expect.poll(() => rows(page).count()).toBeGreaterThan(15);
  await page.getByRole("grid").evaluate((grid) => {
    grid.scrollTop = 140;
  });
  await page.waitForTimeout(100);
  const seen = await firstInView(page);
  const pill = page.getByRole("button", { name: /^↑ \d/ });
  await expect(pill).toBeVisible();
  expect(await firstInView(page)).toBe(seen);
  await pill.click();
  await expect(pill).toBeHidden();
  expect(await page.getByRole("grid").evaluate((grid) => grid.scrollTop)).toBe(0);
});

test("a row that is chosen by key stays where it is until one lets it go", async ({ page, open }) => {
  await open("/?last=all");
  await expect.poll(() => rows(page).count()).toBeGreaterThan(5);
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  const chosen = page.getByRole("row", { selected: true });
  const top = (await chosen.boundingBox())?.y;
  const pill = page.getByRole("button", { name: /^↑ \d/ });
  await expect(pill).toBeVisible();
  expect((await chosen.boundingBox())?.y).toBe(top);
  // The rows that are passed by with the detail open are one step of the browser's history.
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/entry=/);
  const opened = page.url();
  await page.keyboard.press("j");
  await expect(page).not.toHaveURL(opened);
  await page.goBack();
  await expect(page).not.toHaveURL(/entry=/);
  await page.keyboard.press("Escape");
  await expect(chosen).toHaveCount(0);
  await page.keyboard.press("Home");
  await expect(pill).toBeHidden();
});

test("Space stops the page and never the capture", async ({ page, open, request }) => {
  await open();
  await expect(rows(page).first()).toBeVisible();
  await page.keyboard.press("Space");
  await expect(page.getByText("The page stands still")).toBeVisible();
  await page.waitForTimeout(500);
  const first = await rows(page).first().getAttribute("id");
  await page.waitForTimeout(2000);
  expect(await rows(page).first().getAttribute("id")).toBe(first);
  const capture = await request.get(new URL("/api/v1/capture", page.url()).href);
  expect((await capture.json()).on).toBe(true);
  await page.keyboard.press("Space");
  await expect.poll(() => rows(page).first().getAttribute("id")).not.toBe(first);
});

test("columns are chosen, sized and kept", async ({ page, open }) => {
  await open();
  await page.getByRole("button", { name: "Columns" }).click();
  await page.getByLabel("Find a field").fill("http_host");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  const head = page.getByRole("columnheader", { name: "http_host" });
  await expect(head).toBeVisible();
  await head.focus();
  await page.keyboard.press("Shift+ArrowRight");
  const wide = (await head.boundingBox())?.width ?? 0;
  await page.reload();
  await expect(head).toBeVisible();
  expect((await head.boundingBox())?.width).toBe(wide);
  await expect(rows(page).filter({ hasText: "shop.test" }).first()).toBeVisible();
});

test("all connections show by a switch", async ({ page, open }) => {
  await open("/?last=all");
  await expect(rows(page).first()).toBeVisible();
  await page.getByRole("switch", { name: /connections and flows/ }).click();
  await expect(page).toHaveURL(/[?&]all=/);
  await expect(
    rows(page)
      .filter({ hasText: /connection|flow/ })
      .first(),
  ).toBeVisible();
});

const firstInView = (page: import("@playwright/test").Page): Promise<string | null> =>
  page.evaluate(() => {
    const grid = document.querySelector("[role=grid]") as HTMLElement;
    const top = grid.getBoundingClientRect().top + 30;
    const found = [...grid.querySelectorAll<HTMLElement>("[id^=row-]")].filter(
      (row) => row.getBoundingClientRect().top >= top - 1,
    );
    found.sort((one, other) => one.getBoundingClientRect().top - other.getBoundingClientRect().top);
    return found[0]?.id ?? null;
  });
