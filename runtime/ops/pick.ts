// Owns the choice between implementations of an op: measured at the first use of each form, then kept. Knows no op.
// Invariant: the fastest candidate of the measurement is the one used; every candidate computes the same, so that a
// choice never shows in a result.

import { LIMITS } from "../core/limits.js";
import type { OpKernels } from "./kernels.js";

/** What was chosen for one form of an op, and against what. */
export interface Pick {
  readonly key: string;
  readonly chosen: string;
  /** Best time of each candidate in microseconds. */
  readonly bestUs: Readonly<Record<string, number>>;
}

/** Each candidate runs this long, or once, before it is timed: until then a script is interpreted and memory is cold. */
const WARM_UP_MS = 0.5;
/** Timed rounds. A candidate far behind the best of the first is not run again. */
const ROUNDS = 5;
const FAR_BEHIND = 3;
/** Calls of one sample: enough of them that a short op is not measured by the clock's own grain. */
const SAMPLE_MS = 0.05;
const CALLS_MAX = 256;

/** Chooses among the same candidates for every op. */
export class OpPicker {
  readonly #candidates: readonly OpKernels[];
  readonly #nowMs: () => number;
  readonly #chosen = new Map<string, OpKernels>();
  readonly #picks = new Map<string, Pick>();

  constructor(candidates: readonly OpKernels[], nowMs: () => number = () => performance.now()) {
    this.#candidates = candidates;
    this.#nowMs = nowMs;
  }

  /** Every choice made so far. */
  get picks(): readonly Pick[] {
    return [...this.#picks.values()];
  }

  /** The implementation chosen for this form of an op, if it has been used before. */
  chosen(key: string): OpKernels | undefined {
    return this.#chosen.get(key);
  }

  /**
   * Measures the candidates and keeps the fastest. `call` is the op itself on the caller's own arguments: a kernel must not
   * depend on what a run before it wrote.
   */
  measure(key: string, call: (kernels: OpKernels) => void): OpKernels {
    const best = new Map(this.#candidates.map((candidate) => [candidate, Number.POSITIVE_INFINITY]));
    const calls = new Map(this.#candidates.map((candidate) => [candidate, this.#warmUp(candidate, call)]));
    for (let round = 0; round < ROUNDS; round++) {
      const least = Math.min(...best.values());
      for (const candidate of this.#candidates) {
        if (round > 0 && best.get(candidate)! > FAR_BEHIND * least) continue;
        const us = this.#time(candidate, { call, times: calls.get(candidate)! });
        best.set(candidate, Math.min(best.get(candidate)!, us));
      }
    }
    const chosen = [...best].reduce((least, entry) => (entry[1] < least[1] ? entry : least))[0];
    this.#keep(key, { chosen, best });
    return chosen;
  }

  /** Answers how many calls make a sample. */
  #warmUp(candidate: OpKernels, call: (kernels: OpKernels) => void): number {
    const startMs = this.#nowMs();
    let times = 0;
    let elapsedMs = 0;
    while (times === 0 || (elapsedMs < WARM_UP_MS && times < CALLS_MAX)) {
      call(candidate);
      times++;
      elapsedMs = this.#nowMs() - startMs;
    }
    return Math.min(CALLS_MAX, Math.max(1, Math.ceil(SAMPLE_MS / (elapsedMs / times))));
  }

  /** Microseconds of one call. */
  #time(
    candidate: OpKernels,
    { call, times }: { call: (kernels: OpKernels) => void; times: number },
  ): number {
    const startMs = this.#nowMs();
    for (let i = 0; i < times; i++) call(candidate);
    return ((this.#nowMs() - startMs) * 1000) / times;
  }

  #keep(key: string, { chosen, best }: { chosen: OpKernels; best: ReadonlyMap<OpKernels, number> }): void {
    for (const oldest of this.#chosen.keys()) {
      if (this.#chosen.size < LIMITS.opPicks) break;
      this.#chosen.delete(oldest);
      this.#picks.delete(oldest);
    }
    const bestUs = Object.fromEntries([...best].map(([{ name }, us]) => [name, Math.round(us * 100) / 100]));
    this.#chosen.set(key, chosen);
    this.#picks.set(key, Object.freeze({ key, chosen: chosen.name, bestUs }));
  }
}
