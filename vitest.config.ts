import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// Tests run against the compiled rooms, as users do: workers and the helper are found where they ship.
const dist = fileURLToPath(new URL("./dist/", import.meta.url));

export default defineConfig({
  cacheDir: ".cache/vite", // how long each file took last: the longest begin first, so that none is left alone at the end; `npm ci` keeps it
  resolve: {
    alias: [{ find: /^(?:\.\.\/){2,}(system|store|http|builder|registry|runtime|orchestrator|cli)\/(.*)\.ts$/, replacement: `${dist}$1/$2.js` }],
  },
  test: {
    reporters: ["default", "./scripts/totals.mjs"],
    include: ["test/**/*.test.ts"],
    globalSetup: "test/support/sweep.ts",
    expect: { poll: { timeout: 60_000 } }, // on a busy machine a second is not long, nor are ten
    testTimeout: 180_000,
    hookTimeout: 300_000,
    pool: "forks",
    maxWorkers: 2,
  },
});
