import { defineConfig } from "vitest/config";

// Native and end-to-end tests start processes on what may be a two-core machine: generous limits, no retries.
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
    poolOptions: { forks: { maxForks: 2 } },
  },
});
