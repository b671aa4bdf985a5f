// Owns what an unhurried frame takes the peer on this machine, and the period that follows from it. Knows no bar.
// Invariant: a load is given as a share of a period, so that it is the same load on a quick machine and on a slow one.

import { startArm } from "./child.js";
import type { LiveRequest, LiveResult } from "./live-block.js";
import { quantilesOf } from "./quantiles.js";

/** The period of which an unhurried frame takes the same share as 37 ms of 50 ms, the load of the reference figures. */
const AUTO_FACTOR = 1.35;

/** Long enough for 40 frames at the unhurried period. */
const SOLO_SECONDS = 20;

/** The p50 from capture to result of the peer's loops without a hog, at a period that leaves them all the time they want. */
export async function soloPipelineMs(
  request: Omit<LiveRequest, "drivingPeriodMs" | "hogs" | "seconds">,
): Promise<number> {
  const process = await startArm("peers/live-ort.js");
  try {
    const hogs = { count: 0, model: request.drivingModel };
    const unhurried = { ...request, drivingPeriodMs: 500, hogs, seconds: SOLO_SECONDS };
    const { driving } = await process.ask<LiveResult>("run", unhurried);
    return (quantilesOf(driving.heardUs).p50 ?? Number.NaN) / 1000;
  } finally {
    await process.close();
  }
}

/** A period as an option gives it: milliseconds, or `auto`. */
export function periodOf(
  word: string,
  { option, soloMs }: { readonly option: string; readonly soloMs: number },
): number {
  const periodMs = word === "auto" ? Math.round(soloMs * AUTO_FACTOR) : Number(word);
  if (!(periodMs > 0)) throw new Error(`--${option} takes milliseconds or auto, not ${word}`);
  return periodMs;
}
