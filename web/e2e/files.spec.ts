import { resolve } from "node:path";
import { expect, rows, test } from "./page";
import { type Program, start } from "./program";

const FILE = resolve("../crates/app/tests/variables/http.pcap");
let program: Program;

test.beforeAll(async () => {
  program = await start({ files: [FILE] });
});

test.afterAll(() => program.stop());

test("a capture file is browsed whole, whenever it was made", async ({ page, watch }) => {
  watch.host = new URL(program.url).host;
  await page.goto(program.url);
  await expect(rows(page).first()).toContainText("http");
  await expect(page.getByRole("button", { name: "Time range: All that is stored" })).toBeVisible();
  await expect(page.getByRole("banner")).toContainText("http.pcap");
  await rows(page).first().click();
  const detail = page.getByRole("complementary", { name: "Detail" });
  const parts = page.getByRole("navigation", { name: "Parts of the detail" });
  await parts.getByRole("button", { name: "Follow stream" }).click();
  await expect(detail.locator("pre").first()).toContainText("HTTP/1.1");
  await parts.getByRole("button", { name: "Packets" }).click();
  await detail.getByRole("table").getByRole("button").first().click();
  await expect(detail.locator("pre").first()).toContainText("00000000");
});

test("the settings of files tell how far each is read", async ({ page, watch }) => {
  watch.host = new URL(program.url).host;
  await page.goto(`${program.url}/?view=settings`);
  const line = page.getByRole("row").filter({ hasText: "http.pcap" });
  await expect(line).toContainText("done");
  await expect(page.getByRole("switch", { name: "Capture" })).toHaveCount(0);
});
