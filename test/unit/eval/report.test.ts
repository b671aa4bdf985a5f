// Owns the promise of the evaluation's page: everything is in it, nothing is fetched, and what a data set says stays text.

import { expect, test } from "vitest";
import { drawWorst, renderEvalReport } from "../../../runtime/eval/report.js";
import type { EvalSummary } from "../../../runtime/eval/run-eval.js";

const SUMMARY: EvalSummary = {
  ...{ type: "summary", task: "road-segmentation", dataset: "set", datasetSha256: "d".repeat(64) },
  ...{ contentSha256: "", subject: "<img src=x onerror=alert(1)>", subjectSha256: "s".repeat(64) },
  ...{ items: 3, measured: 2, isComplete: false, successRate: 1, latencyUs: { n: 2, p50: 1500, p99: 2500 } },
  faults: { "missing-label": 1 } as EvalSummary["faults"],
  metrics: { "drivable-iou": 0.71234, "lane-iou": null },
  worst: [{ id: "b", score: 0.25 }],
};

test("figures stand beside their definitions, and what was not measured is said", () => {
  const faults = [
    { type: "fault", id: "c & d", fault: "missing-label", message: "c.png is not there" },
  ] as const;

  const page = renderEvalReport({
    summary: SUMMARY,
    faults,
    worst: [{ id: "b", score: 0.25, picture: null }],
  });

  expect(page).toContain("0.7123");
  expect(page).toContain("nothing to measure");
  expect(page).toContain("Everingham");
  expect(page).toContain("1 of 3 items were not measured");
  expect(page).toContain("c &amp; d");
  expect(page).toContain("score 0.250");
});

test("the page has no script and no address, and a name with markup is text", async () => {
  const picture = { width: 2, height: 1, data: Uint8Array.of(9, 9, 9, 9, 9, 9) };
  const mask = (...values: number[]) => ({ width: 2, height: 1, data: Uint8Array.from(values) });
  const drawn = { label: { drivable: mask(1, 0) }, claim: { drivable: mask(0, 1) } };
  const worst = [{ id: "b", score: 0, picture: await drawWorst(picture, drawn) }];

  const page = renderEvalReport({ summary: SUMMARY, faults: [], worst });

  expect(page).toContain("data:image/jpeg;base64,/9j/");
  expect(page).not.toMatch(/<script|https?:|<img src=x/);
});
