import AxeBuilder from "@axe-core/playwright";
import { expect, filterText, rows, test } from "./page";

test("the whole way by keys alone", async ({ page, open }) => {
  await open("/?last=all");
  await expect(rows(page).first()).toBeVisible();
  await page.keyboard.press("/");
  await page.keyboard.type("http");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/filter=http/);
  await expect(rows(page).first()).toContainText("http");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  await expect(page.getByRole("row", { selected: true })).toHaveCount(1);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/entry=\d+/);
  const first = new URL(page.url()).searchParams.get("entry");
  await page.keyboard.press("j");
  await expect.poll(() => new URL(page.url()).searchParams.get("entry")).not.toBe(first);
  await page.keyboard.press("Escape");
  await expect(page).not.toHaveURL(/entry=/);
  for (const [key, view] of [
    ["m", "map"],
    ["a", "analyse"],
  ]) {
    await page.keyboard.press("g");
    await page.keyboard.press(key as string);
    await expect(page).toHaveURL(new RegExp(`view=${view}`));
  }
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keys" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog", { name: "Keys" })).toBeHidden();
  await page.keyboard.press("g");
  await page.keyboard.press("s");
  await expect(page).not.toHaveURL(/view=/);
  expect(await filterText(page)).toBe("http");
});

const VIEWS = [
  "/?last=all&filter=http",
  "/?view=map&last=all",
  "/?view=analyse&last=all&by=protocol",
  "/?view=settings",
  "/?view=snapshots",
  "/?last=all&filter=http+%26%26+status_code+%3D%3D+999",
];

for (const theme of ["dark", "light"] as const) {
  for (const [width, height] of [
    [1440, 900],
    [1024, 768],
  ] as const) {
    test(`axe finds nothing serious: ${theme}, ${width}×${height}`, async ({ page, open }) => {
      test.setTimeout(300_000);
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme: theme });
      for (const view of VIEWS) {
        await open(view);
        await page.waitForTimeout(1200);
        await expectNoSerious(page, view);
      }
      await open("/?last=all&filter=http");
      await rows(page).first().click();
      for (const part of ["Call", "Connection", "Follow stream", "Packets", "Related", "All fields"]) {
        await page.getByRole("navigation", { name: "Parts of the detail" }).getByRole("button", { name: part }).click();
        await page.waitForTimeout(400);
        await expectNoSerious(page, part);
      }
    });
  }
}

async function expectNoSerious(page: import("@playwright/test").Page, where: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${where}: ${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
  expect(serious).toEqual([]);
}
