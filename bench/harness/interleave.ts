// Owns the order in which arms are measured: short blocks, in turn, each round beginning with the next arm.
// Invariant: every arm gets the same number of blocks, and a drift of the machine falls on all of them alike.

import { setTimeout as pause } from "node:timers/promises";

/** Which arms, how many rounds, and how one block is measured. */
export interface Interleaving<Arm> {
  readonly arms: readonly Arm[];
  readonly rounds: number;
  /** Runs one block of one arm. Blocks follow each other, never overlap. */
  readonly block: (arm: Arm, round: number) => Promise<void>;
  /** Quiet time between blocks, so that what one arm leaves running (spinning threads) has ended. Default 150 ms. */
  readonly restMs?: number;
}

/** Runs `rounds` blocks of every arm: A B C, B C A, C A B, ... */
export async function interleave<Arm>(given: Interleaving<Arm>): Promise<void> {
  for (let round = 0; round < given.rounds; round++) {
    for (const arm of turn(given.arms, round)) {
      await given.block(arm, round);
      await pause(given.restMs ?? 150);
    }
  }
}

/** The arms in the order of a round. */
export function turn<Arm>(arms: readonly Arm[], round: number): Arm[] {
  const first = arms.length === 0 ? 0 : round % arms.length;
  return [...arms.slice(first), ...arms.slice(0, first)];
}
