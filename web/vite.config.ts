// How the dashboard is built: plain files of the same origin, no inline script or style, so that a strict content
// security policy holds.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const api = process.env.LANTERNFISH_URL ?? "http://127.0.0.1:8899";

export default defineConfig({
  plugins: [react(), compressed()],
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 600,
    reportCompressedSize: true,
  },
  worker: { format: "es" },
  test: { include: ["src/**/*.test.ts"] },
  server: { proxy: { "/api": { target: api, ws: true } } },
});

/** Puts a compressed form beside each file for which that is worth it: the program serves it as it is. */
function compressed(): Plugin {
  let directory = "dist";
  return {
    name: "compressed",
    apply: "build",
    configResolved: (config) => {
      directory = config.build.outDir;
    },
    closeBundle: () => {
      for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
        const path = join(directory, name);
        if (!statSync(path).isFile() || !/\.(js|css|html|svg)$/.test(name)) continue;
        const content = readFileSync(path);
        const short = gzipSync(content, { level: 9 });
        if (short.length < content.length * WORTH) writeFileSync(`${path}.gz`, short);
      }
    },
  };
}

const WORTH = 0.9;
