// Owns the promise of gates and baselines as decisions: a loss of five per cent is told, no change is not, and doubt refuses.

import { expect, test } from "vitest";
import { compareEntry } from "../../../runtime/eval/baseline.js";
import { checkGate } from "../../../runtime/eval/gate.js";
import type { EvalSummary } from "../../../runtime/eval/run-eval.js";
import { TASKS } from "../../../runtime/eval/tasks/tasks.js";

test("both bounds of a gate hold, the relative one in the metric's own direction", () => {
  const iou = { metric: "drivable-iou", atLeast: 0.7, reference: 0.75, ofReference: 0.99 };
  const words = { metric: "word-error-rate", atMost: 0.2, reference: 0.1, ofReference: 0.99 };

  expect(checkGate(iou, 0.743)).toMatchObject({ isMet: true, atLeast: expect.closeTo(0.7425, 12) });
  expect(checkGate(iou, 0.742)).toMatchObject({ isMet: false });
  expect(checkGate({ ...iou, atLeast: 0.8 }, 0.79)).toMatchObject({ isMet: false, atLeast: 0.8 });
  expect(checkGate(words, 0.101).isMet).toBe(true);
  expect(checkGate(words, 0.102).isMet).toBe(false);
  expect(checkGate({ metric: "word-error-rate", atMost: 0.2 }, null).isMet).toBe(false);
});

/** What 400 judged answers come to, of which so many are wrong. */
function summaryWith(wrong: number): EvalSummary {
  const counts = Array.from({ length: 400 }, (_, i) => ({
    isRight: i >= wrong,
    isAbstained: false,
    confidence: 0.9,
  }));
  return {
    ...({
      type: "summary",
      task: "classification",
      dataset: "set",
      datasetSha256: "",
      contentSha256: "c",
    } as const),
    ...{ subject: "model", subjectSha256: "", items: 400, measured: 400, isComplete: true, worst: [] },
    faults: {} as EvalSummary["faults"],
    metrics: TASKS.classification.summarise(counts),
    successRate: 1,
    latencyUs: { n: 400, p50: 1000, p99: 2000 },
  };
}

const ENTRY = {
  data: "set",
  model: "model",
  contentSha256: "c",
  metrics: { accuracy: { value: 0.9, tolerance: 0.01 } },
  successRate: { value: 1, tolerance: 0 },
  latencyUsP50: { value: 1000, tolerance: 1 },
};

test("an accuracy that lost five per cent is worse, one that lost nothing or gained is kept", () => {
  const verdictOf = (wrong: number) =>
    compareEntry(ENTRY, { summary: summaryWith(wrong), isSameMachine: true })[0]?.verdict;

  expect(verdictOf(40)).toBe("kept");
  expect(verdictOf(20)).toBe("kept");
  expect(verdictOf(43)).toBe("kept");
  // 0.9 less five per cent is 0.855: 58 of 400 wrong.
  expect(verdictOf(58)).toBe("worse");
});

test("a figure that is gone is worse, and latency of another machine is not compared", () => {
  const gone = { ...summaryWith(40), metrics: {}, successRate: 0.99 };

  const here = compareEntry(ENTRY, { summary: gone, isSameMachine: true });
  const elsewhere = compareEntry(ENTRY, { summary: summaryWith(40), isSameMachine: false });
  const slow = { ...summaryWith(40), latencyUs: { n: 400, p50: 2001, p99: 1 } };

  expect(here.map(({ figure, verdict }) => [figure, verdict])).toEqual([
    ["accuracy", "worse"],
    ["success-rate", "worse"],
    ["latency-us-p50", "kept"],
  ]);
  expect(elsewhere.at(-1)).toMatchObject({
    verdict: "not-compared",
    because: expect.stringContaining("machine"),
  });
  expect(compareEntry(ENTRY, { summary: slow, isSameMachine: true }).at(-1)?.verdict).toBe("worse");
});

test("of a figure that was nothing, the tolerance is the loss itself", () => {
  const entry = { ...ENTRY, metrics: { "abstention-rate": { value: 0, tolerance: 0.01 } } };
  const withheld = (rate: number) => ({ ...summaryWith(0), metrics: { "abstention-rate": rate } });
  const verdictOf = (rate: number) =>
    compareEntry(entry, { summary: withheld(rate), isSameMachine: true })[0]?.verdict;

  expect(verdictOf(0.005)).toBe("kept");
  expect(verdictOf(0.02)).toBe("worse");
});
