import { beforeEach, expect, test } from "vitest";
import type { LaneJob, Settlement } from "../../../runtime/core/lane.js";
import type { SessionWord } from "../../../runtime/core/session-word.js";
import { LaneCore } from "../../../runtime/scheduler/lane-core.js";
import { WordedLane } from "../../../runtime/scheduler/worded-lane.js";

const word: SessionWord = {
  criticality: "background",
  isSuspended: false,
  isCancelledIfBlocking: false,
  latestStartAllowanceUs: 300,
};

let lane: WordedLane;
let settled: Settlement[];
let stopped: number[];

beforeEach(() => {
  settled = [];
  stopped = [];
  const settle = (settlement: Settlement): void => {
    settled.push(settlement);
    lane.noteSettled(settlement.jobId);
  };
  const core = new LaneCore({
    start: ({ jobId }) => lane.noteStarted(jobId),
    terminate: ({ jobId }) => stopped.push(jobId),
    settle,
  });
  lane = new WordedLane(core, settle);
});

function job(jobId: number, given: Partial<LaneJob> = {}): LaneJob {
  return { jobId, sessionId: 1, slot: 0, deadlineUs: 1000, latestStartUs: 1000, late: "cancel", ...given };
}

function submit(jobId: number, given: Partial<LaneJob> = {}): void {
  lane.submit(job(jobId, given), 0);
  lane.tick(0);
}

test("a job starts by its deadline less the word's allowance, or not at all", () => {
  lane.publish(1, { word, nowUs: 0 });
  submit(1);
  submit(2);

  lane.tick(701);

  expect(settled).toMatchObject([{ jobId: 2, status: "dropped", reason: "stale" }]);
});

test("a late result that is kept may start at any time", () => {
  lane.publish(1, { word, nowUs: 0 });
  submit(1);
  submit(2, { late: "keep", latestStartUs: Number.MAX_SAFE_INTEGER });

  lane.tick(5000);

  expect(settled).toEqual([]);
});

test("a session without a word, and a suspended one, start nothing", () => {
  submit(1);
  lane.publish(1, { word: { ...word, isSuspended: true }, nowUs: 0 });
  submit(2);

  expect(settled.map(({ jobId, reason }) => [jobId, reason])).toEqual([
    [1, "suspended"],
    [2, "suspended"],
  ]);
});

test("suspending a session calls off its waiting jobs and lets its running one finish", () => {
  lane.publish(1, { word, nowUs: 0 });
  lane.publish(2, { word, nowUs: 0 });
  submit(1);
  submit(2);
  submit(3, { sessionId: 2 });

  lane.publish(1, { word: { ...word, isSuspended: true }, nowUs: 10 });

  expect(settled).toMatchObject([{ jobId: 2, status: "cancelled", reason: "preempted", settledUs: 10 }]);
  expect(stopped).toEqual([]);
});

test("a session that is cancelled if blocking is stopped when it is suspended", () => {
  lane.publish(1, { word: { ...word, isCancelledIfBlocking: true }, nowUs: 0 });
  submit(1);

  lane.publish(1, { word: { ...word, isCancelledIfBlocking: true, isSuspended: true }, nowUs: 10 });

  expect(stopped).toEqual([1]);
  lane.runEnded({ kind: "terminated", endedUs: 20, cpuUs: -1 });
  expect(settled).toMatchObject([{ jobId: 1, status: "cancelled", reason: "preempted" }]);
});

test("a running job makes way only where its word says so", () => {
  lane.publish(1, { word, nowUs: 0 });
  submit(1);
  lane.makeWay(5);
  expect(stopped).toEqual([]);

  lane.publish(1, { word: { ...word, isCancelledIfBlocking: true }, nowUs: 6 });
  lane.makeWay(7);
  lane.makeWay(8);

  expect(stopped).toEqual([1]);
});

test("a session that has left is not run", () => {
  lane.publish(1, { word, nowUs: 0 });
  lane.forget(1);

  submit(1);

  expect(settled).toMatchObject([{ jobId: 1, status: "rejected", reason: "suspended" }]);
});
