// Owns the word a scheduler publishes for a session, and its form in 32 bits. Knows no policy and no lane.
// Invariant: a word is read whole or not at all; decoding an encoded word gives it back, its allowance at most the largest.

import { CRITICALITIES, type Criticality } from "./contract.js";

/** All that a lane is told about a session; published at control rate, acted on at job rate. */
export interface SessionWord {
  /** The class its jobs run in: a session that was not admitted runs as `background`. */
  readonly criticality: Criticality;
  /** No job of it starts: new ones settle `rejected / suspended`, waiting ones `cancelled / preempted`. */
  readonly isSuspended: boolean;
  /** Its running job is stopped where a higher class would wait for it, and when the session is suspended. */
  readonly isCancelledIfBlocking: boolean;
  /** How long before its deadline a job must have started, unless its late result is kept; 0 leaves that to the job itself. */
  readonly latestStartAllowanceUs: number;
}

/** The largest allowance a word holds: four and a half minutes; longer ones count as this one. */
export const ALLOWANCE_US_MAX = 2 ** 28 - 1;

/** What a session starts with: its class, and nothing that would change a job. */
export function initialWord(criticality: Criticality): SessionWord {
  return { criticality, isSuspended: false, isCancelledIfBlocking: false, latestStartAllowanceUs: 0 };
}

/** Class in two bits, suspended in one, cancelled if blocking in one, the allowance in the other 28. */
export function encodeWord(word: SessionWord): number {
  const allowanceUs = Math.min(Math.max(0, Math.round(word.latestStartAllowanceUs)), ALLOWANCE_US_MAX);
  const flags = (word.isSuspended ? 4 : 0) | (word.isCancelledIfBlocking ? 8 : 0);
  return (CRITICALITIES.indexOf(word.criticality) | flags | (allowanceUs << 4)) >>> 0;
}

/** What `encodeWord` was given. Throws on a class that does not exist: such a word was never encoded. */
export function decodeWord(bits: number): SessionWord {
  const criticality = CRITICALITIES[bits & 3];
  if (criticality === undefined) throw new Error(`no session word: ${bits}`);
  return {
    criticality,
    isSuspended: (bits & 4) !== 0,
    isCancelledIfBlocking: (bits & 8) !== 0,
    latestStartAllowanceUs: bits >>> 4,
  };
}

/** Whether two words say the same. */
export function isSameWord(a: SessionWord, b: SessionWord): boolean {
  return encodeWord(a) === encodeWord(b);
}
