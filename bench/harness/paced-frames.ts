// Owns the measured loop over speech frames at real-time pace. Knows no runtime: an arm hands in how a frame is run.
// Invariant: a frame is ready when its timer rings, or at its instant if the frame before it held up the loop: delay
// of an arm counts as that arm's latency, delay of the timer as nobody's.

import { setTimeout as pause } from "node:timers/promises";

/** What one frame came to. */
export interface FrameResult {
  readonly probability: number;
  /** Capture to settlement as taken natively; absent for a runtime that takes no such time. */
  readonly settleUs?: number;
}

/** How an arm runs one frame of 512 samples. Frames come in order, one at a time. */
export type FrameRunner = (frame: Float32Array) => Promise<FrameResult> | FrameResult;

/** Which frames a block runs. */
export interface FrameBlock {
  readonly first: number;
  readonly count: number;
  readonly periodMs: number;
}

/** One block's measurements. */
export interface BlockResult {
  /** From frame ready to result in JavaScript. */
  readonly heardUs: readonly number[];
  readonly settleUs: readonly number[];
  readonly probabilities: readonly number[];
  /** Processor time of the whole process over the block and one period after it. */
  readonly cpuUs: number;
}

/** Runs a block of frames, which wrap around at the end of the speech. */
export async function runPaced(
  frames: readonly Float32Array[],
  block: FrameBlock & { readonly run: FrameRunner },
): Promise<BlockResult> {
  const heardUs: number[] = [];
  const settleUs: number[] = [];
  const probabilities: number[] = [];
  const startCpu = process.cpuUsage();
  const startMs = performance.now();
  for (let index = 0; index < block.count; index++) {
    const dueMs = startMs + index * block.periodMs;
    const isHeldUp = performance.now() > dueMs + 1;
    if (!isHeldUp) await pause(Math.max(0, dueMs - performance.now()));
    const frame = frames[(block.first + index) % frames.length]!;
    const readyMs = isHeldUp ? dueMs : performance.now();
    const pending = block.run(frame);
    const result = pending instanceof Promise ? await pending : pending;
    heardUs.push((performance.now() - readyMs) * 1000);
    probabilities.push(result.probability);
    if (result.settleUs !== undefined) settleUs.push(result.settleUs);
  }
  // What an arm leaves running after its last frame belongs to that frame.
  await pause(block.periodMs);
  const { user, system } = process.cpuUsage(startCpu);
  return { heardUs, settleUs, probabilities, cpuUs: user + system };
}
