// The power of a real runtime: validated, watched, accounted and let go of.

import { execFileSync } from "node:child_process";
import { beforeAll, expect, test } from "vitest";
import { loadNative } from "../../runtime/bindings/load.js";
import { createRuntime } from "../../runtime/index.js";
import { ensureBuilt, REPO_ROOT } from "../e2e/built-cli.js";

// One test imports the package as a stranger would, from what was built.
beforeAll(ensureBuilt, 120_000);

const hasAddon = loadNative().addon !== null;

test("a runtime without power options reads nothing and says nothing of power", async () => {
  await using runtime = await createRuntime();

  expect(runtime.stats()).not.toHaveProperty("power");
});

test("power options that make no sense are refused before anything is opened", async () => {
  await expect(createRuntime({ power: { packageWatts: -1 } })).rejects.toMatchObject({
    code: "BUDGET_INVALID",
    what: "power.packageWatts",
    received: "-1",
  });
});

test.skipIf(!hasAddon)("jobs of a watched runtime are accounted to their session, by source", async () => {
  const calibration = { idleWatts: 1, wattsPerCore: 4 };
  await using runtime = await createRuntime({ power: { packageWatts: 500, windowMs: 500, calibration } });
  const session = await runtime.open("null", { provider: "null", name: "road", null: { busyUs: 2000 } });
  for (let job = 0; job < 20; job += 1) (await session.run({ input: Float32Array.of(1) })).release();
  const untilMs = performance.now() + 20_000;
  while (runtime.stats().power?.pressure.watts === "unknown" && performance.now() < untilMs) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  const { power } = runtime.stats();

  expect(power?.pressure).toMatchObject({
    budgetWatts: 500,
    source: expect.stringMatching(/measured|estimated/),
  });
  expect(power?.energy.bySession).toEqual([
    expect.objectContaining({ session: "road", jobs: 20, verdict: "unlimited" }),
  ]);
  expect(power?.energy.bySession[0]?.total.source).toBe("estimated");
  expect(power?.energy.coveredUs).toBeGreaterThan(0);
});

test("a runtime that is never closed keeps no process alive for its power's sake", () => {
  const script = `
    const { createRuntime } = await import("redline-rt");
    await createRuntime({ power: { packageWatts: 10 } });
    console.log("made");`;

  const out = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
    cwd: REPO_ROOT,
    encoding: "utf8",
    timeout: 30_000,
  });

  expect(out).toBe("made\n");
});
