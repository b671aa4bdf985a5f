// Owns when a subject is warm: its run time has stopped changing. Knows no model.
// Invariant: the rule is stated in every row; a subject that never settles is measured as it is, and the row says so.

import { quantilesOf } from "../harness/quantiles.js";

const WINDOW_RUNS = 16;
const STABLE_WINDOWS = 3;
const WITHIN = 0.1;
const MOST_MS = 10_000;

/** The rule in words. */
export const WARM_UP_RULE = `back to back until the medians of ${STABLE_WINDOWS} windows of ${WINDOW_RUNS} runs in a row lie within ${WITHIN * 100} %, at most ${MOST_MS / 1000} s`;

/** How the warm-up went. */
export interface WarmUp {
  readonly runs: number;
  readonly ms: number;
  readonly isStable: boolean;
}

/** Runs until stable. `run` is one query from issue to result. */
export async function warmUp(
  run: (index: number) => Promise<unknown>,
  nowMs: () => number = () => performance.now(),
): Promise<WarmUp> {
  const startMs = nowMs();
  const medians: number[] = [];
  let runs = 0;
  while (nowMs() - startMs < MOST_MS) {
    const tookMs: number[] = [];
    for (let count = 0; count < WINDOW_RUNS; count++) {
      const fromMs = nowMs();
      await run(runs);
      tookMs.push(nowMs() - fromMs);
      runs += 1;
    }
    medians.push(quantilesOf(tookMs).p50 ?? 0);
    const last = medians.slice(-STABLE_WINDOWS);
    const isStable = last.length === STABLE_WINDOWS && Math.max(...last) <= Math.min(...last) * (1 + WITHIN);
    if (isStable) return { runs, ms: nowMs() - startMs, isStable: true };
  }
  return { runs, ms: nowMs() - startMs, isStable: false };
}
