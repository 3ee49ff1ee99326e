import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** Compresses every file once, here, so that the server never does. */
function compressed(): Plugin {
  return {
    name: "compressed",
    writeBundle({ dir }) {
      for (const entry of readdirSync(dir!, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(html|js|css|svg)$/.test(entry.name)) continue;
        const file = join(entry.parentPath, entry.name);
        const bytes = readFileSync(file);
        writeFileSync(`${file}.br`, brotliCompressSync(bytes));
        writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
      }
    },
  };
}

// What `npm run dev` passes on to a running `tidemill server`.
const server = process.env.TIDEMILL_URL ?? "http://127.0.0.1:5000";

export default defineConfig({
  // Relative addresses: the server puts the path it is served under into <base>.
  base: "./",
  plugins: [compressed()],
  build: {
    outDir: process.env.TIDEMILL_UI_OUT ?? "../src/tidemill/server/ui_dist",
    emptyOutDir: true,
    target: "es2022",
    // A data: address or an inline script would need a hole in the Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // React Query's files name the side they run on, which means nothing here.
    rolldownOptions: { checks: { moduleLevelDirective: false } },
  },
  server: {
    proxy: Object.fromEntries(["/api", "/ajax-api", "/openapi.json", "/docs", "/version", "/health"].map((path) => [path, server])),
  },
});
