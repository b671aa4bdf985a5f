// Owns what goes wrong and when, drawn from the seed. Knows no machine: the house does what a fault says.
// Invariant: no fault begins or lasts beyond the end of its phase.

import type { Rng } from "../../runtime/core/rng.js";

/** Everything that can go wrong. The order is part of the log. */
export const FAULT_KINDS = [
  "slow-run",
  "hung-run",
  "provider-crash",
  "lane-death",
  "sensor-lost",
  "sensor-lies",
  "thermal-step",
  "battery",
  "wrong-frames",
  "device-lost",
  "burst",
  "drift",
  "silence",
] as const;
/** One of `FAULT_KINDS`. */
export type FaultKind = (typeof FAULT_KINDS)[number];

/** One fault of a phase. */
export interface Fault {
  readonly kind: FaultKind;
  readonly atUs: number;
  readonly untilUs: number;
  /** A number to choose the victim by. */
  readonly target: number;
  /** How bad, in [0, 1). */
  readonly size: number;
}

/** Faults that happen in an instant. */
export const SUDDEN: ReadonlySet<FaultKind> = new Set([
  "slow-run",
  "hung-run",
  "provider-crash",
  "lane-death",
]);

/** The faults of one phase: none in one phase of eight, only those of power in one of four, else a few of any. */
export function drawFaults(rng: Rng, { fromUs, untilUs }: { fromUs: number; untilUs: number }): Fault[] {
  const mood = rng.next();
  if (mood < 0.125) return [];
  const isPowerOnly = mood < 0.375;
  const kinds: readonly FaultKind[] = isPowerOnly
    ? ["sensor-lost", "thermal-step", "battery", "battery"]
    : FAULT_KINDS;
  const count = 1 + rng.below(isPowerOnly ? 2 : 6);
  return Array.from({ length: count }, () => {
    const kind = kinds[rng.below(kinds.length)]!;
    const atUs = fromUs + rng.below(untilUs - fromUs);
    const restUs = untilUs - atUs;
    const lastUs = SUDDEN.has(kind) ? 0 : Math.floor(restUs * (0.2 + 0.8 * rng.next()));
    return { kind, atUs, untilUs: atUs + lastUs, target: rng.below(1024), size: rng.next() };
  }).sort((a, b) => a.atUs - b.atUs);
}
