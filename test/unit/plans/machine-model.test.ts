// Owns the promise of the machine model: an order between classes is counted on only where somebody guarantees it.

import { expect, test } from "vitest";
import { type MachineFacts, machineModel } from "../../../runtime/plans/machine-model.js";
import { admit } from "../../../runtime/scheduler/admission/analysis.js";
import { task } from "../scheduler/admission/task-set.js";

const LINUX: MachineFacts = {
  cores: 1,
  platform: "linux",
  regimes: { critical: "raised", interactive: "raised", background: "idle" },
  contention: 1,
  dispatchUs: 0,
  powerMw: "unlimited",
};

test("ordinary threads on Linux are weights of their nice levels", () => {
  const plain = { critical: "normal", interactive: "nice", background: "idle" } as const;

  expect(machineModel(LINUX)).toMatchObject({
    preemption: "classes",
    weights: { critical: 9548, interactive: 3121, background: 3 },
  });
  expect(machineModel({ ...LINUX, regimes: plain }).weights).toEqual({
    critical: 1024,
    interactive: 335,
    background: 3,
  });
});

test("a lower class takes its weight's share of an ordinary critical lane, and nothing of a real-time one", () => {
  const road = task("road", { costMs: 30, periodMs: 50 });
  const voice = task("voice", { costMs: 5, periodMs: 100, criticality: "interactive" });
  const realTime = { ...LINUX.regimes!, critical: "real-time" } as const;
  const responseOf = (facts: MachineFacts) => admit([road, voice], machineModel(facts)).tasks[0]!;

  // 3121 / 9548 of each unit of its own run: 30 ms become 39.8.
  expect(responseOf(LINUX)).toMatchObject({ worstResponseUs: 39_807, isMet: true });
  expect(responseOf(LINUX).arithmetic).toContain("30.0 ms profiled x 1.327 beside lower classes");
  expect(responseOf({ ...LINUX, regimes: realTime }).worstResponseUs).toBe(30_000);
});

test.each([
  ["lanes without priorities", { regimes: undefined }],
  [
    "classes that all run alike",
    { regimes: { critical: "normal", interactive: "normal", background: "normal" } },
  ],
  ["macOS, where busy threads decay", { platform: "darwin" }],
  [
    "Windows, where raising was refused",
    { platform: "win32", regimes: { critical: "normal", interactive: "nice", background: "idle" } },
  ],
] as const)("%s preempt nobody for certain", (_, given) => {
  expect(machineModel({ ...LINUX, ...given }).preemption).toBe("none");
});

test("Windows gives a starved thread a small share, and the rest is strict", () => {
  const regimes = { critical: "raised", interactive: "nice", background: "idle" } as const;

  expect(machineModel({ ...LINUX, platform: "win32", regimes })).toMatchObject({
    preemption: "classes",
    weights: { critical: 4096, interactive: 64, background: 1 },
  });
});
