// Owns the suite every lane must pass, whatever runs behind it. Knows no particular lane.
// A lane is given runs of a known length; times are compared only where the lane's own clock decides them.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CancelReason, LaneJob, Settlement } from "../../runtime/core/lane.js";
import { initialWord, type SessionWord } from "../../runtime/core/session-word.js";

/** A lane under test with one session. Every job runs for `busyUs` at least unless stopped. */
export interface LaneUnderTest {
  readonly busyUs: number;
  /** A run that is asked to stop does: where none can be stopped it goes on to its end. */
  readonly canStop: boolean;
  nowUs(): number;
  submit(job: Omit<LaneJob, "sessionId" | "slot">): void;
  cancel(jobId: number, reason: CancelReason): void;
  publish(word: SessionWord): void;
  running(): readonly { readonly jobId: number; readonly startedUs: number }[];
  /** The lane is said to hang. */
  replace(): void;
  /** Waits until `count` jobs have settled and answers all settlements so far, in order. */
  settled(count: number): Promise<readonly Settlement[]>;
  close(): Promise<void>;
}

const NEVER_US = Number.MAX_SAFE_INTEGER;

/** Runs the suite against lanes made by `open`. */
export function laneSuite(name: string, open: () => Promise<LaneUnderTest>): void {
  describe(`${name} keeps the lane contract`, () => {
    let lane: LaneUnderTest;
    beforeEach(async () => {
      lane = await open();
    });
    afterEach(() => lane.close());
    const word = initialWord("interactive");
    /** Waits until a job runs: a lane that is a thread takes a moment to start it. */
    const started = async (jobId: number): Promise<void> => {
      while (!lane.running().some((run) => run.jobId === jobId))
        await new Promise((resolve) => setTimeout(resolve, 1));
    };
    const job = (jobId: number, times: Partial<LaneJob> = {}) =>
      ({ jobId, deadlineUs: NEVER_US, latestStartUs: NEVER_US, late: "cancel", ...times }) as const;

    test("a job with time to spare is done, with its start before its end", async () => {
      lane.submit(job(1));

      const [settlement] = await lane.settled(1);
      expect(settlement).toMatchObject({ jobId: 1, status: "done", reason: "ok" });
      expect(settlement!.settledUs - settlement!.startedUs).toBeGreaterThanOrEqual(lane.busyUs);
    });

    test("waiting jobs run in order of deadline, equal deadlines in order of id", async () => {
      const nowUs = lane.nowUs();
      // The most urgent comes first: whether or not the lane has started it when the others arrive, it runs first.
      lane.submit(job(1, { deadlineUs: nowUs + 600 * lane.busyUs }));
      lane.submit(job(2, { deadlineUs: nowUs + 800 * lane.busyUs }));
      lane.submit(job(4, { deadlineUs: nowUs + 700 * lane.busyUs }));
      lane.submit(job(3, { deadlineUs: nowUs + 700 * lane.busyUs }));

      const order = (await lane.settled(4)).map((settlement) => settlement.jobId);
      expect(order).toEqual([1, 3, 4, 2]);
    });

    test("one job runs at a time", async () => {
      for (let jobId = 1; jobId <= 5; jobId += 1) lane.submit(job(jobId));

      const settlements = await lane.settled(5);
      for (const [index, settlement] of settlements.entries()) {
        if (index > 0) expect(settlement.startedUs).toBeGreaterThanOrEqual(settlements[index - 1]!.settledUs);
      }
    });

    test("a job whose latest start has passed at submission is dropped as stale", async () => {
      lane.submit(job(1, { latestStartUs: lane.nowUs() - 1 }));

      const [settlement] = await lane.settled(1);
      expect(settlement).toMatchObject({ status: "dropped", reason: "stale", startedUs: -1 });
    });

    test("a waiting job is dropped when its latest start passes, while the lane is still busy", async () => {
      lane.submit(job(1));
      lane.submit(job(2, { latestStartUs: lane.nowUs() + lane.busyUs / 4 }));

      const [first, second] = await lane.settled(2);
      expect(first).toMatchObject({ jobId: 2, status: "dropped", reason: "stale" });
      expect(second).toMatchObject({ jobId: 1, status: "done" });
      expect(first!.settledUs).toBeLessThan(second!.settledUs);
    });

    test("a running job is cancelled at its deadline, or late where it cannot be", async () => {
      lane.submit(job(1, { deadlineUs: lane.nowUs() + lane.busyUs / 2 }));

      const [settlement] = await lane.settled(1);
      if (!lane.canStop) {
        expect(settlement).toMatchObject({ status: "late", reason: "unstoppable" });
        return;
      }
      expect(settlement).toMatchObject({ status: "cancelled", reason: "deadline" });
      expect(settlement!.settledUs - settlement!.startedUs).toBeLessThan(lane.busyUs);
    });

    test("a job whose late result is kept runs to its end and settles late", async () => {
      lane.submit(job(1, { deadlineUs: lane.nowUs() + lane.busyUs / 2, late: "keep" }));

      const [settlement] = await lane.settled(1);
      expect(settlement).toMatchObject({ status: "late", reason: "kept" });
    });

    test("a signal stops a waiting job at once and a running one soon", async () => {
      lane.submit(job(1));
      lane.submit(job(2));
      lane.cancel(2, "signal");
      lane.cancel(1, "signal");

      const settlements = await lane.settled(2);
      expect(settlements).toHaveLength(2);
      for (const settlement of settlements) {
        if (lane.canStop || settlement.jobId === 2)
          expect(settlement).toMatchObject({ status: "cancelled", reason: "signal" });
        else expect(settlement.status).toBe("done");
      }
    });

    test("cancelling a settled job changes nothing, and the lane goes on", async () => {
      lane.submit(job(1));
      await lane.settled(1);

      lane.cancel(1, "signal");
      lane.submit(job(2));

      const settlements = await lane.settled(2);
      expect(settlements.map(({ status }) => status)).toEqual(["done", "done"]);
    });

    test("every one of many jobs settles exactly once", async () => {
      const count = 60;
      for (let jobId = 1; jobId <= count; jobId += 1) {
        const nowUs = lane.nowUs();
        const tight = { deadlineUs: nowUs + lane.busyUs * 3, latestStartUs: nowUs + lane.busyUs * 2 };
        lane.submit(job(jobId, jobId % 3 === 0 ? {} : tight));
        if (jobId % 5 === 0) lane.cancel(jobId - 2, "signal");
      }

      const ids = (await lane.settled(count)).map((settlement) => settlement.jobId);
      expect(ids).toHaveLength(count);
      expect(new Set(ids).size).toBe(count);
    });

    test("a suspended session's waiting jobs are called off, new ones rejected, and its running one goes on", async () => {
      lane.submit(job(1, { deadlineUs: lane.nowUs() + 100 * lane.busyUs }));
      await started(1);
      lane.submit(job(2));
      lane.submit(job(3, { deadlineUs: lane.nowUs() + 200 * lane.busyUs }));

      lane.publish({ ...word, isSuspended: true });
      lane.submit(job(4));

      const settlements = await lane.settled(4);
      expect(settlements.map(({ jobId, status, reason }) => [jobId, status, reason])).toEqual([
        [3, "cancelled", "preempted"],
        [2, "cancelled", "preempted"],
        [4, "rejected", "suspended"],
        [1, "done", "ok"],
      ]);
    });

    test("a session that is suspended no more runs again", async () => {
      lane.publish({ ...word, isSuspended: true });
      lane.publish(word);
      lane.submit(job(1));

      const [settlement] = await lane.settled(1);
      expect(settlement).toMatchObject({ jobId: 1, status: "done" });
    });

    test("suspending a session stops its running job where its word says so", async () => {
      lane.submit(job(1));
      await started(1);

      lane.publish({ ...word, isSuspended: true, isCancelledIfBlocking: true });

      const [settlement] = await lane.settled(1);
      if (!lane.canStop) {
        expect(settlement!.status).toBe("done");
        return;
      }
      expect(settlement).toMatchObject({ status: "cancelled", reason: "preempted" });
      expect(settlement!.settledUs - settlement!.startedUs).toBeLessThan(lane.busyUs);
    });

    test("a word that only allows stopping stops nothing", async () => {
      lane.submit(job(1));
      await started(1);

      lane.publish({ ...word, isCancelledIfBlocking: true });
      lane.submit(job(2));

      const settlements = await lane.settled(2);
      expect(settlements.map(({ status }) => status)).toEqual(["done", "done"]);
    });

    test("an allowance says until when a job may start, and a kept late result may start at any time", async () => {
      const { busyUs } = lane;
      lane.publish({ ...word, latestStartAllowanceUs: 4 * busyUs });
      const nowUs = lane.nowUs();
      lane.submit(job(1, { deadlineUs: nowUs + 900 * busyUs, latestStartUs: nowUs - 1 }));
      lane.submit(job(2, { deadlineUs: nowUs + 3 * busyUs }));
      lane.submit(job(3, { deadlineUs: nowUs + 3 * busyUs, late: "keep" }));

      const byId = (await lane.settled(3)).toSorted((a, b) => a.jobId - b.jobId);
      expect(byId[0]).toMatchObject({ status: "done" });
      expect(byId[1]).toMatchObject({ status: "dropped", reason: "stale" });
      expect(["done", "late"]).toContain(byId[2]!.status);
    });

    test("a waiting job is dropped when its word's allowance begins, while the lane is still busy", async () => {
      lane.submit(job(1));
      await started(1);
      lane.publish({ ...word, latestStartAllowanceUs: 10 * lane.busyUs });
      lane.submit(job(2, { deadlineUs: lane.nowUs() + 10.25 * lane.busyUs }));

      const [first, second] = await lane.settled(2);
      expect(first).toMatchObject({ jobId: 2, status: "dropped", reason: "stale" });
      expect(second).toMatchObject({ jobId: 1, status: "done" });
    });

    test("the lane tells what it runs and since when", async () => {
      expect(lane.running()).toEqual([]);
      lane.submit(job(1));
      await started(1);
      lane.submit(job(2));

      const [running, ...others] = lane.running();

      const [settlement] = await lane.settled(2);
      expect(others).toEqual([]);
      expect(running).toMatchObject({ jobId: 1, startedUs: settlement!.startedUs });
      expect(lane.running()).toEqual([]);
    });

    test("a replaced lane loses the job it ran, at once and only once, and goes on with those that wait", async () => {
      lane.submit(job(1));
      await started(1);
      lane.submit(job(2));
      lane.submit(job(3));

      lane.replace();

      const settlements = await lane.settled(3);
      expect(settlements.map(({ jobId, status, reason }) => [jobId, status, reason])).toEqual([
        [1, "failed", "lost"],
        [2, "done", "ok"],
        [3, "done", "ok"],
      ]);
      const [lost, next] = settlements;
      expect(lost!.settledUs).toBeLessThanOrEqual(next!.startedUs);
    });

    test("replacing a lane that runs nothing changes nothing", async () => {
      lane.replace();
      lane.submit(job(1));
      await lane.settled(1);
      lane.replace();
      lane.submit(job(2));

      const settlements = await lane.settled(2);
      expect(settlements.map(({ status }) => status)).toEqual(["done", "done"]);
    });
  });
}
