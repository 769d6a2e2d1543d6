// One program for all tests, with sample traffic on.
import { start } from "./program";

export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  let stop: (() => Promise<void>) | undefined;
  if (!process.env.LANTERNFISH_URL) {
    const program = await start();
    process.env.LANTERNFISH_URL = program.url;
    stop = program.stop;
  }
  const url = process.env.LANTERNFISH_URL as string;
  const response = await fetch(`${url}/api/v1/demo`, {
    method: "PUT",
    headers: { "content-type": "application/json", origin: url },
    body: JSON.stringify({ on: true }),
  });
  if (!response.ok) throw new Error(`sample traffic can't be switched on: ${await response.text()}`);
  // Every view has something to show once calls of several protocols are stored.
  for (let tries = 0; tries < 100; tries += 1) {
    const stats = await fetch(`${url}/api/v1/stats?by=protocol`).then((answer) => answer.json());
    if (stats.rows.length >= 3 && stats.rows.some((row: { by: { protocol: string } }) => row.by.protocol === "http"))
      return stop;
    await new Promise((done) => setTimeout(done, 200));
  }
  await stop?.();
  throw new Error("no calls were stored");
}
