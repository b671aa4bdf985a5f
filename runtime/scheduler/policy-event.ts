// Owns how the scheduler's decisions are told: moves, modes and replaced lanes as events with cause and numbers.
// Knows no sink. Invariant: an event can be understood without any other.

import type { Criticality } from "../core/contract.js";
import { eventOf, type RedlineEvent } from "../core/events.js";
import { describeRung } from "../core/rung.js";
import type { LadderMove } from "./ladder.js";
import type { Mode } from "./mode-change.js";

/** A session's move on its ladder. */
export function moveEvent(move: LadderMove, session: string): RedlineEvent {
  const { from, to, cause, because, atUs } = move;
  const detail = `rung ${from.index} (${describeRung(from)}) to ${to.index} (${describeRung(to)}): ${cause}, ${because}`;
  return eventOf({ kind: "ladder.move", atUs, session, detail });
}

/** The machine's mode has changed. */
export function modeEvent(mode: Mode, atUs: number): RedlineEvent {
  const detail =
    mode === "protected"
      ? "protected: a critical job overran its WCET, lower classes are suspended"
      : "normal: critical jobs are within their WCET again";
  return eventOf({ kind: "mode.change", atUs, detail });
}

/** A lane was declared hung and another executor took its place. */
export function laneEvent({
  criticality,
  laneIndex,
  atUs,
}: {
  readonly criticality: Criticality;
  readonly laneIndex: number;
  readonly atUs: number;
}): RedlineEvent {
  const detail = `${criticality} lane ${laneIndex} did not stop within its grace`;
  return eventOf({ kind: "lane.replace", atUs, detail });
}
