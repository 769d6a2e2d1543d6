// What all tests begin with: the page opened, its requests and its complaints watched.
import { test as base, expect, type Locator, type Page } from "@playwright/test";

export { expect };

interface Watch {
  /** The origin that requests may go to. */
  host: string;
  /** Requests that left the origin. */
  strangers: string[];
  /** Errors of scripts and violations of the content policy. */
  complaints: string[];
}

export const test = base.extend<{ watch: Watch; open: (path?: string) => Promise<void> }>({
  watch: [
    async ({ page }, use) => {
      const watch: Watch = { host: new URL(url()).host, strangers: [], complaints: [] };
      page.on("request", (request) => {
        const address = new URL(request.url());
        if (/^(https?|wss?):$/.test(address.protocol) && address.host !== watch.host)
          watch.strangers.push(request.url());
      });
      page.on("websocket", (socket) => {
        if (new URL(socket.url()).host !== watch.host) watch.strangers.push(socket.url());
      });
      page.on("pageerror", (error) => watch.complaints.push(String(error)));
      page.on("console", (message) => {
        if (/content security policy|refused to/i.test(message.text())) watch.complaints.push(message.text());
      });
      await use(watch);
      expect(watch.strangers, "requests that left the origin").toEqual([]);
      expect(watch.complaints, "errors and violations of the content policy").toEqual([]);
    },
    { auto: true },
  ],
  open: async ({ page }, use) => {
    await use(async (path = "/") => {
      await page.goto(`${url()}${path}`);
      await expect(page.getByRole("textbox", { name: "Filter" })).toBeVisible();
    });
  },
});

export const url = (): string => process.env.LANTERNFISH_URL as string;

/** The rows of the stream that are drawn. */
export const rows = (page: Page): Locator => page.getByRole("grid").getByRole("row").and(page.locator("[id^=row-]"));

export const filterText = async (page: Page): Promise<string> =>
  (await page.getByTestId("filter").locator(".cm-line").textContent()) ?? "";

/** Writes a filter and applies it. */
export async function applyFilter(page: Page, filter: string): Promise<void> {
  await page.getByTestId("filter").locator(".cm-content").click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(filter);
  await page.keyboard.press("Enter");
}
