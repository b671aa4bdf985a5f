// Owns an example of every line that labels and recorded answers are written in. Knows no measure.
// Invariant: each example is one its task's own schema takes, and `redline eval --forms` prints no other.

import type { EvalTaskName } from "./tasks.js";

/** A line of labels and the line that answers it. A label may carry `input`, for whoever makes the answers. */
export interface TaskForm {
  /** Null where labels are files: masks beside pictures, or a TSV file of segments. */
  readonly label: Readonly<Record<string, unknown>> | null;
  /** Null where only a model can answer. */
  readonly answer: Readonly<Record<string, unknown>> | null;
}

/** One example a task. */
export const TASK_FORMS: Readonly<Record<EvalTaskName, TaskForm>> = {
  "road-segmentation": { label: null, answer: null },
  "voice-activity": {
    label: null,
    answer: { id: "call-1", frameMs: 32, probabilities: [0.01, 0.97, null], segments: [[30, 96]] },
  },
  detection: {
    label: { id: "frame-1", boxes: [{ class: "face", box: [10, 20, 64, 80] }] },
    answer: { id: "frame-1", boxes: [{ class: "face", box: [12, 19, 60, 82], score: 0.93 }] },
  },
  "lane-lines": {
    label: { id: "frame-1", rows: [240, 250, 260], lanes: [[632, 625, -2]] },
    answer: { id: "frame-1", lanes: [[630, 626, -2]] },
  },
  "wake-word": {
    label: { id: "drive-1", durationMs: 600_000, words: [[12_000, 12_640]] },
    answer: { id: "drive-1", detections: [{ atMs: 12_700, score: 0.91 }] },
  },
  endpoint: { label: { id: "turn-1", speechEndMs: 2310 }, answer: { id: "turn-1", decidedMs: 2790 } },
  "speech-recognition": {
    label: { id: "a.wav", input: "a.wav", text: "turn on the headlights" },
    answer: { id: "a.wav", text: "turn on the head lights" },
  },
  intent: {
    label: { id: "q-1", input: "an iced latte", intent: "order", slots: { drink: "latte", how: "iced" } },
    answer: { id: "q-1", intent: "order", slots: { drink: "latte" }, confidence: 0.8 },
  },
  classification: {
    label: { id: "x-1", class: "yes" },
    answer: { id: "x-1", class: "no", confidence: 0.55, abstained: false },
  },
  "multiple-choice": {
    label: { id: "q-1", options: ["A", "B", "C"], correct: "B" },
    answer: { id: "q-1", choice: "B" },
  },
  "constrained-output": {
    label: { id: "q-1", fields: { degrees: "number", unit: ["celsius", "kelvin"] } },
    answer: { id: "q-1", text: '{"degrees": 21, "unit": "celsius"}' },
  },
  "grounded-answers": {
    label: { id: "q-1", answers: ["ten minutes", "10 minutes"] },
    answer: { id: "q-1", text: "It takes ten minutes.", confidence: 0.7 },
  },
};
