// Starts and stops the program for tests.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const BINARY = resolve(process.env.LANTERNFISH_BIN ?? "../target/release/lanternfish");

export interface Program {
  url: string;
  stop: () => Promise<void>;
}

/** Starts the program on the loopback, on this machine's traffic or on capture files, and waits until it answers. */
export async function start(options: { port?: number; directory?: string; files?: string[] } = {}): Promise<Program> {
  const port = options.port ?? (await freePort());
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), "lanternfish-web-"));
  const url = `http://127.0.0.1:${port}`;
  const verb = options.files ? ["open", ...options.files] : ["live"];
  const args = [...verb, "--listen", `127.0.0.1:${port}`, "--data-dir", directory, "--no-open"];
  const child = spawn(BINARY, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr?.on("data", (text) => {
    said = `${said}${text}`.slice(-4000);
  });
  for (let tries = 0; tries < 100; tries += 1) {
    if (child.exitCode !== null) throw new Error(`the program ended: ${said}`);
    if (await answers(url)) return { url, stop: () => stop(child) };
    await new Promise((done) => setTimeout(done, 100));
  }
  await stop(child);
  throw new Error(`the program does not answer: ${said}`);
}

const answers = (url: string): Promise<boolean> =>
  fetch(`${url}/healthz`).then(
    (response) => response.ok,
    () => false,
  );

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((done) => child.once("exit", done));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
  await ended;
  clearTimeout(timer);
}

export const freePort = (): Promise<number> =>
  new Promise((done, fail) => {
    const server = createServer();
    server.once("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => done(typeof address === "object" && address ? address.port : 0));
    });
  });
