// Owns the proof that a real runtime promises only what it has shown: real models, measured once, refused with arithmetic.

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { dynamicAdd } from "../../bench/harness/onnx-model.js";
import { loadNative } from "../../runtime/bindings/load.js";
import { type Contract, createRuntime, type OpenOptions, type Runtime } from "../../runtime/index.js";
import { type ProfileRecord, ProfileStore } from "../../runtime/plans/profile-store.js";
import { nodeDisk } from "../../runtime/store/disk.js";
import { readSealed } from "../../runtime/store/sealed.js";
import { findSilero } from "../support/silero.js";
import { PATIENCE } from "./native-host.js";

const VOICE: Contract = { periodMs: 1000 * PATIENCE, criticality: "interactive" };
const ROAD: Contract = { periodMs: 2000 * PATIENCE, criticality: "critical" };

let root: string;
let runtime: Runtime;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "redline-admission-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));
beforeEach(async () => {
  runtime = await createRuntime({ store: { root, offline: true } });
});
afterEach(() => runtime.close());

describe.skipIf(loadNative().addon === null)("a runtime", () => {
  test("promises what it has shown, measures it once, and says so in the plan and in the load event", async () => {
    const road = await runtime.open("road-seg", { contract: ROAD, threads: "auto" });
    await runtime.close();
    runtime = await createRuntime({ store: { root, offline: true } });
    const again = await runtime.open("road-seg", { contract: ROAD, threads: "auto" });

    expect(road.plan).toMatchObject({ promise: "promised", laneClass: "critical" });
    expect(road.plan.because).toMatch(
      /^road-seg on critical lane 0: worst response [\d.]+ ms, within its deadline/,
    );
    expect(road.plan.notes.join("; ")).toContain("short profile of road-seg@int8-320");
    expect(again.plan.notes.join("; ")).not.toContain("short profile");
    expect(again.plan.rows[0]).toMatchObject({ verdict: "chosen" });
    expect(await readdir(join(root, "profiles"))).toContain("machine.json");
    const { events } = runtime.events.read(0);
    expect(events.find(({ kind }) => kind === "session.load")?.detail).toMatch(
      /^road-seg@int8-320 on ort \(its task is none that is always on\), promised, threads 1 of the threads tried/,
    );
    const outcome = await again.run({ image: new Float32Array(3 * 320 * 320) });
    expect(outcome.status).toBe("done");
    outcome.release();
  });

  test("promises voice beside driving, and lets go of what is closed", async () => {
    // The store that is there: the voice model is fetched, like a user's.
    await findSilero();
    await using shared = await createRuntime();
    const road = await shared.open("road-seg", { contract: ROAD });
    const voice = await shared.open("silero-vad", { contract: VOICE });
    expect([road.plan.promise, voice.plan.promise]).toEqual(["promised", "promised"]);

    await road.close();
    await voice.close();
    const alone = await shared.open("road-seg", { contract: ROAD });
    expect(alone.plan.because).not.toContain("while");
  });

  test("refuses what no run of the model is quick enough for, with the arithmetic, and opens it as best effort", async () => {
    const contract: Contract = { periodMs: 0.1, deadlineMs: 0.1, criticality: "critical" };

    const error = await errorOf(runtime.open("road-seg", { contract }));
    const session = await runtime.open("road-seg", { contract, admit: "best-effort" });

    expect(error).toMatchObject({
      code: "PLAN_INFEASIBLE",
      hint: expect.stringContaining('admit: "best-effort"'),
    });
    expect(error.what).toMatch(/the lane needs [\d.]+ % of a core \(road-seg [\d.]+ ms every 0\.10 ms/);
    expect(session.plan).toMatchObject({
      promise: "best-effort",
      because: 'admit: "best-effort" was asked for',
    });
    const { events } = runtime.events.read(0);
    expect(events.filter(({ kind }) => kind === "session.refuse").map(({ detail }) => detail)).toEqual([
      "PLAN_INFEASIBLE",
    ]);
    const outcome = await session.run({ image: new Float32Array(3 * 320 * 320) });
    expect(["dropped", "cancelled"]).toContain(outcome.status);
  });

  test("measures once more before it refuses over what a busy machine measured", async () => {
    await runtime.open("road-seg", { contract: ROAD });
    await runtime.close();
    const folder = join(root, "profiles");
    // The same record as a machine that was ten thousand times busier would have left it.
    for (const name of (await readdir(folder)).filter((one) => /^[0-9a-f]{16}-/.test(one))) {
      const sealed = await readSealed<ProfileRecord>(nodeDisk, join(folder, name));
      if (sealed.state !== "ok") throw new Error(`${name} is ${sealed.state}`);
      const measured = sealed.body.measured.map((runs) => ({
        ...runs,
        runUs: runs.runUs.map((us) => 10_000 * us),
      }));
      await new ProfileStore(root).write({ ...sealed.body, measured });
    }
    runtime = await createRuntime({ store: { root, offline: true } });

    const road = await runtime.open("road-seg", { contract: ROAD });

    expect(road.plan.promise).toBe("promised");
    expect(road.plan.notes.join("; ")).toContain("short profile of road-seg@int8-320");
  });

  test("cannot promise what it cannot measure", async () => {
    const error = await errorOf(runtime.open(dynamicAdd(), { contract: VOICE }));

    expect(error).toMatchObject({
      code: "PLAN_INFEASIBLE",
      received: expect.stringContaining("open shapes"),
      hint: 'open it with admit: "best-effort"',
    });
  });

  test("asks nothing of a session without a contract", async () => {
    const session = await runtime.open("road-seg");

    expect(session.plan).toMatchObject({
      promise: "best-effort",
      because: "no contract was given",
      notes: [],
    });
  });

  test.each<[string, OpenOptions, { what: string; received: string }]>([
    ["a period of zero", { contract: { periodMs: 0 } }, { what: "contract.periodMs", received: "0" }],
    ["a negative period", { contract: { periodMs: -5 } }, { what: "contract.periodMs", received: "-5" }],
    [
      "a period that is no number",
      { contract: { periodMs: Number.NaN } },
      { what: "contract.periodMs", received: "NaN" },
    ],
    [
      "a period below the clock's microsecond",
      { contract: { periodMs: 0.0001 } },
      { what: "contract.periodMs", received: "0.0001" },
    ],
    [
      "a deadline without end",
      { contract: { periodMs: 50, deadlineMs: Number.POSITIVE_INFINITY } },
      { what: "contract.deadlineMs", received: "Infinity" },
    ],
    [
      "more misses than jobs",
      { contract: { periodMs: 50, tolerate: { misses: 3, outOf: 2 } } },
      { what: "contract.tolerate", received: '{"misses":3,"outOf":2}' },
    ],
    [
      "a promise without a contract",
      { admit: "promised" },
      { what: "admit", received: "promised, without a contract" },
    ],
    [
      "another word for a promise",
      { contract: VOICE, admit: "hopefully" as "promised" },
      { what: "admit", received: "hopefully" },
    ],
  ])("refuses %s by name", async (_, options, expected) => {
    expect(await errorOf(runtime.open("road-seg", options))).toMatchObject({
      code: "CONTRACT_INVALID",
      ...expected,
    });
  });
});

function errorOf(opening: Promise<unknown>) {
  return opening.then(
    () => {
      throw new Error("it opened");
    },
    (error) => error,
  );
}
