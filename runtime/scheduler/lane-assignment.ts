// Owns which lane of its criticality class a session uses. Knows no thread and no cost.
// Invariant: a session keeps its lane from open to close.

import { CRITICALITIES, type Criticality } from "../core/contract.js";

/**
 * Spreads the sessions of one class over the class's lanes: the lane with the fewest sessions takes the next one,
 * so that two critical models run side by side instead of blocking each other while there are lanes to spare.
 */
export class LaneAssignment {
  private readonly sessions: Record<Criticality, number[]>;

  /** @param lanesPerClass usually the number of cores: more lanes could not run at once. */
  constructor(lanesPerClass: number) {
    const empty = (): number[] => new Array<number>(lanesPerClass).fill(0);
    this.sessions = Object.fromEntries(CRITICALITIES.map((name) => [name, empty()])) as Record<
      Criticality,
      number[]
    >;
  }

  assign(criticality: Criticality): number {
    const counts = this.sessions[criticality];
    const laneIndex = counts.indexOf(Math.min(...counts));
    counts[laneIndex]! += 1;
    return laneIndex;
  }

  release(criticality: Criticality, laneIndex: number): void {
    this.sessions[criticality][laneIndex]! -= 1;
  }
}
