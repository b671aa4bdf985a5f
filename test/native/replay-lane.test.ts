// The lane's rules, one by one, as the native decision code replays them in virtual time. Times are microseconds.
// At one instant, in this order: the run's end, orders, arrivals, cancels by job id, the deadline, drops, the next start.

import { describe, expect, test } from "vitest";
import { LIMITS } from "../../runtime/core/limits.js";
import { OUTCOME_CODES } from "../../runtime/core/outcome.js";
import { encodeWord, initialWord, type SessionWord } from "../../runtime/core/session-word.js";
import { type LaneUnderTest, laneSuite } from "../support/lane-suite.js";
import { requireAddon } from "./native-host.js";

const addon = requireAddon();
const NEVER = Number.MAX_SAFE_INTEGER;

interface Step {
  readonly at?: number;
  readonly id: number;
  readonly deadline?: number;
  readonly latestStart?: number;
  readonly cost?: number;
  readonly stop?: number;
  readonly keep?: boolean;
  readonly cancelAt?: number;
  readonly session?: number;
}

/** At an instant a session gets its word, or the lane is replaced. */
type Order = {
  readonly at: number;
  readonly session?: number;
  readonly word: Partial<SessionWord> | "replace";
};

/** Lines "id outcome started settled", in the order of settlement. */
function replay(...steps: readonly (Step | Order)[]): string[] {
  const orders = steps.filter((step): step is Order => "word" in step);
  const arrivals = steps.filter((step): step is Step => "id" in step);
  return settlementsOf(arrivals, orders).map(
    ({ id, status, reason, started, ended }) => `${id} ${status}/${reason} ${started} ${ended}`,
  );
}

function settlementsOf(arrivals: readonly Step[], orders: readonly Order[]) {
  const fields = arrivals.flatMap((step) => [
    step.at ?? 0,
    step.id,
    step.deadline ?? NEVER,
    step.latestStart ?? NEVER,
    step.cost ?? 10,
    step.stop ?? 0,
    step.keep ? 1 : 0,
    step.cancelAt ?? -1,
    step.session ?? 1,
  ]);
  const ordered = orders.flatMap(({ at, session = 1, word }) =>
    word === "replace" ? [at, -1, 0] : [at, session, encodeWord({ ...initialWord("critical"), ...word })],
  );
  const settled = addon.replayLane(Float64Array.from(fields), Float64Array.from(ordered));
  return Array.from({ length: settled.length / 4 }, (_, index) => {
    const [id, code, started, ended] = settled.subarray(index * 4, index * 4 + 4) as unknown as number[];
    return { id: id!, ...OUTCOME_CODES[code!]!, started: started!, ended: ended! };
  });
}

describe("submission", () => {
  test("an idle lane starts a job at the instant it arrives", () => {
    expect(replay({ at: 5, id: 1, cost: 3 })).toEqual(["1 done/ok 5 8"]);
  });

  test("a job that arrives after its latest start is dropped on arrival", () => {
    expect(replay({ at: 5, id: 1, latestStart: 4 })).toEqual(["1 dropped/stale -1 5"]);
    expect(replay({ at: 5, id: 1, latestStart: 5 })).toEqual(["1 done/ok 5 15"]);
  });

  test("a full queue rejects, and only what waits counts as the queue", () => {
    const steps = Array.from({ length: LIMITS.jobsPerLane + 2 }, (_, id) => ({
      at: id === 0 ? 0 : 1,
      id,
      cost: 5,
    }));

    const settled = replay(...steps);

    expect(settled[0]).toBe(`${LIMITS.jobsPerLane + 1} rejected/no-slot -1 1`);
    expect(settled.filter((line) => line.includes("done/ok")).length).toBe(LIMITS.jobsPerLane + 1);
  });
});

describe("order", () => {
  test("the earliest deadline starts first, the smaller id on a tie, also among jobs of one instant", () => {
    expect(
      replay(
        { id: 3, deadline: 90 },
        { id: 2, deadline: 80 },
        { id: 4, deadline: 80 },
        { id: 1, deadline: 100 },
      ),
    ).toEqual(["2 done/ok 0 10", "4 done/ok 10 20", "3 done/ok 20 30", "1 done/ok 30 40"]);
  });

  test("a running job is not preempted by a more urgent one", () => {
    expect(replay({ id: 1, deadline: 100, cost: 20 }, { at: 5, id: 2, deadline: 30, cost: 5 })).toEqual([
      "1 done/ok 0 20",
      "2 done/ok 20 25",
    ]);
  });

  test("runs of no length follow each other at one instant", () => {
    expect(replay({ id: 1, cost: 0 }, { id: 2, cost: 0 }, { id: 3, cost: 0 })).toEqual([
      "1 done/ok 0 0",
      "2 done/ok 0 0",
      "3 done/ok 0 0",
    ]);
  });
});

describe("drops", () => {
  test("a waiting job is dropped one microsecond after its latest start, while another runs", () => {
    expect(replay({ id: 1, cost: 50 }, { id: 2, latestStart: 20 })).toEqual([
      "2 dropped/stale -1 21",
      "1 done/ok 0 50",
    ]);
  });

  test("a job may still start at its latest start", () => {
    expect(replay({ id: 1, cost: 20 }, { id: 2, latestStart: 20 })).toEqual([
      "1 done/ok 0 20",
      "2 done/ok 20 30",
    ]);
  });

  test("jobs dropped at one instant settle in order of their deadlines", () => {
    expect(
      replay(
        { id: 1, cost: 50, deadline: 60 },
        { id: 2, deadline: 300, latestStart: 20 },
        { id: 3, deadline: 200, latestStart: 20 },
      ),
    ).toEqual(["3 dropped/stale -1 21", "2 dropped/stale -1 21", "1 done/ok 0 50"]);
  });
});

describe("deadlines", () => {
  test("a run is stopped at its deadline and ends when the stop bites", () => {
    expect(replay({ id: 1, deadline: 30, cost: 100, stop: 7 })).toEqual(["1 cancelled/deadline 0 37"]);
  });

  test("a run that ends before the stop bites is late, because it could not be stopped in time", () => {
    expect(replay({ id: 1, deadline: 30, cost: 35, stop: 7 })).toEqual(["1 late/unstoppable 0 35"]);
    expect(replay({ id: 1, deadline: 30, cost: 37, stop: 7 })).toEqual(["1 late/unstoppable 0 37"]);
  });

  test("a run that ends at its deadline is done", () => {
    expect(replay({ id: 1, deadline: 30, cost: 30 })).toEqual(["1 done/ok 0 30"]);
  });

  test("a contract that keeps late results is never stopped", () => {
    expect(replay({ id: 1, deadline: 30, cost: 100, keep: true })).toEqual(["1 late/kept 0 100"]);
  });

  test("a job that starts after its deadline is stopped as soon as it has started", () => {
    expect(replay({ at: 50, id: 1, deadline: 30, cost: 100, stop: 5 })).toEqual([
      "1 cancelled/deadline 50 55",
    ]);
  });
});

describe("cancels", () => {
  test("a waiting job is cancelled at once", () => {
    expect(replay({ id: 1, cost: 50 }, { id: 2, cancelAt: 20 })).toEqual([
      "2 cancelled/signal -1 20",
      "1 done/ok 0 50",
    ]);
  });

  test("a running job ends when the stop bites, unless it ends by itself first", () => {
    expect(replay({ id: 1, cost: 50, stop: 5, cancelAt: 20 })).toEqual(["1 cancelled/signal 0 25"]);
    expect(replay({ id: 1, cost: 22, stop: 5, cancelAt: 20 })).toEqual(["1 done/ok 0 22"]);
  });

  test("the first reason to stop is the one that counts", () => {
    expect(replay({ id: 1, deadline: 30, cost: 100, stop: 10, cancelAt: 25 })).toEqual([
      "1 cancelled/signal 0 35",
    ]);
    expect(replay({ id: 1, deadline: 30, cost: 100, stop: 10, cancelAt: 35 })).toEqual([
      "1 cancelled/deadline 0 40",
    ]);
    expect(replay({ id: 1, deadline: 30, cost: 100, stop: 10, cancelAt: 30 })).toEqual([
      "1 cancelled/signal 0 40",
    ]);
  });

  test("a cancel at or before the arrival finds the job submitted but not started", () => {
    expect(replay({ at: 5, id: 1, cancelAt: 2 })).toEqual(["1 cancelled/signal -1 5"]);
    expect(replay({ at: 5, id: 1, cancelAt: 5 })).toEqual(["1 cancelled/signal -1 5"]);
  });

  test("cancels of one instant are worked through in order of job ids", () => {
    expect(replay({ id: 1, cost: 50 }, { id: 3, cancelAt: 20 }, { id: 2, cancelAt: 20 })).toEqual([
      "2 cancelled/signal -1 20",
      "3 cancelled/signal -1 20",
      "1 done/ok 0 50",
    ]);
  });

  test("a cancel of a job that has settled is ignored", () => {
    expect(replay({ id: 1, cost: 10, cancelAt: 10 })).toEqual(["1 done/ok 0 10"]);
  });
});

describe("words", () => {
  const suspended = { isSuspended: true };

  test("a suspended session's jobs are called off, earliest deadline first, and another session's stay", () => {
    expect(
      replay(
        { id: 1, cost: 50, deadline: 60 },
        { id: 2, deadline: 300 },
        { id: 3, deadline: 200 },
        { id: 4, deadline: 250, session: 2 },
        { at: 20, word: suspended },
        { at: 30, id: 5 },
        { at: 40, word: {} },
        { at: 45, id: 6 },
      ),
    ).toEqual([
      "3 cancelled/preempted -1 20",
      "2 cancelled/preempted -1 20",
      "5 rejected/suspended -1 30",
      "1 done/ok 0 50",
      "4 done/ok 50 60",
      "6 done/ok 60 70",
    ]);
  });

  test("an order at the instant of an arrival comes first, and the run's end comes before both", () => {
    expect(replay({ id: 1, cost: 20 }, { at: 20, word: suspended }, { at: 20, id: 2 })).toEqual([
      "1 done/ok 0 20",
      "2 rejected/suspended -1 20",
    ]);
  });

  test("the running job is stopped only where its word says so, and the first reason to stop counts", () => {
    const stopping = { isSuspended: true, isCancelledIfBlocking: true };

    expect(replay({ id: 1, cost: 50, stop: 5 }, { at: 20, word: stopping })).toEqual([
      "1 cancelled/preempted 0 25",
    ]);
    expect(
      replay({ id: 1, cost: 50, stop: 9 }, { at: 20, word: suspended }, { at: 30, word: stopping }),
    ).toEqual(["1 cancelled/preempted 0 39"]);
    expect(replay({ id: 1, cost: 50, stop: 9, cancelAt: 18 }, { at: 20, word: stopping })).toEqual([
      "1 cancelled/signal 0 27",
    ]);
  });

  test("an allowance counts back from the deadline, for jobs that arrive later, and not for kept results", () => {
    expect(
      replay(
        { id: 1, deadline: 200, cost: 100, latestStart: 100 },
        { id: 2, deadline: 210, latestStart: 150 },
        { at: 10, word: { latestStartAllowanceUs: 190 } },
        { at: 11, id: 3, deadline: 220, latestStart: 5 },
        { at: 11, id: 4, deadline: 230, latestStart: 500, keep: true },
      ),
    ).toEqual(["3 dropped/stale -1 31", "1 done/ok 0 100", "2 done/ok 100 110", "4 done/ok 110 120"]);
  });
});

describe("replacement", () => {
  test("the running job is lost at that instant, and the next one starts", () => {
    expect(replay({ id: 1, cost: 500 }, { id: 2 }, { at: 30, word: "replace" })).toEqual([
      "1 failed/lost 0 30",
      "2 done/ok 30 40",
    ]);
  });

  test("a run that ends at that instant has ended, and an idle lane is left alone", () => {
    expect(
      replay(
        { id: 1, cost: 30 },
        { at: 30, word: "replace" },
        { at: 50, id: 2 },
        { at: 70, word: "replace" },
      ),
    ).toEqual(["1 done/ok 0 30", "2 done/ok 50 60"]);
  });
});

/** The replay as a lane: every call is an instant of its own, and what has settled is replayed from the start. */
function openReplay(): Promise<LaneUnderTest> {
  const busyUs = 1000;
  const arrivals: (Step & { cancelAt?: number })[] = [];
  const orders: Order[] = [];
  let now = 10_000;
  const instant = (): number => {
    now += 1;
    return now;
  };
  const settlements = () =>
    settlementsOf(arrivals, orders).map(({ id, status, reason, started, ended }) => {
      return { jobId: id, status, reason, startedUs: started, settledUs: ended, cpuUs: -1 };
    });
  return Promise.resolve({
    busyUs,
    canStop: true,
    nowUs: () => now,
    submit({ jobId, deadlineUs, latestStartUs, late }) {
      const times = { deadline: deadlineUs, latestStart: latestStartUs, cost: busyUs, stop: 10 };
      arrivals.push({ at: instant(), id: jobId, ...times, keep: late === "keep" });
    },
    cancel(jobId) {
      const at = arrivals.findIndex(({ id }) => id === jobId);
      arrivals[at] = { ...arrivals[at]!, cancelAt: instant() };
    },
    publish: (word) => void orders.push({ at: instant(), word }),
    replace: () => void orders.push({ at: instant(), word: "replace" }),
    running: () =>
      settlements().filter(
        ({ startedUs, settledUs }) => startedUs >= 0 && startedUs <= now && settledUs > now,
      ),
    settled(count) {
      const all = settlements();
      now = Math.max(now, all[count - 1]?.settledUs ?? now);
      return Promise.resolve(all.filter(({ settledUs }) => settledUs <= now));
    },
    close: () => Promise.resolve(),
  });
}

laneSuite("the native lane, replayed,", openReplay);
