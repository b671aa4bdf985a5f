// Owns one block of the same two pipelines on tuned onnxruntime-node: one worker thread each, and one for the hog.
// Invariant: all workers are warm before any begins; each ends by itself, as ending one in mid-run would end the process.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { serveArm } from "../harness/child.js";
import type { LiveRecord, LiveRequest, LiveResult } from "../harness/live-block.js";
import type { LiveRole } from "./live-ort-worker.js";

serveArm({ run: runBlock });

async function runBlock(request: LiveRequest): Promise<LiveResult> {
  // Driving opens the process's first session: ONNX Runtime flushes denormals on that thread only, and the teacher needs it.
  const roles: readonly LiveRole[] = request.hasHog ? ["driving", "voice", "hog"] : ["driving", "voice"];
  const workers: Worker[] = [];
  const left: Promise<unknown>[] = [];
  for (const role of roles) {
    const worker = new Worker(new URL("./live-ort-worker.js", import.meta.url), {
      workerData: { role, request },
    });
    workers.push(worker);
    // Asked for at once: a worker that is done first has gone before the last one reports.
    left.push(once(worker, "exit"));
    await once(worker, "message");
  }
  const startCpu = process.cpuUsage();
  const startMs = performance.now();
  for (const worker of workers) worker.postMessage("begin");
  const records = await Promise.all(
    workers.map(async (worker) => (await once(worker, "message"))[0] as LiveRecord),
  );
  const { user, system } = process.cpuUsage(startCpu);
  const cpuShare = (user + system) / ((performance.now() - startMs) * 1000);
  await Promise.all(left);
  const [driving, voice, hog] = records;
  if (voice === undefined || driving === undefined) throw new Error("a pipeline gave no record");
  return { voice, driving, hogRuns: hog?.settleUs.length ?? 0, cpuShare };
}
