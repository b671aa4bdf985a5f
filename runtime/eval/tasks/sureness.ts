// Owns the metrics of answers that may carry a confidence or be withheld. Knows no task.
// Invariant: only answers with a confidence are judged by it, and how many those are is said.

import { z } from "zod";
import {
  abstentionRate,
  areaUnderRisk,
  calibrationError,
  riskCoverage,
  type Sure,
} from "../metrics/confidence.js";
import { ratio } from "../metrics/overlap.js";
import type { MetricValues } from "./task.js";

/** What every such answer may say of itself. */
export const SURENESS = {
  confidence: z.number().min(0).max(1).optional(),
  abstained: z.boolean().optional(),
};

/** One judged answer; a withheld one is neither right nor wrong. */
export interface Judged {
  readonly isRight: boolean;
  readonly isAbstained: boolean;
  readonly confidence: number | null;
}

/** Reads what an answer says of itself. */
export function judgedOf(
  answer: { readonly confidence?: number | undefined; readonly abstained?: boolean | undefined },
  isRight: boolean,
): Judged {
  const isAbstained = answer.abstained === true;
  return { isRight: isRight && !isAbstained, isAbstained, confidence: answer.confidence ?? null };
}

/** Abstention over all, accuracy over the answers given, calibration and risk over those with a confidence. */
export function surenessMetrics(all: readonly Judged[]): MetricValues {
  const given = all.filter(({ isAbstained }) => !isAbstained);
  const sure = given.flatMap(({ confidence, isRight }): Sure[] =>
    confidence === null ? [] : [[confidence, isRight]],
  );
  return {
    accuracy: ratio(all.filter(({ isRight }) => isRight).length, all.length),
    "accuracy-when-answered": ratio(given.filter(({ isRight }) => isRight).length, given.length),
    "abstention-rate": abstentionRate(all.map(({ isAbstained }) => isAbstained)),
    "answers-with-confidence": sure.length,
    "calibration-error": calibrationError(sure),
    "risk-coverage-area": areaUnderRisk(riskCoverage(sure)),
  };
}
