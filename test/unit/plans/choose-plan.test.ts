// Owns the promise of the planner: deadline first, then energy, then accuracy, and a number for every loser.

import { expect, test } from "vitest";
import type { Profile } from "../../../runtime/core/profile.js";
import { choosePlan, type PlanCandidate, planRows } from "../../../runtime/plans/choose-plan.js";
import { machine, task } from "../scheduler/admission/task-set.js";

const CONTRACT = { periodUs: 50_000, deadlineUs: 50_000, criticality: "critical" } as const;

function candidate(
  variant: string,
  given: {
    wcetMs: number;
    threads?: number;
    energyMj?: number | "unknown";
    cpuMs?: number;
    accuracy?: number | "unknown";
  },
): PlanCandidate {
  const wcetUs = given.wcetMs * 1000;
  const profile: Profile = {
    key: { machine: "m", modelSha256: "0", runtimeVersion: "0.1.0", powerSource: "mains" },
    choice: { variant, device: "cpu", threads: given.threads ?? 1, spin: false },
    conditions: { periodUs: 50_000, caches: "cold", neighbour: "busy" },
    p50Us: wcetUs / 2,
    p99Us: wcetUs,
    p999Us: wcetUs,
    wcetUs,
    cpuUs: given.cpuMs === undefined ? -1 : given.cpuMs * 1000,
    energyMj: given.energyMj ?? "unknown",
    samples: 100,
  };
  return { profile, contention: 1, accuracy: given.accuracy ?? "unknown" };
}

function plan(candidates: PlanCandidate[], promised = [] as ReturnType<typeof task>[]) {
  const request = { name: "road", contract: CONTRACT, laneIndex: 0, machine: machine() };
  return planRows(choosePlan({ ...request, candidates, promised })).map(({ choice, verdict }) => [
    choice,
    verdict,
  ]);
}

test("what misses its deadline loses, however little it costs and however good it is", () => {
  const slow = candidate("fp32", { wcetMs: 60, energyMj: 10, accuracy: 0.9 });
  const quick = candidate("int8", { wcetMs: 20, energyMj: 80, accuracy: 0.7 });

  expect(plan([slow, quick])).toEqual([
    ["int8 on cpu, 1 thread", "chosen"],
    [
      "fp32 on cpu, 1 thread",
      "road on critical lane 0: no bound on its response: the lane needs 120.0 % of a core (road 60.0 ms every 50.0 ms " +
        "= 120.0 %), and its class and those above may leave less",
    ],
  ]);
});

test("of what meets the deadline the least energy wins, then the best accuracy", () => {
  const frugal = candidate("int8", { wcetMs: 30, energyMj: 80, accuracy: 0.7 });
  const better = candidate("int8-b", { wcetMs: 35, energyMj: 80, accuracy: 0.8 });
  const quick = candidate("int8", { wcetMs: 16, threads: 2, energyMj: 95, accuracy: 0.8 });

  expect(plan([quick, frugal, better])).toEqual([
    ["int8-b on cpu, 1 thread", "chosen"],
    ["int8 on cpu, 1 thread", "accuracy 0.7, chosen 0.8"],
    ["int8 on cpu, 2 threads", "energy 95 mJ, chosen 80 mJ"],
  ]);
});

test("without any known energy the processor time decides, and a known energy goes before an unknown one", () => {
  const one = candidate("int8", { wcetMs: 30, cpuMs: 28 });
  const two = candidate("int8", { wcetMs: 16, threads: 2, cpuMs: 31 });
  const known = candidate("fp16", { wcetMs: 40, energyMj: 900 });

  expect(plan([two, one])).toEqual([
    ["int8 on cpu, 1 thread", "chosen"],
    ["int8 on cpu, 2 threads", "processor time 31.0 ms, chosen 28.0 ms (energy unknown)"],
  ]);
  expect(plan([one, known])[1]).toEqual(["int8 on cpu, 1 thread", "energy unknown, chosen 900 mJ"]);
});

test("what is already promised is part of the question", () => {
  const mate = task("signs", { costMs: 25, periodMs: 100 });
  const one = candidate("int8", { wcetMs: 30, energyMj: 50 });
  const two = candidate("int8", { wcetMs: 16, threads: 2, energyMj: 70 });

  expect(plan([one, two])[0]).toEqual(["int8 on cpu, 1 thread", "chosen"]);
  // A started run of 25 ms and 30 ms of its own are more than 50.
  expect(plan([one, two], [mate])[0]).toEqual(["int8 on cpu, 2 threads", "chosen"]);
});

test("when nothing fits there is no plan, and every candidate says why", () => {
  const slow = candidate("fp32", { wcetMs: 30, energyMj: 10 });
  const mate = task("signs", { costMs: 25, periodMs: 100 });

  const found = choosePlan({
    name: "road",
    contract: CONTRACT,
    laneIndex: 0,
    candidates: [slow],
    promised: [mate],
    machine: machine(),
  });

  expect(found.chosen).toBeUndefined();
  expect(found.rejected.map(({ lostBy }) => lostBy)).toEqual([
    expect.stringContaining("25.0 ms one started run of signs"),
  ]);
});

test("nothing to choose from is a mistake of the caller", () => {
  expect(() => plan([])).toThrow(expect.objectContaining({ code: "CONTRACT_INVALID" }));
});
