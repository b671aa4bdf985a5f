// Owns one run of the mixed load under a power budget, in this process: both pipelines and a hog. Judges nothing.

import { createRuntime, type LiveRunReport, startLiveRun } from "../../runtime/index.js";
import { serveArm } from "../harness/child.js";

/** What is run. */
export interface PowerRequest {
  readonly provider: "ort" | "ort-node";
  readonly seconds: number;
  /** Of what the same load draws without a budget; null leaves it without one: the control. */
  readonly share: number | null;
  readonly audio: string;
  readonly frames: string;
}

serveArm({ run });

async function run({ provider, share, ...load }: PowerRequest): Promise<LiveRunReport> {
  await using runtime = await createRuntime({ provider, power: {} });
  const power = share === null ? {} : { power: { share } };
  const live = await startLiveRun({ runtime, ...load, ...power, hog: "driving-model" });
  // Awaited here: leaving the block closes the runtime.
  return await live.finished;
}
