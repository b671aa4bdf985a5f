// Owns putting a load on a subject and writing down what came of it. Knows no model; time is the machine's monotonic clock.
// Invariant: latency counts from when a query was due, never from when the subject got round to it; every query is counted.

import { setTimeout as pause } from "node:timers/promises";
import type { Rng } from "../../runtime/core/rng.js";
import { arrivals, deadlineOf, type LoadShape } from "./load-shape.js";
import type { QueryEnd, Subject } from "./subject.js";

/** What a load came to. */
export interface LoadRecord {
  readonly startUs: number;
  /** From the first arrival to the last settlement. */
  readonly elapsedUs: number;
  /** When each query was due, from the start; the other lists follow the same order. */
  readonly dueUs: readonly number[];
  /** Due to settled. */
  readonly latencyUs: readonly number[];
  /** Due to known in JavaScript. */
  readonly heardUs: readonly number[];
  /** Due to issued: the harness's own error. Empty where arrivals are the subject's. */
  readonly arrivalErrorUs: readonly number[];
  /** 1 for a query that was not done in time. */
  readonly missed: readonly (0 | 1)[];
  readonly outcomes: Readonly<Record<string, number>>;
  /** Answers that were looked at and wrong, and the first of them. */
  readonly wrong: number;
  readonly firstWrong: string | null;
  /** Processor time the runs tell of; -1 when one did not. */
  readonly toldCpuUs: number;
}

/** What is put on what. */
export interface LoadGiven {
  readonly subject: Subject;
  readonly shape: LoadShape;
  readonly seconds: number;
  /** Where the subject decides when queries come, the load goes on until there were so many. Default 0. */
  readonly leastQueries?: number;
  readonly rng: Rng;
  readonly nowUs: () => number;
}

/** The coarse timer rings up to this early; the rest of the way is slept exactly when nobody is kept waiting by that. */
const COARSE_US = 2000;
const FIRST_US = 20_000;

/** Runs the load to its end; every query that was issued has settled when it resolves. */
export async function runLoad(given: LoadGiven): Promise<LoadRecord> {
  const tally = new Tally(given);
  if (given.shape.scenario === "single-stream") await closedLoop(given, tally, 1);
  else if (given.shape.scenario === "offline") await closedLoop(given, tally, given.shape.inFlight);
  else await openLoop(given, tally);
  return tally.record();
}

async function openLoop({ subject, shape, seconds, rng, nowUs }: LoadGiven, tally: Tally): Promise<void> {
  // A little ahead, so that the first arrival can be waited for like every other.
  const startUs = nowUs() + FIRST_US;
  tally.start(startUs);
  const pending = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  let index = 0;
  for (const offsetUs of arrivals(shape, { endUs: seconds * 1e6, rng })) {
    const dueUs = startUs + offsetUs;
    await waitUntil(dueUs, { nowUs, isIdle: () => pending.size === 0 });
    const issuedUs = nowUs();
    const settled: Promise<void> = subject
      .run(index, dueUs)
      .then((end) => tally.note({ index, dueUs, issuedUs }, end))
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .finally(() => pending.delete(settled));
    pending.add(settled);
    if (failure !== undefined) break;
    index += 1;
  }
  await Promise.all(pending);
  if (failure !== undefined) throw failure.error;
}

async function closedLoop(
  { subject, seconds, leastQueries = 0, nowUs }: LoadGiven,
  tally: Tally,
  inFlight: number,
): Promise<void> {
  const startUs = nowUs();
  const endUs = startUs + seconds * 1e6;
  tally.start(startUs);
  let next = 0;
  const stream = async (): Promise<void> => {
    while (nowUs() < endUs || next < leastQueries) {
      const index = next++;
      const dueUs = nowUs();
      tally.note({ index, dueUs, issuedUs: undefined }, await subject.run(index, dueUs));
    }
  };
  await Promise.all(Array.from({ length: inFlight }, stream));
}

const cell = new Int32Array(new SharedArrayBuffer(4));

/** Until an instant: by the event loop's timer, and the last stretch asleep on the thread unless a result may be due meanwhile. */
async function waitUntil(
  dueUs: number,
  { nowUs, isIdle }: { readonly nowUs: () => number; readonly isIdle: () => boolean },
): Promise<void> {
  const coarseMs = Math.floor((dueUs - nowUs() - COARSE_US) / 1000);
  if (coarseMs > 0) await pause(coarseMs);
  while (nowUs() < dueUs) {
    if (isIdle()) Atomics.wait(cell, 0, 0, Math.max(0, (dueUs - nowUs()) / 1000));
    else await pause(1);
  }
}

/** The lists of a record while they grow. */
class Tally {
  readonly #dueUs: number[] = [];
  readonly #latencyUs: number[] = [];
  readonly #heardUs: number[] = [];
  readonly #arrivalErrorUs: number[] = [];
  readonly #missed: (0 | 1)[] = [];
  readonly #outcomes: Record<string, number> = {};
  readonly #deadlineUs: number | null;
  readonly #nowUs: () => number;
  #startUs = 0;
  #lastUs = 0;
  #wrong = 0;
  #firstWrong: string | null = null;
  #toldCpuUs = 0;

  constructor({ shape, nowUs }: LoadGiven) {
    this.#deadlineUs = deadlineOf(shape);
    this.#nowUs = nowUs;
  }

  start(startUs: number): void {
    this.#startUs = startUs;
    this.#lastUs = startUs;
  }

  note(query: { index: number; dueUs: number; issuedUs: number | undefined }, end: QueryEnd): void {
    const { dueUs, issuedUs } = query;
    const latencyUs = end.settledUs - dueUs;
    const isLate = this.#deadlineUs !== null && latencyUs > this.#deadlineUs;
    this.#dueUs.push(dueUs - this.#startUs);
    this.#latencyUs.push(latencyUs);
    this.#heardUs.push(this.#nowUs() - dueUs);
    if (issuedUs !== undefined) this.#arrivalErrorUs.push(issuedUs - dueUs);
    this.#missed.push(end.isDone && !isLate ? 0 : 1);
    this.#outcomes[end.outcome] = (this.#outcomes[end.outcome] ?? 0) + 1;
    this.#lastUs = Math.max(this.#lastUs, end.settledUs);
    if (end.wrong !== undefined) {
      this.#wrong += 1;
      this.#firstWrong ??= end.wrong;
    }
    this.#toldCpuUs = end.cpuUs < 0 || this.#toldCpuUs < 0 ? -1 : this.#toldCpuUs + end.cpuUs;
  }

  record(): LoadRecord {
    return {
      startUs: this.#startUs,
      elapsedUs: Math.max(1, this.#lastUs - this.#startUs),
      dueUs: this.#dueUs,
      latencyUs: this.#latencyUs,
      heardUs: this.#heardUs,
      arrivalErrorUs: this.#arrivalErrorUs,
      missed: this.#missed,
      outcomes: this.#outcomes,
      wrong: this.#wrong,
      firstWrong: this.#firstWrong,
      toldCpuUs: this.#toldCpuUs,
    };
  }
}
