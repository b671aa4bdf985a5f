// Owns the promise of the plan at open: what best effort runs as where no promise holds, and that every loser has a number.

import { expect, test } from "vitest";
import { freezeContract } from "../../../runtime/core/contract.js";
import type { PlanCandidate } from "../../../runtime/plans/choose-plan.js";
import { planRows } from "../../../runtime/plans/choose-plan.js";
import { decideOpen, rungCandidates } from "../../../runtime/plans/open-plan.js";
import { machine, task } from "../scheduler/admission/task-set.js";

const CONTRACT = freezeContract({ periodMs: 50, criticality: "critical" });
const LANES = { own: 0, background: 1 };

function way(given: { p50Ms: number; wcetMs: number; threads?: number; cpuMs?: number }): PlanCandidate {
  const { p50Ms, wcetMs, threads = 1, cpuMs = p50Ms * threads } = given;
  const wcetUs = wcetMs * 1000;
  return {
    profile: {
      key: { machine: "m", modelSha256: "0", runtimeVersion: "0.1.0", powerSource: "mains" },
      choice: { variant: "fp32", device: "cpu", threads, spin: false },
      conditions: { periodUs: 50_000, caches: "warm", neighbour: "none" },
      p50Us: p50Ms * 1000,
      p99Us: wcetUs,
      p999Us: wcetUs,
      wcetUs,
      cpuUs: cpuMs * 1000,
      energyMj: "unknown",
      samples: 24,
    },
    contention: 1.204,
    accuracy: "unknown",
  };
}

const ONE = way({ p50Ms: 29, wcetMs: 43 });
const TWO = way({ p50Ms: 17, wcetMs: 26, threads: 2 });

function decide(given: Partial<Parameters<typeof decideOpen>[0]> = {}) {
  return decideOpen({
    name: "road",
    contract: CONTRACT,
    wants: "promised",
    candidates: [ONE, TWO],
    lanes: LANES,
    promised: [],
    machine: machine(),
    ...given,
  });
}

test("as many threads as leave room go before fewer that the analysis would accept as well", () => {
  const { chosen, rejected } = decide({ roomyThreads: 2 });

  expect(planRows({ chosen, rejected }).map(({ choice, verdict }) => [choice, verdict])).toEqual([
    ["fp32 on cpu, 2 threads", "chosen"],
    ["fp32 on cpu, 1 thread", "median run 29.0 ms on 1 thread, its deadline of 50.0 ms asks for 2"],
  ]);
  expect(decide().chosen.profile).toBe(ONE.profile);
});

test("where the roomy number of threads breaks a contract, another one is taken", () => {
  // A session nothing is promised to may always hold a core: two threads together then never get both.
  const hog = task("hog", { costMs: 50, periodMs: 50, laneIndex: 1, isPromised: false });

  const one = way({ p50Ms: 21, wcetMs: 30 });

  const { chosen, rejected } = decide({ candidates: [one, TWO], roomyThreads: 2, promised: [hog] });

  expect([chosen.profile, chosen.admission.isAdmitted]).toEqual([one.profile, true]);
  expect(rejected[0]?.lostBy).toContain("road on critical lane 0: no bound on its response");
});

test("a measured contention counts up to the next hundredth", () => {
  expect(decide().task.contention).toBe(1.21);
});

test("best effort takes the least energy that leaves room where no promise holds, else the quickest", () => {
  const tight = freezeContract({ periodMs: 20, criticality: "critical" });
  const best = decide({ contract: tight, wants: "best-effort", roomyThreads: 1 });
  const quickest = decide({ contract: tight, wants: "best-effort", roomyThreads: 4 });

  expect([best.chosen.profile, best.task.isPromised]).toEqual([ONE.profile, false]);
  expect(quickest.chosen.profile).toBe(TWO.profile);
  expect(planRows(quickest)[0]?.verdict).toMatch(
    /^taken without a promise: road on critical lane 0: no bound/,
  );
});

test("without a ladder of its own a session is offered halves of its rate", () => {
  const offers = rungCandidates(decide(), { ladder: [], cores: 2 });

  expect(offers.map(({ rung, task: { periodUs, costUs } }) => [rung, periodUs, costUs])).toEqual([
    ["rate 1/2", 100_000, 43_000],
    ["rate 1/4", 200_000, 43_000],
    ["rate 1/8", 400_000, 43_000],
  ]);
});

test("a rung that runs another way is offered with that way's costs", () => {
  const small = way({ p50Ms: 5, wcetMs: 8 });
  const ladder = [{ rung: "road@small", candidate: small, rate: 1 }];

  expect(rungCandidates(decide(), { ladder, cores: 2 })[0]?.task).toMatchObject({
    periodUs: 50_000,
    costUs: 8000,
  });
});
