// How the dashboard is built: plain files of the same origin, no inline script or style, so that a strict content
// security policy holds.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const api = process.env.LANTERNFISH_URL ?? "http://127.0.0.1:8899";

export default defineConfig({
  plugins: [react()],
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
