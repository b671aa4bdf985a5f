// Owns the form of the driving pipeline's results, as programs read them. Knows no session and no files.
// Invariant: plain JSON; a frame that gave no result has nulls in the place of one, never an old one.

import type { ErrorCode } from "../core/errors.js";
import type { OutcomeStatus } from "../core/outcome.js";
import { describeRung, type Rung } from "../core/rung.js";
import type { FrameFault, ImageFrame } from "../sources/frame.js";
import type { RoadView } from "./segment.js";

/** One frame's result. */
export interface FrameEvent {
  readonly type: "frame";
  readonly id: number;
  readonly source: string;
  /** How the frame's job settled; `dropped` also for a frame the supervisor refused. */
  readonly outcome: OutcomeStatus;
  /**
   * The rung of the session's ladder the frame ran on, or would have: index 0 is as planned, a higher one is a degraded
   * result. Null for a frame the supervisor refused: it never reached the session.
   */
  readonly rung: { readonly index: number; readonly says: string } | null;
  /** Null unless the outcome is `done` or `late`. */
  readonly drivable: RoadView["drivable"] | null;
  /** Null unless the outcome is `done` or `late`. */
  readonly lanes: RoadView["lanes"] | null;
  /**
   * Mean softmax margin over all network pixels claimed as drivable or lane, 0 to 1. Exactly 0 when the pipeline abstains
   * (see the flags) or nothing is claimed; null without a result.
   */
  readonly confidence: number | null;
  /**
   * The supervisor's findings (`frozen`, `black`, `out-of-order`, `late`, `size-changed`), `abstain` when they make the
   * result void, `lagging` when more than 20 % of frames go by unseen, the source's own (`interlaced`), and for an outcome
   * other than `done` its reason.
   */
  readonly flags: readonly string[];
}

/** A frame that could not be read; the pipeline goes on. */
export interface FrameErrorEvent {
  readonly type: "frame-error";
  readonly id: number;
  readonly source: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** What `watchRoad` gives for each frame. Tell them apart by `type`. */
export type RoadEvent = FrameEvent | FrameErrorEvent;

/** The event of a frame that could not be read. */
export function faultEvent({ id, source, error }: FrameFault): FrameErrorEvent {
  return { type: "frame-error", id, source, code: error.code, message: error.message };
}

/** The event of a frame that was settled, with what it shows if anything. */
export function frameEvent(
  frame: ImageFrame,
  settled: {
    readonly outcome: OutcomeStatus;
    readonly rung: Rung | undefined;
    readonly view: RoadView | undefined;
    readonly isAbstaining: boolean;
    readonly flags: readonly string[];
  },
): FrameEvent {
  const { view, rung } = settled;
  const flags = [...(frame.flags ?? []), ...settled.flags];
  if (settled.isAbstaining) flags.push("abstain");
  return {
    type: "frame",
    id: frame.id,
    source: frame.source,
    outcome: settled.outcome,
    rung: rung === undefined ? null : { index: rung.index, says: describeRung(rung) },
    drivable: view?.drivable ?? null,
    lanes: view?.lanes ?? null,
    confidence: view === undefined ? null : settled.isAbstaining ? 0 : view.confidence,
    flags: [...new Set(flags)],
  };
}
