// Owns the suite every lane must pass, whatever runs behind it. Knows no particular lane.
// A lane is given runs of a known length; times are compared only where the lane's own clock decides them.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CancelReason, LaneJob, Settlement } from "../../runtime/core/lane.js";

/** A lane under test. Every job runs for `busyUs` unless stopped. */
export interface LaneUnderTest {
  readonly busyUs: number;
  nowUs(): number;
  submit(job: Omit<LaneJob, "sessionId" | "slot">): void;
  cancel(jobId: number, reason: CancelReason): void;
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

    test("a running job is cancelled at its deadline", async () => {
      lane.submit(job(1, { deadlineUs: lane.nowUs() + lane.busyUs / 2 }));

      const [settlement] = await lane.settled(1);
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
        expect(settlement).toMatchObject({ status: "cancelled", reason: "signal" });
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
  });
}
