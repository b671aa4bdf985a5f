// Owns the promise of the printed forms: every example is a line its task takes, so nobody copies one that is refused.

import { expect, test } from "vitest";
import { TASK_FORMS } from "../../../runtime/eval/tasks/forms.js";
import { TASK_NAMES, TASKS } from "../../../runtime/eval/tasks/tasks.js";

test.each(TASK_NAMES)(
  "the example lines of %s are taken by its schemas, under one id, and measured",
  (task) => {
    const { label, answer } = TASK_FORMS[task];
    const bare = ({ id: _, input: __, ...rest }: Readonly<Record<string, unknown>>) => rest;

    if (answer !== null) expect(TASKS[task].answer.safeParse(bare(answer)).error).toBeUndefined();
    if (label !== null) expect(TASKS[task].label.safeParse(bare(label)).error).toBeUndefined();
    if (label === null || answer === null) return;
    const { score } = TASKS[task].measure(bare(label), bare(answer));
    expect(label.id).toBe(answer.id);
    expect(score).toBeGreaterThanOrEqual(0);
    expect(score).toBeLessThanOrEqual(1);
  },
);
