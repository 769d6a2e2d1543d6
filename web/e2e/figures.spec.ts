// Figures of the page: what the first view costs, and how evenly long lists and large maps move.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test as base, type Page } from "@playwright/test";
import { expect, rows, test, url } from "./page";

const FIRST_VIEW_SCRIPT_BYTES = 400 * 1024;
const PROBES = 100;

test("the first view: script and first paint", async ({ page }) => {
  const scripts = new Map<string, number>();
  page.on("response", async (response) => {
    if (!/\.js(\?|$)/.test(response.url())) return;
    scripts.set(new URL(response.url()).pathname, (await gzip(await response.body())).byteLength);
  });
  await page.goto(url());
  await expect(rows(page).first()).toBeVisible();
  await page.waitForTimeout(1000);
  const paint = await page.evaluate(
    () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.POSITIVE_INFINITY,
  );
  const bytes = [...scripts.values()].reduce((sum, size) => sum + size, 0);
  report("first view script", `${Math.round(bytes / 1024)} KiB compressed`);
  report("first contentful paint", `${Math.round(paint)} ms`);
  expect(bytes).toBeLessThanOrEqual(FIRST_VIEW_SCRIPT_BYTES);
  expect(paint).toBeLessThanOrEqual(1000 * slowness());
});

test("100,000 rows scroll evenly", async ({ page }) => {
  test.setTimeout(180_000);
  await page.route("**/api/v1/entries?*", many(100_000));
  await page.goto(`${url()}/?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z`);
  const grid = page.getByRole("grid");
  await expect(rows(page).first()).toBeVisible();
  await expect(async () => {
    await grid.evaluate((element) => {
      element.scrollTop = element.scrollHeight;
    });
    expect(Number(await grid.getAttribute("aria-rowcount"))).toBe(100_000);
  }).toPass({ timeout: 120_000, intervals: [100] });
  await grid.evaluate((element) => {
    element.scrollTop = 0;
  });
  await grid.hover();
  const frames = await measure(page, async () => {
    for (let step = 0; step < 300; step += 1) {
      await page.mouse.wheel(0, 300);
      await page.waitForTimeout(10);
    }
  });
  report("scrolling 100,000 rows", words(frames));
  expect(frames.p99).toBeLessThanOrEqual(50 * slowness());
});

test("a map of 500 nodes and 2,000 edges is dragged evenly", async ({ page }) => {
  test.setTimeout(120_000);
  await page.route("**/api/v1/map*", (route) => route.fulfill({ json: largeMap(500, 2000) }));
  await page.goto(`${url()}/?view=map&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z`);
  await expect(page.getByText("500 nodes, 2,000 edges")).toBeVisible();
  const picture = page.getByRole("img", { name: /^Map of/ });
  await page.waitForTimeout(6000);
  const box = await picture.boundingBox();
  if (!box) throw new Error("no picture");
  const frames = await measure(page, async () => {
    await page.mouse.move(box.x + box.width - 40, box.y + box.height - 40);
    await page.mouse.down();
    for (let step = 0; step < 200; step += 1) {
      await page.mouse.move(box.x + box.width - 40 - step * 3, box.y + box.height - 40 - (step % 50) * 3);
      await page.waitForTimeout(8);
    }
    await page.mouse.up();
  });
  report("dragging a map of 500 nodes and 2,000 edges", words(frames));
  expect(frames.p95).toBeLessThanOrEqual(50 * slowness());
});

test("an entry is a row soon after it passed", async ({ page }) => {
  test.setTimeout(90_000);
  const server = createServer((_, response) => response.end("seen"));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    await page.goto(`${url()}/?filter=path.startsWith("/probe/")`);
    await expect(page.getByRole("textbox", { name: "Filter" })).toBeVisible();
    await page.waitForTimeout(1500);
    await page.evaluate(() => {
      const seen: Record<string, number> = {};
      Object.assign(window, { seen });
      new MutationObserver(() => {
        for (const cell of document.querySelectorAll("[role=gridcell]")) {
          const number = /^GET \/probe\/(\d+)$/.exec(cell.textContent)?.[1];
          if (number) seen[number] ??= Date.now();
        }
      }).observe(document.body, { subtree: true, childList: true, characterData: true });
    });
    const sent: number[] = [];
    for (let number = 0; number < PROBES; number += 1) {
      await (await fetch(`${address}/probe/${number}`)).text();
      sent.push(Date.now());
      await page.waitForTimeout(60);
    }
    await expect(page.getByText(`/probe/${PROBES - 1}`).first()).toBeVisible();
    const seen = await page.evaluate(() => (window as unknown as { seen: Record<string, number> }).seen);
    const waits = sent.map((at, number) => (seen[number] ?? Number.POSITIVE_INFINITY) - at).sort((a, b) => a - b);
    const at = (part: number) => waits[Math.min(waits.length - 1, Math.floor(waits.length * part))] ?? 0;
    report("entry on the wire to row on the page", `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
    expect(at(0.99)).toBeLessThanOrEqual(300 * slowness());
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

interface Frames {
  count: number;
  p50: number;
  p95: number;
  p99: number;
}

/** The times between frames while something is done. */
async function measure(page: Page, what: () => Promise<void>): Promise<Frames> {
  await page.evaluate(() => {
    const seen: number[] = [];
    let last = performance.now();
    const tick = (now: number) => {
      seen.push(now - last);
      last = now;
      frame = requestAnimationFrame(tick);
    };
    let frame = requestAnimationFrame(tick);
    const stopFrames = () => {
      cancelAnimationFrame(frame);
      return seen.slice(1);
    };
    Object.assign(window, { stopFrames });
  });
  await what();
  const seen = await page.evaluate(() => (window as unknown as { stopFrames: () => number[] }).stopFrames());
  seen.sort((one, other) => one - other);
  const at = (part: number) => seen[Math.min(seen.length - 1, Math.floor(seen.length * part))] ?? 0;
  return { count: seen.length, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

const words = ({ count, p50, p95, p99 }: Frames): string =>
  `${count} frames, p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`;

/** How much slower this machine is than the one that the figures are for (LANTERNFISH_SLOWNESS, from the benchmark). */
const slowness = (): number => Number(process.env.LANTERNFISH_SLOWNESS ?? 1);

const report = (name: string, value: string) => {
  base.info().annotations.push({ type: name, description: value });
  console.log(`${name}: ${value}`);
};

async function gzip(data: Buffer): Promise<ArrayBuffer> {
  const stream = new Blob([new Uint8Array(data)]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

/** Answers pages of so many entries, made in the form of the machine interface. */
function many(total: number) {
  const start = Date.parse("2026-01-01T12:00:00Z");
  return async (route: import("@playwright/test").Route) => {
    const params = new URL(route.request().url()).searchParams;
    const from = Number(params.get("cursor") ?? 0);
    const to = Math.min(total, from + Number(params.get("limit") ?? 100));
    const entries = Array.from({ length: to - from }, (_, at) => {
      const number = from + at;
      return {
        id: total - number,
        timestamp: new Date(start - number * 10).toISOString(),
        protocol: "http",
        src: { ip: "10.0.0.7", port: 40_000 + (number % 9000), name: `client-${number % 40}` },
        dst: { ip: "10.0.0.9", port: 80, name: `service-${number % 25}` },
        method: "GET",
        url: `/api/things/${number}?page=${number % 7}`,
        status_code: number % 50 === 0 ? 503 : 200,
        outcome: number % 50 === 0 ? "server_error" : "ok",
        elapsed_time: 100 + ((number * 7919) % 90_000),
        request_headers_size: 120 + (number % 90),
        response_body_size: (number * 31) % 20_000,
      };
    });
    const answer = {
      entries,
      next: to < total ? String(to) : null,
      loss: { total: 0, causes: [] },
      took_ms: 1,
      cost: {},
    };
    await route.fulfill({ json: answer });
  };
}

/** A map in the form of the machine interface: services in tiers that call the next tiers. */
function largeMap(size: number, calls: number) {
  let seed = 7;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
    return seed / 0x7fffffff;
  };
  const name = (at: number) => `service-${at}`;
  const nodes = Array.from({ length: size }, (_, at) => ({
    id: `process:${name(at)}`,
    kind: "process",
    name: name(at),
    field: "process.name",
    calls_in: 100,
    calls_out: 100,
    errors_in: at % 40 === 0 ? 20 : 0,
  }));
  const edges = new Map<string, unknown>();
  while (edges.size < calls) {
    const src = Math.floor(random() * size);
    const tier = Math.floor(src / (size / 5));
    const dst =
      tier === 4 ? Math.floor(random() * size) : Math.min(size - 1, Math.floor((tier + 1 + random()) * (size / 5)));
    if (src === dst) continue;
    edges.set(`${src} ${dst}`, {
      src: `process:${name(src)}`,
      dst: `process:${name(dst)}`,
      protocol: ["http", "redis", "dns"][dst % 3],
      calls: Math.floor(1 / (random() + 0.001)),
      errors: random() < 0.1 ? 1 : 0,
      client_errors: 0,
      bytes: 1000,
      answered: 1,
      p50_us: 100,
      p95_us: 900,
      p99_us: 2000,
      last_seen: "2026-01-01T12:00:00Z",
    });
  }
  return { nodes, edges: [...edges.values()], omitted_edges: 0, loss: { total: 0, causes: [] }, took_ms: 1, cost: {} };
}
