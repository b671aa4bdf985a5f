// Owns what a scenario is and what it is given. Knows no particular scenario.
// Invariant: an option is declared with the value of a full run and that of a quick one; a scenario reads no other.

import type { Quantiles } from "./quantiles.js";
import type { Verdict } from "./verdict.js";

/** One option of a scenario. */
export interface ScenarioOption {
  /** As typed after `--`. */
  readonly name: string;
  readonly about: string;
  /** Value of a full run. */
  readonly full: string;
  /** Value with `--quick`: proves that the scenario works, not that a bar holds. */
  readonly quick: string;
}

/** One row of results: quantiles of one metric of one arm, or a plain record. */
export type Row = Readonly<Record<string, unknown>> & { readonly type: string };

/** What a scenario is given. */
export interface Bench {
  text(option: string): string;
  number(option: string): number;
  /** Writes a row to the results. */
  row(row: Row): void;
  /** Writes the quantiles of one metric of one arm. */
  samples(given: {
    readonly arm: string;
    readonly metric: string;
    readonly unit: string;
    readonly quantiles: Quantiles;
  }): void;
  /** Says what is going on, to people only. */
  say(line: string): void;
}

/** One line of the table of things Redline must show. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  readonly options: readonly ScenarioOption[];
  run(bench: Bench): Promise<readonly Verdict[]>;
}

/** Options several scenarios share. */
export const SHARED_OPTIONS = {
  provider: {
    name: "provider",
    about: "Redline's provider: ort (the native host) or ort-node (the fallback)",
    full: "ort",
    quick: "ort",
  },
} as const satisfies Record<string, ScenarioOption>;
