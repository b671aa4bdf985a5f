import { describe, expect, test } from "vitest";
import type { PowerPressure } from "../../../runtime/core/budget.js";
import { type Contract, freezeContract } from "../../../runtime/core/contract.js";
import type { OutcomeReason, OutcomeStatus } from "../../../runtime/core/outcome.js";
import { freezeLadder, type LadderStep } from "../../../runtime/core/rung.js";
import type { SessionWord } from "../../../runtime/core/session-word.js";
import type { AdmissionAsk } from "../../../runtime/scheduler/admission-port.js";
import type { LadderMove } from "../../../runtime/scheduler/ladder.js";
import type { SessionPlan } from "../../../runtime/scheduler/scheduled-session.js";
import { SCHEDULER_RULES, Scheduler } from "../../../runtime/scheduler/scheduler.js";

const SECOND_US = 1_000_000;

/** A scheduler whose ports write down what they are asked. */
function house() {
  const words = new Map<number, SessionWord>();
  const moves: LadderMove[] = [];
  const modes: string[] = [];
  const replaced: number[] = [];
  const reopened: number[] = [];
  const asks: (readonly AdmissionAsk[])[] = [];
  const scheduler = new Scheduler(SCHEDULER_RULES, {
    admit: (given) => {
      asks.push(given);
      const load = given.reduce((sum, { wcetUs, periodUs }) => sum + wcetUs / periodUs, 0);
      return { isAdmitted: load <= 1, reasons: load <= 1 ? [] : [`${load} of 1`] };
    },
    publish: (sessionId, word) => words.set(sessionId, word),
    moved: (move) => moves.push(move),
    modeChanged: (mode) => modes.push(mode),
    replaceLane: (laneId) => replaced.push(laneId),
    reopen: (sessionId) => reopened.push(sessionId),
  });
  let jobId = 0;
  let frame = 0;
  const arrive = (sessionId: number, given: { frame?: number; deadlineUs?: number } = {}) => {
    jobId += 1;
    frame = given.frame ?? frame + 1;
    return {
      jobId,
      ...scheduler.arrive({ jobId, sessionId, frame, deadlineUs: given.deadlineUs ?? 50_000 }),
    };
  };
  const settle = (id: number, status: OutcomeStatus, reason: OutcomeReason, settledUs = 0): void =>
    scheduler.settled({ jobId: id, status, reason, startedUs: 0, settledUs, cpuUs: -1 });
  return { scheduler, words, moves, modes, replaced, reopened, asks, arrive, settle };
}

function planOf(
  sessionId: number,
  given: {
    contract?: Partial<Contract>;
    ladder?: LadderStep[];
    device?: string;
    isTemporal?: boolean;
    isPromised?: boolean;
  } = {},
): SessionPlan {
  const device = given.device ?? "cpu";
  const rungs = freezeLadder(given.ladder ?? [], {
    plan: { variant: "fp32", device },
    variants: [{ id: "fp32", inputElements: 1 }],
    devices: ["cpu", "npu"],
  });
  return {
    sessionId,
    contract: freezeContract({ periodMs: 50, ...given.contract }),
    isTemporal: given.isTemporal ?? false,
    isPromised: given.isPromised ?? true,
    rungs: rungs.map((rung) => ({
      rung,
      profile: { p50Us: 4000, wcetUs: 10_000, cpuUs: 4000, energyMj: 50 },
      laneId: rung.device === "npu" ? 7 : 3,
      memoryBytes: 0,
    })),
  };
}

const critical: { contract: Partial<Contract> } = { contract: { criticality: "critical" } };
const background: { contract: Partial<Contract> } = { contract: { criticality: "background" } };

function pressure(atUs: number, given: Partial<PowerPressure> = {}): PowerPressure {
  return { atUs, watts: 12, budgetWatts: 10, saveWatts: 2, band: "green", source: "measured", ...given };
}

describe("opening", () => {
  test("a session that is admitted gets its word; one that is refused leaves no trace", () => {
    const { scheduler, words, arrive } = house();

    expect(scheduler.open(planOf(1, critical)).isAdmitted).toBe(true);
    expect(words.get(1)).toEqual({
      criticality: "critical",
      isSuspended: false,
      isCancelledIfBlocking: false,
      latestStartAllowanceUs: 4000,
    });

    for (const id of [2, 3, 4, 5]) scheduler.open(planOf(id));
    const refused = scheduler.open(planOf(6));
    expect(refused.isAdmitted).toBe(false);
    expect(refused.reasons).toHaveLength(1);
    expect(words.has(6)).toBe(false);
    expect(arrive(6)).toMatchObject({ status: "rejected", reason: "closed" });
  });

  test("a best-effort session stands behind every promise and makes way", () => {
    const { scheduler, words, asks } = house();

    scheduler.open(planOf(1, { ...critical, isPromised: false }));

    expect(words.get(1)).toMatchObject({ criticality: "background", isCancelledIfBlocking: true });
    expect(asks[0]).toMatchObject([{ criticality: "background", isPromised: false }]);
  });

  test("a session with a rung on another device is asked for on both, each at its dearest rung", () => {
    const { scheduler, asks } = house();

    scheduler.open(planOf(1, { device: "npu", ladder: [{ device: "cpu" }, { rate: 0.5 }, "off"] }));

    expect(asks[0]!.map(({ device, laneId }) => [device, laneId])).toEqual([
      ["npu", 7],
      ["cpu", 3],
    ]);
  });
});

describe("jobs", () => {
  test("a frame that is not newer than the last one is superseded", () => {
    const { scheduler, arrive } = house();
    scheduler.open(planOf(1));
    arrive(1, { frame: 5 });

    expect(arrive(1, { frame: 5 })).toMatchObject({ status: "dropped", reason: "superseded" });
    expect(arrive(1, { frame: 3 })).toMatchObject({ status: "dropped", reason: "superseded" });
    expect(arrive(1, { frame: 6 })).toMatchObject({ kind: "run", isConsecutive: true });
    expect(arrive(1, { frame: 8 })).toMatchObject({ kind: "run", isConsecutive: false });
  });

  test("settled jobs are forgotten", () => {
    const { scheduler, arrive, settle } = house();
    scheduler.open(planOf(1));
    const { jobId } = arrive(1);
    expect(scheduler.jobCount).toBe(1);

    settle(jobId, "done", "ok");
    settle(jobId, "done", "ok");

    expect(scheduler.jobCount).toBe(0);
  });

  test("under pressure a session spends its tolerance and not one job more; a temporal model never does", () => {
    const { scheduler, arrive, settle } = house();
    const tolerate = { misses: 1, outOf: 3 };
    scheduler.open(planOf(1, { contract: { ...background.contract, tolerate } }));
    scheduler.open(planOf(2, { contract: { ...background.contract, tolerate }, isTemporal: true }));
    scheduler.takePower(pressure(0));
    scheduler.tick(0);

    const kindOf = (id: number): string => {
      const job = arrive(id);
      if (job.kind === "run") settle(job.jobId, "done", "ok");
      return job.kind === "run" ? "run" : job.reason;
    };

    expect([1, 1, 1, 1].map(kindOf)).toEqual(["skipped", "run", "run", "skipped"]);
    expect([2, 2].map(kindOf)).toEqual(["run", "run"]);
  });
});

describe("power and heat", () => {
  test("what must be saved is saved a rung at a time, and not again before the reading can show it", () => {
    const { scheduler, moves } = house();
    scheduler.open(planOf(1, { ...background, ladder: [{ rate: 0.5 }, { rate: 0.25 }, "off"] }));
    scheduler.open(planOf(2, { ...critical, ladder: ["off"] }));

    // Half of one watt is saved by the first step; 0.4 W were asked for.
    scheduler.takePower(pressure(0, { saveWatts: 0.4 }));
    scheduler.tick(0);
    scheduler.takePower(pressure(SECOND_US / 10, { saveWatts: 0.4 }));
    scheduler.tick(SECOND_US);
    expect(moves).toMatchObject([{ sessionId: 1, to: { kind: "rate" }, cause: "power" }]);

    scheduler.takePower(pressure(2 * SECOND_US, { saveWatts: 0.4 }));
    scheduler.tick(2 * SECOND_US);
    expect(moves).toHaveLength(2);
    expect(moves.every(({ sessionId }) => sessionId === 1)).toBe(true);
    expect(moves[0]!.because).toBe("0.40 W over 10.00 W (measured)");
  });

  test("a red machine runs nothing in the background, one in danger only what is critical", () => {
    const { scheduler, words, arrive } = house();
    scheduler.open(planOf(1, critical));
    scheduler.open(planOf(2));
    scheduler.open(planOf(3, background));
    const suspended = (): number[] => [1, 2, 3].filter((id) => words.get(id)!.isSuspended);

    scheduler.takePower(pressure(0, { saveWatts: 0, band: "red" }));
    expect(suspended()).toEqual([3]);
    scheduler.takePower(pressure(1, { saveWatts: 0, band: "danger" }));
    expect(suspended()).toEqual([2, 3]);
    expect(arrive(2)).toMatchObject({ status: "rejected", reason: "suspended" });

    scheduler.takePower(pressure(2, { saveWatts: 0 }));
    expect(suspended()).toEqual([]);
  });

  test("a move says whether heat or the budget alone asked for it, and a session where it stands and why", () => {
    const { scheduler, moves } = house();
    scheduler.open(planOf(1, { ...background, ladder: [{ rate: 0.5 }, "off"] }));
    scheduler.takePower(pressure(0, { band: "red", budgetWatts: 6 }));
    scheduler.tick(0);

    expect(moves).toMatchObject([{ cause: "thermal", because: "2.00 W over 6.00 W (measured)" }]);
    expect(scheduler.standing(1)).toMatchObject({ rung: { kind: "rate" }, holds: ["band"] });
    expect(scheduler.standing(2)).toBeUndefined();
  });

  test("short memory moves whoever holds most of it, and nobody once there is enough", () => {
    const { scheduler, moves } = house();
    const withMemory = (plan: SessionPlan, memoryBytes: number): SessionPlan => ({
      ...plan,
      rungs: plan.rungs.map((rung, index) => ({ ...rung, memoryBytes: index === 0 ? memoryBytes : 0 })),
    });
    scheduler.open(withMemory(planOf(1, { ...background, ladder: ["off"] }), 10));
    scheduler.open(withMemory(planOf(2, { ...background, ladder: ["off"] }), 20));

    scheduler.memoryChanged("64 MiB over 512 MiB");
    scheduler.tick(0);
    scheduler.memoryChanged(undefined);
    scheduler.tick(SECOND_US);

    expect(moves).toMatchObject([{ sessionId: 2, cause: "memory", because: "64 MiB over 512 MiB" }]);
  });

  test("a session over its energy goes down for itself, with the figures, and spends nobody's tolerance", () => {
    const { scheduler, moves, arrive } = house();
    const lax = { tolerate: { misses: 1, outOf: 2 } };
    scheduler.open(planOf(1, { ladder: [{ rate: 0.5 }], contract: { criticality: "critical", ...lax } }));
    scheduler.open(planOf(2, { ladder: ["off"], contract: { criticality: "background", ...lax } }));

    scheduler.takeEnergy(new Map([[1, "9.0 mJ a job over 5 mJ (estimated, the last 40)"]]));
    scheduler.tick(0);
    scheduler.tick(SECOND_US);

    expect(moves).toMatchObject([
      { sessionId: 1, cause: "energy", because: "9.0 mJ a job over 5 mJ (estimated, the last 40)" },
    ]);
    expect([arrive(2), arrive(2)].map(({ kind }) => kind)).toEqual(["run", "run"]);
  });

  test("recovery climbs back once there has been calm and room", () => {
    const { scheduler, moves } = house();
    scheduler.open(planOf(1, { ...background, ladder: [{ rate: 0.5 }] }));
    scheduler.takePower(pressure(0));
    scheduler.tick(0);

    scheduler.takePower(pressure(SECOND_US, { watts: 4, saveWatts: -6 }));
    for (let atUs = SECOND_US; atUs <= 5 * SECOND_US; atUs += 100_000) scheduler.tick(atUs);

    expect(moves.map(({ cause, atUs }) => [cause, atUs])).toEqual([
      ["power", 0],
      ["calm", 5 * SECOND_US],
    ]);
  });
});

describe("overruns and hangs", () => {
  test("a critical overrun suspends every lower class until it has been calm", () => {
    const { scheduler, words, modes, arrive, settle } = house();
    scheduler.open(planOf(1, critical));
    scheduler.open(planOf(2));
    const { jobId } = arrive(1);
    scheduler.started(jobId, { nowUs: 0 });

    scheduler.tick(10_001);
    expect(modes).toEqual(["protected"]);
    expect([1, 2].map((id) => words.get(id)!.isSuspended)).toEqual([false, true]);

    settle(jobId, "done", "ok", 20_000);
    scheduler.tick(scheduler.nextWakeUs());
    scheduler.tick(520_000);
    expect(modes).toEqual(["protected", "normal"]);
    expect(words.get(2)!.isSuspended).toBe(false);
  });

  test("a lane whose job does not stop is replaced, and the session is held back until it is open again", () => {
    const { scheduler, words, replaced, reopened, arrive, settle } = house();
    scheduler.open(planOf(1));
    const { jobId } = arrive(1, { deadlineUs: 50_000 });
    scheduler.started(jobId, { nowUs: 1000 });

    scheduler.tick(149_999);
    expect(replaced).toEqual([]);
    scheduler.tick(150_000);
    expect(replaced).toEqual([3]);

    settle(jobId, "failed", "lost", 150_000);
    expect(reopened).toEqual([1]);
    expect(words.get(1)!.isSuspended).toBe(true);
    scheduler.reopened(1);
    expect(words.get(1)!.isSuspended).toBe(false);
  });

  test("a run that its provider cannot stop is not hung because its deadline has passed", () => {
    const { scheduler, replaced, arrive } = house();
    scheduler.open({ ...planOf(1), isUnstoppable: true });
    const { jobId } = arrive(1, { deadlineUs: 50_000 });
    scheduler.started(jobId, { nowUs: 1000 });

    scheduler.tick(2_000_999);
    expect(replaced).toEqual([]);
    scheduler.tick(2_001_000);
    expect(replaced).toEqual([3]);
  });

  test("a start is known as that of one of its jobs, or of somebody else's", () => {
    const { scheduler, arrive } = house();
    scheduler.open(planOf(1));
    const { jobId } = arrive(1);

    expect([jobId, 999].map((id) => scheduler.started(id, { nowUs: 0 }))).toEqual([true, false]);
  });

  test("a session that was closed with a job under way is not opened again when the job is lost", () => {
    const { scheduler, reopened, arrive, settle } = house();
    scheduler.open(planOf(1));
    const { jobId } = arrive(1);
    scheduler.close(1);

    settle(jobId, "failed", "lost");

    expect(reopened).toEqual([]);
    expect(scheduler.jobCount).toBe(0);
    expect(arrive(1)).toMatchObject({ status: "rejected", reason: "closed" });
  });

  test("a session on a lost device is held back until its ladder has moved it", () => {
    const { scheduler, words, moves, arrive } = house();
    scheduler.open(planOf(1, { ...critical, device: "npu", ladder: [{ device: "cpu" }] }));

    scheduler.deviceChanged("npu", { isLost: true });
    expect(words.get(1)!.isSuspended).toBe(true);
    scheduler.tick(0);

    expect(moves).toMatchObject([{ cause: "device lost", to: { device: "cpu" }, because: "npu is gone" }]);
    expect(words.get(1)!.isSuspended).toBe(false);
    expect(arrive(1)).toMatchObject({ kind: "run", laneId: 3 });
  });
});

describe("being late", () => {
  test("a session that is late beyond its tolerance moves the least critical session of its class or below", () => {
    const { scheduler, moves, arrive, settle } = house();
    scheduler.open(planOf(1, { contract: { tolerate: { misses: 1, outOf: 10 } } }));
    scheduler.open(planOf(2, { ...background, ladder: ["off"] }));
    const beLate = (): void => settle(arrive(1).jobId, "cancelled", "deadline");

    beLate();
    scheduler.tick(0);
    expect(moves).toEqual([]);

    beLate();
    scheduler.tick(100_000);
    expect(moves).toMatchObject([{ sessionId: 2, to: { kind: "off" }, cause: "late" }]);
    expect(moves[0]!.because).toBe("session 1: 1 late, more than 1 of 10 missed");
  });

  test("what a session on a lower rate leaves out is skipped evenly and is no miss", () => {
    const { scheduler, arrive, settle } = house();
    scheduler.open(planOf(1, { ...background, ladder: [{ rate: 0.5 }] }));
    scheduler.takePower(pressure(0));
    scheduler.tick(0);
    scheduler.takePower(pressure(SECOND_US, { watts: 4, saveWatts: 0 }));
    scheduler.tick(SECOND_US);

    const kinds = Array.from({ length: 6 }, () => {
      const job = arrive(1);
      if (job.kind === "run") settle(job.jobId, "done", "ok");
      return job.kind;
    });

    expect(kinds).toEqual(["settled", "run", "settled", "run", "settled", "run"]);
  });
});
