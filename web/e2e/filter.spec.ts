import { applyFilter, expect, filterText, rows, test } from "./page";

test("a filter is written, applied and stands in the address", async ({ page, open }) => {
  await open("/?last=all");
  await applyFilter(page, 'http && method == "GET"');
  await expect(page).toHaveURL(/filter=http/);
  await expect(rows(page).first()).toBeVisible();
  const shown = await rows(page).allInnerTexts();
  expect(shown.length).toBeGreaterThan(0);
  expect(shown.every((row) => /http/.test(row) && /GET/.test(row))).toBe(true);
});

test("an error stands under the word, with a mend", async ({ page, open }) => {
  await open();
  await applyFilter(page, "respnse.status == 500");
  await expect(page.getByRole("alert")).toContainText(/respnse/i);
  await expect(page.getByTestId("filter").locator(".cm-lintRange-error")).toBeVisible();
  expect(page.url()).not.toContain("respnse");
  await page.getByRole("button", { name: /^Write / }).click();
  await expect.poll(() => filterText(page)).toContain("response.status");
});

test("names and values complete, with the types of fields", async ({ page, open }) => {
  await open("/?last=all");
  await page.keyboard.press("/");
  await page.keyboard.type("metho");
  const list = page.locator(".cm-tooltip-autocomplete");
  await expect(list).toContainText("method");
  await expect(list).toContainText("string");
  await page.keyboard.press("Tab");
  await page.keyboard.type(' == "');
  await expect(list).toContainText("GET");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/filter=method/);
});

test("completions that come late do not open over what is shown", async ({ page, open }) => {
  await page.route("**/api/v1/values*", async (route) => {
    await new Promise((done) => setTimeout(done, 600));
    await route.continue().catch(() => {});
  });
  await open("/?last=all");
  await page.keyboard.press("/");
  await page.keyboard.type("http && status_code >= 200");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/filter=http/);
  await page.waitForTimeout(1200);
  await expect(page.locator(".cm-tooltip-autocomplete")).toBeHidden();
});

test("plain text offers the filters that would find it, by one Enter", async ({ page, open }) => {
  await open("/?last=all");
  await page.keyboard.press("/");
  await page.keyboard.type("127.0.1.13");
  await expect(page.getByText("at either end").first()).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/filter=src\.ip/);
  await expect(rows(page).first()).toBeVisible();
});

test("Escape gives back what was there, arrow up what was before", async ({ page, open }) => {
  await open();
  await applyFilter(page, "http");
  await expect(page).toHaveURL(/filter=http/);
  await applyFilter(page, "dns");
  await expect(page).toHaveURL(/filter=dns/);
  await page.keyboard.press("/");
  await page.keyboard.type(" && x");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await expect.poll(() => filterText(page)).toBe("dns");
  await page.keyboard.press("/");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  await expect.poll(() => filterText(page)).toBe("http");
});

test("a filter is explained in words, with what each clause leaves", async ({ page, open }) => {
  await open('/?last=all&filter=http+%26%26+method+%3D%3D+"GET"');
  await page.getByRole("button", { name: "Explain the filter in words" }).click();
  const box = page.getByRole("dialog", { name: "The filter in words" });
  await expect(box.getByRole("row")).toHaveCount(4);
});

test("filters are saved by name", async ({ page, open }) => {
  await open("/?filter=dns");
  const name = `Names ${Date.now()}`;
  await page.getByRole("button", { name: "Saved filters" }).click();
  await page.getByLabel("Name of the filter").fill(name);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: new RegExp(`^${name}`) })).toBeVisible();
  await page.reload();
  await page.getByRole("button", { name: "Saved filters" }).click();
  await page.getByRole("button", { name: `Delete ${name}` }).click();
  await expect(page.getByRole("button", { name: new RegExp(`^${name}`) })).toBeHidden();
});
