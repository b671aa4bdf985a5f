// Owns what every verb is given: a way to do its work with somewhere to say it. Knows no verb.

import type { Output } from "./output.js";

/** What a verb is given besides its own arguments. */
export interface Surroundings {
  readonly output: Output;
  /** Fires on the first interrupt: finish what is running and return. */
  readonly signal: AbortSignal;
}

/** Runs a verb's work; given to each verb so that it declares arguments and nothing else. */
export type Perform = (work: (surroundings: Surroundings) => Promise<void>) => Promise<void>;
