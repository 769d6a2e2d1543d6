import { expect, filterText, rows, test } from "./page";

const HTTP = '/?last=all&filter=http+%26%26+method+%3D%3D+"GET"+%26%26+status_code+%3D%3D+200';

test("the detail says first what happened, then how", async ({ page, open }) => {
  await open(HTTP);
  await rows(page).first().click();
  const detail = page.getByRole("complementary", { name: "Detail" });
  await expect(detail.getByRole("heading", { level: 2 }).first()).toContainText(/GET .* answered 200 after/);
  await expect(detail.getByRole("region", { name: "Request" })).toContainText("host");
  await expect(detail.getByRole("region", { name: "Response", exact: true })).toContainText("content-type");
  await expect(detail.getByText("Waiting")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(detail).toBeHidden();
});

test("the list beside an open detail keeps its last column in sight, while the page stands still too", async ({
  page,
  open,
}) => {
  await open(HTTP);
  await expect(rows(page).first()).toBeVisible();
  await page.keyboard.press("Space");
  await rows(page).first().click();
  await expect(page.getByRole("complementary", { name: "Detail" })).toBeVisible();
  const grid = page.getByRole("grid");
  await expect
    .poll(async () => {
      const [head, list] = [
        await grid.getByRole("columnheader", { name: "Size" }).boundingBox(),
        await grid.boundingBox(),
      ];
      return head && list ? head.x + head.width <= list.x + list.width + 1 : false;
    })
    .toBe(true);
});

test("every value filters for and out", async ({ page, open }) => {
  await open(HTTP);
  await rows(page).first().click();
  const line = page.getByRole("row", { name: /^user-agent/ });
  await line.hover();
  await line.getByRole("button", { name: /^Filter for/ }).click();
  await expect.poll(() => filterText(page)).toContain('request.headers["user-agent"] == ');
  await expect(rows(page).first()).toBeVisible();
  await line.hover();
  await line.getByRole("button", { name: /^Filter out/ }).click();
  await expect.poll(() => filterText(page)).toContain('!(request.headers["user-agent"] == ');
});

test("call, connection and flow lead to each other", async ({ page, open }) => {
  await open(HTTP);
  await rows(page).first().click();
  const parts = page.getByRole("navigation", { name: "Parts of the detail" });
  await parts.getByRole("button", { name: "Connection" }).click();
  const detail = page.getByRole("complementary", { name: "Detail" });
  await detail.getByRole("button", { name: "The connection", exact: true }).click();
  await expect(detail.getByRole("heading", { level: 2 }).first()).toContainText("TCP connection");
  await detail.getByRole("button", { name: "The flow" }).click();
  await expect(detail.getByRole("heading", { level: 2 }).first()).toContainText("TCP flow");
});

test("the stream is followed as text and hex, searched; packets open to their bytes", async ({ page, open }) => {
  await open(HTTP);
  await rows(page).first().click();
  const parts = page.getByRole("navigation", { name: "Parts of the detail" });
  const detail = page.getByRole("complementary", { name: "Detail" });
  await parts.getByRole("button", { name: "Follow stream" }).click();
  await expect(detail.locator("pre").first()).toContainText("HTTP/1.1");
  await detail.getByLabel("Search in the stream").fill("http/1.1");
  await expect(detail.getByText(/^1\/[1-9]/)).toBeVisible();
  await detail.getByRole("radio", { name: "hex" }).click();
  await expect(detail.locator("pre").first()).toContainText("00000000");
  await parts.getByRole("button", { name: "Packets" }).click();
  await detail.getByRole("table").getByRole("button").first().click();
  await expect(detail.locator("pre").first()).toContainText("00000000");
});

test("a request is copied as a command, a link opens the same entry", async ({ page, open, context }) => {
  await open(HTTP);
  await rows(page).first().click();
  await page.getByRole("button", { name: "Copy as cURL" }).click();
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  await expect.poll(clipboard).toMatch(/^curl -X GET /);
  const said = await page
    .getByRole("complementary", { name: "Detail" })
    .getByRole("heading", { level: 2 })
    .first()
    .textContent();
  await page.keyboard.press("y");
  await expect.poll(clipboard).toMatch(/^http.*entry=\d+/);
  const link = await clipboard();
  const other = await context.newPage();
  await other.goto(link);
  await expect(
    other.getByRole("complementary", { name: "Detail" }).getByRole("heading", { level: 2 }).first(),
  ).toHaveText(said ?? "");
  expect(await filterText(other)).toBe(await filterText(page));
});

test("a body with markup is text and never rendered", async ({ page, open }) => {
  const hostile = '<img src=x onerror="document.title=\'broken\'"><script>document.title="broken"</script>';
  await page.route("**/api/v1/entries/*/detail*", async (route) => {
    const answer = await (await route.fetch()).json();
    answer.entry.response = { ...answer.entry.response, body: hostile };
    answer.entry.url = hostile;
    answer.summary = hostile;
    await route.fulfill({ json: answer });
  });
  await open(HTTP);
  await rows(page).first().click();
  const body = page.getByRole("region", { name: "Body of the response" });
  await expect(body).toContainText("onerror");
  await expect(body.locator("img, script")).toHaveCount(0);
  await expect(page).toHaveTitle("Lanternfish");
});
