// Laws of the lane's decisions over random traces, and the differential test against the native lane.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadNative } from "../../runtime/bindings/load.js";
import { CRITICALITIES } from "../../runtime/core/contract.js";
import type { Settlement } from "../../runtime/core/lane.js";
import { OUTCOME_CODES, outcomeCode } from "../../runtime/core/outcome.js";
import { encodeWord } from "../../runtime/core/session-word.js";
import { type LaneArrival, type LaneOrder, replayLane } from "../../runtime/scheduler/lane-replay.js";

const native = loadNative();
/** More of the same: `REDLINE_TRACES=50 npx vitest run test/property/lane-replay.test.ts`. */
const TIMES = Number(process.env.REDLINE_TRACES ?? 1);
const TRACES = fileURLToPath(new URL("../fixtures/lane-traces/", import.meta.url));

// Small numbers on purpose: they make equal instants, the hard part of two machines agreeing, common.
const arrival = fc.record({
  gapUs: fc.nat(30),
  relativeDeadlineUs: fc.nat(60),
  slackUs: fc.integer({ min: -5, max: 60 }),
  costUs: fc.nat(40),
  stopUs: fc.nat(10),
  isKept: fc.boolean(),
  cancelAfterUs: fc.option(fc.nat(60), { nil: undefined, freq: 4 }),
  sessionId: fc.integer({ min: 1, max: 3 }),
});
const order = fc.record({
  gapUs: fc.nat(60),
  sessionId: fc.integer({ min: 1, max: 3 }),
  word: fc.record({
    criticality: fc.constantFrom(...CRITICALITIES),
    isSuspended: fc.boolean(),
    isCancelledIfBlocking: fc.boolean(),
    latestStartAllowanceUs: fc.oneof(fc.constant(0), fc.nat(80)),
  }),
  isReplacement: fc.integer({ min: 0, max: 7 }).map((drawn) => drawn === 0),
});
const orders = fc.array(order, { maxLength: 20 }).map((steps) => {
  let atUs = 0;
  return steps.map(({ gapUs, sessionId, word, isReplacement }): LaneOrder => {
    atUs += gapUs;
    return isReplacement ? { atUs, isReplacement } : { atUs, sessionId, word };
  });
});
const trace = fc.array(arrival, { maxLength: 40 }).map((steps) => {
  let arrivalUs = 0;
  return steps.map((step, index): LaneArrival => {
    arrivalUs += step.gapUs;
    const deadlineUs = arrivalUs + step.relativeDeadlineUs;
    return {
      arrivalUs,
      job: {
        jobId: index + 1,
        sessionId: step.sessionId,
        slot: 0,
        deadlineUs,
        latestStartUs: deadlineUs - step.slackUs,
        late: step.isKept ? "keep" : "cancel",
      },
      costUs: step.costUs,
      stopUs: step.stopUs,
      cancelAtUs: step.cancelAfterUs === undefined ? -1 : arrivalUs + step.cancelAfterUs,
    };
  });
});

test("every job of any trace settles exactly once, whatever is ordered meanwhile", () => {
  fc.assert(
    fc.property(trace, orders, (arrivals, given) => {
      const ids = replayLane(arrivals, given).map((settlement) => settlement.jobId);

      expect(ids.toSorted((a, b) => a - b)).toEqual(arrivals.map((step) => step.job.jobId));
    }),
  );
});

test("runs never overlap, and none starts after its latest start", () => {
  fc.assert(
    fc.property(trace, (arrivals) => {
      const latest = new Map(arrivals.map((step) => [step.job.jobId, step.job.latestStartUs]));

      const runs = replayLane(arrivals).filter((settlement) => settlement.startedUs >= 0);

      for (const [index, run] of runs.entries()) {
        expect(run.startedUs).toBeLessThanOrEqual(latest.get(run.jobId)!);
        if (index > 0) expect(run.startedUs).toBeGreaterThanOrEqual(runs[index - 1]!.settledUs);
      }
    }),
  );
});

test("a job that is done is done by its deadline, and one that is not kept runs at most its stop time over it", () => {
  fc.assert(
    fc.property(trace, (arrivals) => {
      const byId = new Map(arrivals.map((step) => [step.job.jobId, step]));

      for (const settlement of replayLane(arrivals)) {
        const { job, stopUs } = byId.get(settlement.jobId)!;
        if (settlement.status === "done") expect(settlement.settledUs).toBeLessThanOrEqual(job.deadlineUs);
        if (job.late === "cancel" && settlement.startedUs >= 0) {
          const lastUs = Math.max(job.deadlineUs, settlement.startedUs) + stopUs;
          expect(settlement.settledUs).toBeLessThanOrEqual(lastUs);
        }
      }
    }),
  );
});

test("no job of a suspended session starts, and none of another one is called off for it", () => {
  fc.assert(
    fc.property(trace, orders, (arrivals, given) => {
      const byId = new Map(arrivals.map(({ job }) => [job.jobId, job]));

      for (const { jobId, reason, startedUs, settledUs } of replayLane(arrivals, given)) {
        const { sessionId } = byId.get(jobId)!;
        const wordAt = (atUs: number) =>
          given.findLast(
            (step) => !("isReplacement" in step) && step.sessionId === sessionId && step.atUs <= atUs,
          );
        const isSuspendedAt = (atUs: number): boolean => {
          const last = wordAt(atUs);
          return last !== undefined && "word" in last && last.word.isSuspended;
        };
        if (startedUs >= 0) expect(isSuspendedAt(startedUs)).toBe(false);
        if (reason === "suspended") expect(isSuspendedAt(settledUs)).toBe(true);
        if (reason === "preempted") {
          const orderedBy = given.filter(({ atUs }) => atUs <= settledUs);
          expect(
            orderedBy.some((step) => "word" in step && step.sessionId === sessionId && step.word.isSuspended),
          ).toBe(true);
        }
      }
    }),
  );
});

describe.skipIf(native.addon === null)("the native lane decides as the TypeScript lane", () => {
  test("on random traces", () => {
    fc.assert(
      fc.property(trace, (arrivals) => {
        expect(replayNative(arrivals)).toEqual(replayLane(arrivals).map(essence));
      }),
      { numRuns: 1000 * TIMES },
    );
  });

  test("on random traces with words and replacements at random times", () => {
    fc.assert(
      fc.property(trace, orders, (arrivals, given) => {
        expect(replayNative(arrivals, given)).toEqual(replayLane(arrivals, given).map(essence));
      }),
      { numRuns: 2000 * TIMES },
    );
  });

  test("on recorded traces", () => {
    const files = readdirSync(TRACES).filter((file) => file.endsWith(".json"));
    expect(files.length).toBeGreaterThan(0);

    for (const file of files) {
      const arrivals = JSON.parse(readFileSync(`${TRACES}${file}`, "utf8")) as LaneArrival[];
      expect(arrivals.length).toBeGreaterThan(100);
      expect(replayNative(arrivals)).toEqual(replayLane(arrivals).map(essence));
    }
  });
});

function essence({ jobId, status, reason, startedUs, settledUs }: Settlement) {
  return { jobId, code: outcomeCode(status, reason), startedUs, settledUs };
}

function replayNative(arrivals: readonly LaneArrival[], given: readonly LaneOrder[] = []) {
  const packed = Float64Array.from(
    arrivals.flatMap(({ arrivalUs, job, costUs, stopUs, cancelAtUs }) => [
      arrivalUs,
      job.jobId,
      job.deadlineUs,
      job.latestStartUs,
      costUs,
      stopUs,
      job.late === "keep" ? 1 : 0,
      cancelAtUs,
      job.sessionId,
    ]),
  );
  const ordered = Float64Array.from(
    given.flatMap((step) =>
      "isReplacement" in step ? [step.atUs, -1, 0] : [step.atUs, step.sessionId, encodeWord(step.word)],
    ),
  );
  const records = native.addon!.replayLane(packed, ordered);
  return Array.from({ length: records.length / 4 }, (_, index) => {
    const [jobId, code, startedUs, settledUs] = records.subarray(index * 4, index * 4 + 4);
    expect(OUTCOME_CODES[code!]).toBeDefined();
    return { jobId, code, startedUs, settledUs };
  });
}
