// Owns judging answers in words: choices, slots, constrained output, and what is made up. Knows no model.
// Invariant: an answer that cannot be read is wrong and counted as invalid, never left out.

import { wordsOf } from "./words.js";

/** Pairs right, claimed and labelled. */
export type PairCounts = readonly [right: number, claimed: number, labelled: number];

/** Slots by exact name and normalised value: the span F1 of CoNLL-2003 (Tjong Kim Sang and De Meulder), for values instead of spans. */
export function slotCounts(given: {
  readonly label: Readonly<Record<string, string>>;
  readonly answer: Readonly<Record<string, string>>;
}): PairCounts {
  const [label, answer] = [Object.entries(given.label), Object.entries(given.answer)];
  const right = answer.filter(
    ([name, value]) => name in given.label && sameText(given.label[name]!, value),
  ).length;
  return [right, answer.length, label.length];
}

/** Whether two texts have the same words after the normaliser. */
export function sameText(a: string, b: string): boolean {
  return wordsOf(a).join(" ") === wordsOf(b).join(" ");
}

/** What a field of constrained output must be: a JSON type, or one of these strings. */
export type FieldRule = "string" | "number" | "boolean" | readonly string[];

/** Whether a text is a JSON object with exactly these fields, each as its rule says. */
export function isConstrained(text: string, fields: Readonly<Record<string, FieldRule>>): boolean {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return false;
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return false;
  const values = parsed as Record<string, unknown>;
  const names = Object.keys(fields);
  if (Object.keys(values).length !== names.length) return false;
  return names.every((name) => {
    const rule = fields[name]!;
    const value = values[name];
    if (typeof rule === "string") return typeof value === rule;
    return typeof value === "string" && rule.includes(value);
  });
}

/** How an answer to a question over supplied text stands. */
export type Groundedness = "right" | "wrong" | "invented" | "withheld" | "rightly-withheld";

/**
 * Judges an answer as SQuAD 2.0 does (Rajpurkar, Jia and Liang, 2018): a question that the text does not answer is to be
 * withheld. `invented` is an answer to such a question; `wrong` is an answer that holds none of the accepted ones.
 */
export function judgeGrounded(given: {
  readonly accepted: readonly string[];
  readonly text: string;
  readonly isWithheld: boolean;
}): Groundedness {
  const isAnswerable = given.accepted.length > 0;
  if (given.isWithheld) return isAnswerable ? "withheld" : "rightly-withheld";
  if (!isAnswerable) return "invented";
  const said = ` ${wordsOf(given.text).join(" ")} `;
  const holds = given.accepted.some((one) => said.includes(` ${wordsOf(one).join(" ")} `));
  return holds ? "right" : "wrong";
}
