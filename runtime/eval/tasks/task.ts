// Owns what a task is to the runner: how one answer is measured, and what all measurements come to. Knows no file.
// Invariant: a measurement is plain JSON and holds all that the metrics need, so that a run can be taken up from its rows.

import type { z } from "zod";

/** Metrics by name; null where there was nothing to measure. */
export type MetricValues = Readonly<Record<string, number | null>>;

/** What one answer came to. */
export interface Measured<Counts> {
  /** All that the metrics need of this item, as plain JSON. */
  readonly counts: Counts;
  /** From 0, bad, to 1, good: what the worst items are picked by. Null where the item says nothing. */
  readonly score: number | null;
}

/** One task: its labels, its answers and its measure. */
export interface Task<Label, Answer, Counts> {
  readonly label: z.ZodType<Label>;
  readonly answer: z.ZodType<Answer>;
  measure(label: Label, answer: Answer): Measured<Counts>;
  summarise(all: readonly Counts[]): MetricValues;
}

/** A task whose types are settled inside it: the runner hands labels and answers from one side to the other. */
export type AnyTask = Task<unknown, unknown, unknown>;

/** Forgets a task's types; its own schemas check what comes in. */
export function anyTask<Label, Answer, Counts>(task: Task<Label, Answer, Counts>): AnyTask {
  return task as unknown as AnyTask;
}
