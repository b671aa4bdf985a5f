// Owns the three arms of the event-loop scenario, one to a process: nothing at all, Redline, onnxruntime-node.
// Invariant: each loads and runs the same file on the thread whose gaps are measured; the library itself is warm.

import { setTimeout as pause } from "node:timers/promises";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { createRuntime, type Runtime } from "../../runtime/index.js";
import { serveArm } from "../harness/child.js";
import { LoopGaps } from "../harness/loop-gaps.js";
import { zeroInputs, zeros } from "../harness/zero-inputs.js";
import { PEER_OPTIONS, type PeerTuning } from "../peers/ort-options.js";

/** What an arm loads and how often it runs it. */
export interface LoadAndRun {
  readonly model: string;
  readonly runs: number;
  readonly provider: "ort" | "ort-node";
  /** How onnxruntime-node is set up. */
  readonly tuning: PeerTuning;
}
/** The event loop's gaps while an arm worked, and what the work took. */
export interface LoopBlock {
  readonly gapsMs: readonly number[];
  readonly loadMs: number;
  readonly runMs: readonly number[];
}

let runtime: Runtime | undefined;

serveArm(
  {
    idle: async ({ ms }: { ms: number }): Promise<LoopBlock> => {
      const gaps = new LoopGaps();
      await pause(ms);
      return { gapsMs: gaps.stop(), loadMs: 0, runMs: [] };
    },
    redline: async ({ model, runs, provider }: LoadAndRun): Promise<LoopBlock> => {
      runtime ??= await createRuntime({ provider });
      const gaps = new LoopGaps();
      const startMs = performance.now();
      const session = await runtime.open(model);
      const loadMs = performance.now() - startMs;
      const inputs = zeroInputs(session);
      const runMs = await timed(runs, async () => {
        const outcome = await session.run(inputs);
        if (outcome.status !== "done") throw new Error(`the run was ${outcome.status} / ${outcome.reason}`);
        outcome.release();
      });
      await session.close();
      return { gapsMs: gaps.stop(), loadMs, runMs };
    },
    "onnxruntime-node": async ({ model, runs, tuning }: LoadAndRun): Promise<LoopBlock> => {
      const gaps = new LoopGaps();
      const startMs = performance.now();
      const session = await InferenceSession.create(model, PEER_OPTIONS[tuning]);
      const loadMs = performance.now() - startMs;
      const feeds = Object.fromEntries(
        session.inputMetadata.map((input) => {
          if (!input.isTensor) throw new Error(`input ${input.name} is no tensor`);
          return [input.name, new Tensor("float32", zeros(input.shape), input.shape as number[])];
        }),
      );
      const runMs = await timed(runs, async () => void (await session.run(feeds)));
      await session.release();
      return { gapsMs: gaps.stop(), loadMs, runMs };
    },
  },
  async () => runtime?.close(),
);

async function timed(runs: number, run: () => Promise<void>): Promise<number[]> {
  const runMs: number[] = [];
  for (let index = 0; index < runs; index++) {
    const startMs = performance.now();
    await run();
    runMs.push(performance.now() - startMs);
  }
  return runMs;
}
