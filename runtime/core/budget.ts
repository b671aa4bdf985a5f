// Owns the words of the power budget: pressure, bands, levers, and where a figure comes from. Knows no sensor.
// Invariant: a pressure is frozen; its watts are a finite number at or above zero, or the word unknown: never a guessed zero.

import type { Criticality } from "./contract.js";

/** How hot or hard pressed the machine is. Each band includes what the bands before it ask for. */
export const POWER_BANDS = ["green", "yellow", "red", "danger"] as const;
/** One band of the table. */
export type PowerBand = (typeof POWER_BANDS)[number];

/** Where a figure of power or energy comes from: a counter or sensor, a model of one, or nowhere. */
export type FigureSource = "measured" | "estimated" | "unknown";

/**
 * What the governor publishes, at most ten times a second, and the data plane only reads.
 *
 * It is a state, not an order: `saveWatts` is what is still to be saved, or may still be spent, as of `atUs`. A
 * reader that has just acted on it waits one window before it acts on it again, because an action shows in the
 * readings only later; within three windows the average is then under the budget. Who pays is the reader's choice.
 */
export interface PowerPressure {
  readonly atUs: number;
  /** Average draw of the package over the window. */
  readonly watts: number | "unknown";
  /** What holds now: the configured budget as supply and band shrink it. Infinity where there is none. */
  readonly budgetWatts: number;
  /** Above zero: must be saved. Below zero: headroom, and a lower rung may climb if it costs no more. Zero: stay. */
  readonly saveWatts: number;
  /** Red leaves no background session, danger only critical ones. */
  readonly band: PowerBand;
  readonly source: FigureSource;
}

/** The lowest criticality each band lets run. */
export const BAND_KEEPS: Readonly<Record<PowerBand, Criticality>> = Object.freeze({
  green: "background",
  yellow: "background",
  red: "interactive",
  danger: "critical",
});

/**
 * What the governor may ask for besides watts; the scheduler and the plans decide for whom. Every lever has one word
 * for "as planned" and one for "as little as possible".
 */
export interface PowerAsk {
  /** Whether sessions above rung 0's energy go down a rung first. */
  readonly rung: "planned" | "lowest-that-keeps-the-contract";
  readonly rate: "planned" | "lowest-that-keeps-the-contract";
  readonly threads: "planned" | "one";
  readonly spin: "planned" | "never";
  readonly device: "planned" | "least-energy";
  /** ONNX Runtime's `ep.dynamic.workload_type`, for providers that know it. */
  readonly workloadType: "Default" | "Efficient";
  /** The kernel's energy_performance_preference, where writing it is permitted and asked for. */
  readonly cpuPreference: "performance" | "balance_performance" | "balance_power" | "power";
}

/** Nothing is asked for. */
export const AS_PLANNED: PowerAsk = Object.freeze({
  rung: "planned",
  rate: "planned",
  threads: "planned",
  spin: "planned",
  device: "planned",
  workloadType: "Default",
  cpuPreference: "balance_performance",
});

/** The part of an ask that a session follows by being opened anew. */
export type ThreadAsk = Pick<PowerAsk, "threads" | "spin">;

/** The port through which schedulers and plans read the budget. Every call returns at once. */
export interface BudgetSource {
  pressure(): PowerPressure;
  ask(): PowerAsk;
  /** Sessions whose recent jobs take more energy than their contracts allow, by name, each with both figures in words. */
  overspent(): ReadonlyMap<string, string>;
}
