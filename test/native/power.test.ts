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

test("a limit of a job's energy needs a runtime that watches power, and so does another budget", async () => {
  await using runtime = await createRuntime();
  const contract = { periodMs: 50, energyMj: 30 };

  await expect(runtime.open("silero-vad", { contract })).rejects.toMatchObject({
    code: "CONTRACT_INVALID",
    what: "contract.energyMj",
    hint: expect.stringContaining("power: {}"),
  });
  expect(() => runtime.setPackageWatts(5)).toThrowError(expect.objectContaining({ code: "BUDGET_INVALID" }));
});

test("another budget holds from the next reading on, and one that makes no sense changes nothing", async () => {
  await using runtime = await createRuntime({ power: { packageWatts: 500, windowMs: 500 } });
  for (const watts of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => runtime.setPackageWatts(watts)).toThrowError(
      expect.objectContaining({ code: "BUDGET_INVALID", what: "power.packageWatts" }),
    );
  }

  runtime.setPackageWatts(300);

  const untilMs = performance.now() + 20_000;
  const budget = () => runtime.stats().power?.pressure.budgetWatts;
  while (budget() === 500 && performance.now() < untilMs)
    await new Promise((resolve) => setTimeout(resolve, 50));
  expect(budget()).toBeLessThanOrEqual(300);
});

test.skipIf(!hasAddon)(
  "a session above its limit of energy is over in the account, with both figures",
  async () => {
    const calibration = { idleWatts: 1, wattsPerCore: 4 };
    await using runtime = await createRuntime({ power: { windowMs: 500, calibration } });
    const contract = { periodMs: 50, energyMj: 1 };
    const session = await runtime.open("null", {
      provider: "null",
      name: "road",
      contract,
      null: { busyUs: 2000 },
    });
    for (let job = 0; job < 20; job += 1) (await session.run({ input: Float32Array.of(1) })).release();

    const [road] = runtime.stats().power!.energy.bySession;

    // Two milliseconds at four watts are eight millijoules.
    expect(road).toMatchObject({ session: "road", energyMj: 1, verdict: "over" });
    expect(road!.perJob.mj).toBeGreaterThan(4);
  },
);

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
