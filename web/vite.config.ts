import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const out = "../internal/web/dist/app";

// The gateway that `npm run dev` talks to. It refuses a foreign Origin, so the proxy says the gateway's own.
const gateway = process.env.TIDEGATE_URL ?? "http://127.0.0.1:8080";
const proxy = { target: gateway, changeOrigin: true, headers: { origin: gateway } };

// compress writes .br and .gz beside every file, for the gateway to serve without compressing again.
function compress(): Plugin {
  return {
    name: "compress",
    apply: "build",
    closeBundle() {
      for (const entry of readdirSync(out, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const path = join(entry.parentPath, entry.name);
        const plain = readFileSync(path);
        const br = brotliCompressSync(plain, {
          params: { [constants.BROTLI_PARAM_SIZE_HINT]: plain.length },
        });
        if (br.length >= plain.length) continue;
        writeFileSync(path + ".br", br);
        writeFileSync(path + ".gz", gzipSync(plain, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  base: "/console/",
  plugins: [react(), compress()],
  build: {
    outDir: out,
    emptyOutDir: true,
    assetsInlineLimit: 0, // a data: URL would need a hole in the policy
    target: ["chrome123", "firefox125", "safari17.5"], // the first with light-dark()
    modulePreload: { polyfill: false },
  },
  test: { include: ["src/**/*.test.ts"] },
  server: { proxy: { "/admin": proxy, "/v1": proxy } },
});
