// Owns the measures of answers in words and classes: intent, choice, constrained output, grounded answers, classes. Knows no file.

import { z } from "zod";
import {
  type FieldRule,
  type Groundedness,
  isConstrained,
  judgeGrounded,
  type PairCounts,
  slotCounts,
} from "../metrics/answers.js";
import { fScore, ratio, sumCounts } from "../metrics/overlap.js";
import { type Judged, judgedOf, SURENESS, surenessMetrics } from "./sureness.js";
import type { Task } from "./task.js";

const slots = z.record(z.string(), z.string());

interface Sureness {
  confidence?: number | undefined;
  abstained?: boolean | undefined;
}

type Intent = { intent: string; slots: Record<string, string> };

/** Intent: accuracy, and F1 of its slots. */
export const INTENT: Task<Intent, Intent & Sureness, { judged: Judged; slots: PairCounts }> = {
  label: z.strictObject({ intent: z.string(), slots }),
  answer: z.strictObject({ intent: z.string(), slots, ...SURENESS }),
  measure(label, answer) {
    const judged = judgedOf(answer, answer.intent === label.intent);
    const pairs = slotCounts({ label: label.slots, answer: judged.isAbstained ? {} : answer.slots });
    const [right, claimed, labelled] = pairs;
    const wrong = claimed - right + labelled - right;
    const score = judged.isRight ? 0.5 + 0.5 / (1 + wrong) : 0;
    return { counts: { judged, slots: pairs }, score };
  },
  summarise(all) {
    const [right = 0, claimed = 0, labelled = 0] = sumCounts(
      all.map((counts) => counts.slots),
      3,
    );
    const precision = ratio(right, claimed);
    const recall = ratio(right, labelled);
    return {
      ...surenessMetrics(all.map(({ judged }) => judged)),
      "slot-precision": precision,
      "slot-recall": recall,
      "slot-f": fScore({ precision, recall }),
    };
  },
};

/** One of several classes. */
export const CLASSIFICATION: Task<{ class: string }, { class: string } & Sureness, Judged> = {
  label: z.strictObject({ class: z.string() }),
  answer: z.strictObject({ class: z.string(), ...SURENESS }),
  measure(label, answer) {
    const counts = judgedOf(answer, answer.class === label.class);
    return { counts, score: counts.isRight ? 1 : 0 };
  },
  summarise: surenessMetrics,
};

interface Choice {
  options: string[];
  correct: string;
}

/** Multiple choice: an answer that is none of the options is invalid, and wrong. */
export const MULTIPLE_CHOICE: Task<
  Choice,
  { choice: string } & Sureness,
  { judged: Judged; isValid: boolean }
> = {
  label: z
    .strictObject({ options: z.array(z.string()).min(2), correct: z.string() })
    .refine(({ options, correct }) => options.includes(correct), {
      message: "the correct one among the options",
    }),
  answer: z.strictObject({ choice: z.string(), ...SURENESS }),
  measure({ options, correct }, answer) {
    const choice = answer.choice.trim();
    const judged = judgedOf(answer, choice === correct);
    const isValid = judged.isAbstained || options.includes(choice);
    return { counts: { judged, isValid }, score: judged.isRight ? 1 : 0 };
  },
  summarise: (all) => ({
    ...surenessMetrics(all.map(({ judged }) => judged)),
    "validity-rate": ratio(all.filter(({ isValid }) => isValid).length, all.length),
  }),
};

/** Constrained output: a JSON object with exactly the fields that were asked for. */
export const CONSTRAINED_OUTPUT: Task<{ fields: Record<string, FieldRule> }, { text: string }, boolean> = {
  label: z.strictObject({
    fields: z.record(
      z.string(),
      z.union([z.enum(["string", "number", "boolean"]), z.array(z.string()).min(1)]),
    ),
  }),
  answer: z.strictObject({ text: z.string() }),
  measure({ fields }, { text }) {
    const counts = isConstrained(text, fields);
    return { counts, score: counts ? 1 : 0 };
  },
  summarise: (all) => ({ "validity-rate": ratio(all.filter(Boolean).length, all.length) }),
};

interface Grounded {
  stands: Groundedness;
  judged: Judged;
}

/** Questions over supplied text; no accepted answer means that the text does not answer them. */
export const GROUNDED_ANSWERS: Task<{ answers: string[] }, { text: string } & Sureness, Grounded> = {
  label: z.strictObject({ answers: z.array(z.string().min(1)) }),
  answer: z.strictObject({ text: z.string(), ...SURENESS }),
  measure({ answers }, answer) {
    const isWithheld = answer.abstained === true;
    const stands = judgeGrounded({ accepted: answers, text: answer.text, isWithheld });
    const judged = judgedOf(answer, stands === "right");
    const isGood = stands === "right" || stands === "rightly-withheld";
    return { counts: { stands, judged }, score: isGood ? 1 : stands === "withheld" ? 0.5 : 0 };
  },
  summarise(all) {
    const count = (...stands: Groundedness[]): number =>
      all.filter((one) => stands.includes(one.stands)).length;
    const { accuracy: _, ...sureness } = surenessMetrics(all.map(({ judged }) => judged));
    return {
      ...sureness,
      "answerable-accuracy": ratio(count("right"), count("right", "wrong", "withheld")),
      "hallucination-rate": ratio(count("wrong", "invented"), all.length),
      "invented-rate": ratio(count("invented"), count("invented", "rightly-withheld")),
      "needless-abstention-rate": ratio(count("withheld"), count("right", "wrong", "withheld")),
    };
  },
};
