// Owns one side of a comparison of live pipelines: what it is called, what it runs, what it came to. Knows no bar.
// Invariant: a block has a process of its own, hogs of a peer another; nothing of a block outlives it.

import type { PeerHogs } from "../peers/live-ort.js";
import { startArm } from "./child.js";
import type { HogRecord, LiveRequest, LiveResult } from "./live-block.js";
import { LiveTotals } from "./live-totals.js";
import type { Bench } from "./scenario.js";
import { atMost, atMostTimes, type Verdict } from "./verdict.js";

/** One side. */
export interface LiveArm {
  readonly name: string;
  readonly module: "arms/live-redline.js" | "peers/live-ort.js";
  readonly request: LiveRequest & { readonly provider: string };
  /** The niceness of hogs that have a process of their own; undefined where they share the pipelines'. */
  readonly hogNiceness?: 0 | 19;
  readonly totals: LiveTotals;
}

/** A side on Redline, which opens its voice model by name. */
export function redlineArm(name: string, request: LiveArm["request"]): LiveArm {
  return {
    name,
    module: "arms/live-redline.js",
    request: { ...request, voiceModel: "silero-vad" },
    totals: new LiveTotals(),
  };
}

/** A side on tuned onnxruntime-node, which opens models by path. */
export function peerArm(
  name: string,
  request: LiveArm["request"],
  hogs: Pick<LiveArm, "hogNiceness"> = {},
): LiveArm {
  return { name, module: "peers/live-ort.js", request, totals: new LiveTotals(), ...hogs };
}

/** Runs one block of a side in new processes, adds it to the side's totals and writes its row. */
export async function runLiveBlock(bench: Bench, arm: LiveArm, round: number): Promise<LiveResult> {
  const { request, hogNiceness } = arm;
  const hasOwnHogs = hogNiceness !== undefined;
  const pipelines = await startArm(arm.module);
  const hogs = hasOwnHogs ? await startArm("peers/live-ort.js") : undefined;
  try {
    await hogs?.ask("prepareHogs", {
      seconds: request.seconds,
      hogs: request.hogs,
      niceness: hogNiceness ?? 0,
    } satisfies PeerHogs);
    const burning = hogs?.ask<HogRecord>("burn");
    const shared = await pipelines.ask<LiveResult>(
      "run",
      hasOwnHogs ? { ...request, hogs: { ...request.hogs, count: 0 } } : request,
    );
    const result = burning === undefined ? shared : { ...shared, hogs: await burning };
    arm.totals.add(result);
    bench.row({ type: "block", arm: arm.name, round, ...LiveTotals.brief(result) });
    return result;
  } finally {
    await pipelines.close();
    await hogs?.close();
  }
}

/** A side's driving miss ratio against another's; with the counts behind it. */
export function missRatioAgainst(given: {
  readonly what: string;
  readonly ours: LiveTotals;
  readonly theirs: LiveTotals;
  readonly factor: number;
  readonly note: string;
  /** A ratio over fewer misses of the peer says nothing. Default 0. */
  readonly leastMisses?: number;
}): Verdict {
  const { what, ours, theirs, factor, leastMisses = 0 } = given;
  const peers = theirs.driving.missRatio;
  const counts = `Redline ${ours.driving.misses} of ${ours.driving.n}, peer ${theirs.driving.misses} of ${theirs.driving.n}; hog runs ${ours.hogRuns} and ${theirs.hogRuns}`;
  const note = `${counts}; ${given.note}`;
  const of = "the peer's";
  if (theirs.driving.misses < leastMisses) {
    const asked = `the peer missed fewer than ${leastMisses}: raise the load; ${note}`;
    return atMostTimes({ what, ours: null, theirs: peers, factor, of, note: asked });
  }
  // A ratio over a peer that missed nothing says nothing; then only nothing missed is as good.
  if (peers === 0) {
    const bar = `<= ${factor}x the peer's`;
    return atMost({ what, bar, measured: ours.driving.missRatio, limit: 0, unit: "share", note });
  }
  return atMostTimes({ what, ours: ours.driving.missRatio, theirs: peers, factor, of, note });
}
