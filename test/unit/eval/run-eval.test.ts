// Owns the promise of runEval on recorded answers: every task reads them, nothing is averaged away, and a run can be taken up.

import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runEval } from "../../../runtime/eval/run-eval.js";
import type { EvalTaskName } from "../../../runtime/eval/tasks/tasks.js";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "redline-eval-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const lines = (all: readonly object[]): string => all.map((one) => `${JSON.stringify(one)}\n`).join("");

/** A data set and answers of a task, each an id and what it says; answers where they lie. */
async function recorded(given: {
  task: EvalTaskName;
  labels: readonly object[];
  answers: readonly object[];
}): Promise<{ data: string; predictions: string }> {
  const { task, labels, answers } = given;
  const named = (all: readonly object[]) => all.map((one, index) => ({ id: `i${index}`, ...one }));
  const predictions = join(folder, "answers.jsonl");
  const manifest = { schema: 1, name: "set", task, items: "labels.jsonl" };
  await writeFile(join(folder, "dataset.json"), JSON.stringify(manifest));
  await writeFile(join(folder, "labels.jsonl"), lines(named(labels)));
  await writeFile(predictions, lines(named(answers)));
  return { data: folder, predictions };
}

const CASES: readonly {
  task: EvalTaskName;
  labels: readonly object[];
  answers: readonly object[];
  metrics: Record<string, number | null>;
}[] = [
  {
    task: "speech-recognition",
    labels: [{ text: "turn on the light" }, { text: "stop" }],
    answers: [{ text: "Turn on the lights." }, { text: "stop it" }],
    metrics: { "word-error-rate": 2 / 5, "word-insertions": 1 / 5, words: 5 },
  },
  {
    task: "intent",
    labels: [
      { intent: "order", slots: { drink: "latte", size: "small" } },
      { intent: "order", slots: {} },
      { intent: "stop", slots: {} },
    ],
    answers: [
      { intent: "order", slots: { drink: "Latte" }, confidence: 0.9 },
      { intent: "stop", slots: { drink: "tea" }, confidence: 0.6 },
      { intent: "", slots: {}, abstained: true },
    ],
    metrics: {
      accuracy: 1 / 3,
      "accuracy-when-answered": 1 / 2,
      "abstention-rate": 1 / 3,
      "slot-precision": 1 / 2,
      "slot-recall": 1 / 2,
      "answers-with-confidence": 2,
      "risk-coverage-area": 1 / 4,
    },
  },
  {
    task: "wake-word",
    labels: [
      { durationMs: 60_000, words: [[1000, 1500]] },
      { durationMs: 120_000, words: [] },
    ],
    answers: [{ detections: [{ atMs: 1600, score: 0.6 }] }, { detections: [{ atMs: 5, score: 0.8 }] }],
    metrics: { "misses-at-0": 1, "misses-at-1": 0, "wake-words": 1, "negative-minutes": 178.5 / 60 },
  },
  {
    task: "endpoint",
    labels: [{ speechEndMs: 1000 }, { speechEndMs: 1000 }, { speechEndMs: 1000 }, { speechEndMs: 1000 }],
    answers: [{ decidedMs: 1400 }, { decidedMs: 700 }, { decidedMs: null }, { decidedMs: 1600 }],
    metrics: { "early-cut-rate": 1 / 4, "missed-end-rate": 1 / 4, "endpoint-delay-ms": 500 },
  },
  {
    task: "multiple-choice",
    labels: [
      { options: ["A", "B"], correct: "A" },
      { options: ["A", "B"], correct: "B" },
    ],
    answers: [{ choice: "A" }, { choice: "none of them" }],
    metrics: { accuracy: 1 / 2, "validity-rate": 1 / 2, "calibration-error": null },
  },
  {
    task: "constrained-output",
    labels: [{ fields: { on: "boolean" } }, { fields: { on: "boolean" } }],
    answers: [{ text: '{"on": true}' }, { text: "on" }],
    metrics: { "validity-rate": 1 / 2 },
  },
  {
    task: "grounded-answers",
    labels: [{ answers: ["blue"] }, { answers: ["red"] }, { answers: [] }, { answers: [] }],
    answers: [{ text: "It is blue." }, { text: "green" }, { text: "42" }, { text: "", abstained: true }],
    metrics: {
      "answerable-accuracy": 1 / 2,
      "hallucination-rate": 1 / 2,
      "invented-rate": 1 / 2,
      "abstention-rate": 1 / 4,
    },
  },
  {
    task: "classification",
    labels: [{ class: "yes" }, { class: "no" }],
    answers: [
      { class: "yes", confidence: 1 },
      { class: "yes", confidence: 1 },
    ],
    metrics: { accuracy: 1 / 2, "calibration-error": 1 / 2 },
  },
  {
    task: "detection",
    labels: [{ boxes: [{ class: "face", box: [0, 0, 10, 10] }] }, { boxes: [] }],
    answers: [{ boxes: [{ class: "face", box: [1, 0, 10, 10], score: 0.5 }] }, { boxes: [] }],
    metrics: { "average-precision": 1, "average-precision-strict": 1, "labelled-boxes": 1 },
  },
  {
    task: "lane-lines",
    labels: [
      { rows: [1, 2], lanes: [[10, 12]] },
      { rows: [1, 2], lanes: [[50, 50]] },
    ],
    answers: [{ lanes: [[11, 12]] }, { lanes: [] }],
    metrics: { "lane-accuracy": 1 / 2, "lane-misses": 1 / 2, "lane-false-claims": 0 },
  },
];

test.each(CASES)("recorded answers of $task are measured", async ({ task, labels, answers, metrics }) => {
  const summary = await runEval(await recorded({ task, labels, answers }));

  expect(summary).toMatchObject({
    task,
    items: labels.length,
    isComplete: true,
    latencyUs: null,
    successRate: 1,
  });
  for (const [name, value] of Object.entries(metrics)) {
    if (value === null) expect(summary.metrics[name]).toBeNull();
    else expect(summary.metrics[name], name).toBeCloseTo(value, 12);
  }
});

test("answers that are absent, no answers, or to nothing that was asked are counted and listed", async () => {
  const labels = [{ class: "a" }, { class: "a" }, { class: "a" }];
  const answers = [{ class: "a" }, { kind: "a" }, { id: "stranger", class: "a" }];
  const rows: { id: string; type: string }[] = [];

  const summary = await runEval({
    ...(await recorded({ task: "classification", labels, answers })),
    onRow: (row) => rows.push(row),
  });

  expect(summary).toMatchObject({ measured: 1, items: 4, isComplete: false, successRate: 1 / 3 });
  expect(summary.faults).toMatchObject({
    "missing-answer": 1,
    "bad-answer": 1,
    "unknown-answer": 1,
    duplicate: 0,
  });
  expect(rows.filter(({ type }) => type === "fault").map(({ id }) => id)).toEqual(["i1", "i2", "stranger"]);
});

test("a set of which nothing could be measured is an error, not a figure", async () => {
  const set = await recorded({
    task: "classification",
    labels: [{ class: "a" }],
    answers: [{ id: "b", class: "a" }],
  });

  await expect(runEval(set)).rejects.toMatchObject({ code: "EVAL_INCOMPLETE" });
});

test("a model cannot answer a task Redline runs no model for, and one of model and answers is asked for", async () => {
  const set = await recorded({ task: "intent", labels: [{ intent: "a", slots: {} }], answers: [] });

  await expect(runEval({ data: set.data })).rejects.toMatchObject({ code: "USAGE" });
  await expect(runEval({ ...set, model: "road-seg" })).rejects.toMatchObject({ code: "USAGE" });
});

test("a run that was interrupted goes on from its rows, whole or cut, and comes to the same", async () => {
  const labels = Array.from({ length: 9 }, (_, i) => ({ class: i % 2 ? "a" : "b" }));
  const set = await recorded({ task: "classification", labels, answers: labels.map(() => ({ class: "a" })) });
  const items = join(folder, "rows.ndjson");
  const whole = await runEval(set);
  const stop = new AbortController();
  const begun = runEval({
    ...set,
    items,
    signal: stop.signal,
    onProgress: ({ done }) => done === 5 && stop.abort(),
  });
  await expect(begun).rejects.toThrow();
  const text = await readFile(items, "utf8");
  await truncate(items, Buffer.byteLength(text) - 7);

  const summary = await runEval({ ...set, items, resume: true });

  expect(summary).toEqual(whole);
  const rows = (await readFile(items, "utf8")).trimEnd().split("\n");
  expect(rows.map((row) => (JSON.parse(row) as { id?: string }).id)).toEqual([
    ...[undefined, "i0", "i1", "i2", "i3", "i4", "i5", "i6", "i7", "i8", undefined],
  ]);
});

test("rows of other labels are measured anew, and rows of another set or other answers are refused", async () => {
  const labels = [{ class: "a" }, { class: "b" }];
  const items = join(folder, "rows.ndjson");
  const answers = [{ class: "a" }, { class: "a" }];
  await runEval({ ...(await recorded({ task: "classification", labels, answers })), items });

  const others = await recorded({
    task: "classification",
    labels,
    answers: [{ class: "b" }, { class: "b" }],
  });
  await expect(runEval({ ...others, items, resume: true })).rejects.toMatchObject({ code: "EVAL_MISMATCH" });
  await expect(runEval({ ...others, items })).rejects.toMatchObject({ code: "OUTPUT_WRITE_FAILED" });
});

test("the worst items are listed, worst first", async () => {
  const texts = ["one two", "one two three four", "one"];
  const set = await recorded({
    task: "speech-recognition",
    labels: texts.map((text) => ({ text })),
    answers: [{ text: "one too" }, { text: "one two three" }, { text: "two" }],
  });

  const { worst } = await runEval(set);

  expect(worst.map(({ id }) => id)).toEqual(["i2", "i0", "i1"]);
});
