// Takes the pictures of the documentation, of sample traffic: `scripts/web.sh pictures`. Not one of the tests.
import { test as base, type Page } from "@playwright/test";
import { expect, test } from "./page";

const DIRECTORY = "../docs/pictures";
/** So long the traffic goes on before the first picture. */
const LIFE_MS = 120_000;

interface Picture {
  name: string;
  path: string;
  theme?: "dark" | "light";
  act?: (page: Page) => Promise<void>;
}

const settled = (page: Page) => page.waitForTimeout(2000);

const PICTURES: Picture[] = [
  { name: "stream", path: "/?last=5m" },
  { name: "map", path: "/?view=map&last=5m", act: settled },
  { name: "map-light", path: "/?view=map&last=5m", theme: "light", act: settled },
  { name: "analyse", path: "/?view=analyse&last=5m&by=dst.name&by=outcome" },
  {
    name: "detail",
    path: "/?last=5m&filter=http",
    theme: "light",
    act: async (page) => {
      await page.keyboard.press("Space");
      await page
        .locator("[id^=row-]", { hasText: "POST" })
        .or(page.locator("[id^=row-]", { hasText: "checkout" }))
        .first()
        .click();
      await expect(page.getByRole("region", { name: "Response", exact: true })).toBeVisible();
    },
  },
  { name: "nothing-matches", path: "/?last=5m&filter=http+%26%26+status_code+%3D%3D+418" },
  {
    name: "snapshots",
    path: "/?view=snapshots&last=5m&filter=http+%26%26+status_code+%3E%3D+500",
    act: async (page) => {
      for (const name of ["before the release", "payments fail"]) {
        await page.getByLabel("Name of the snapshot").fill(name);
        await page.getByRole("button", { name: "Make a snapshot" }).click();
        await expect(page.getByRole("article").filter({ hasText: name })).toBeVisible({ timeout: 30_000 });
      }
      await settled(page);
    },
  },
  { name: "settings", path: "/?view=settings" },
];

base.describe.configure({ mode: "serial", timeout: LIFE_MS + 60_000 });

base("traffic for a while", () => new Promise((done) => setTimeout(done, LIFE_MS)));

for (const { name, path, theme = "dark", act } of PICTURES) {
  test(name, async ({ page, open }) => {
    await page.emulateMedia({ colorScheme: theme });
    await open(path);
    await settled(page);
    await act?.(page);
    await page.mouse.move(700, 898);
    await page.waitForTimeout(500);
    await page.screenshot({ path: `${DIRECTORY}/${name}.png` });
  });
}
