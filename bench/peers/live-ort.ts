// Owns one block of the same two pipelines on tuned onnxruntime-node: one worker thread each, and one for the hog.
// Invariant: all workers are warm before any begins; each ends by itself, as ending one in mid-run would end the process.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { serveArm } from "../harness/child.js";
import type { LiveRecord, LiveRequest, LiveResult } from "../harness/live-block.js";
import type { LiveRole } from "./live-ort-worker.js";

serveArm({ run: runBlock });

async function runBlock(request: LiveRequest): Promise<LiveResult> {
  const roles: readonly LiveRole[] = request.hasHog ? ["voice", "driving", "hog"] : ["voice", "driving"];
  const workers = roles.map(
    (role) => new Worker(new URL("./live-ort-worker.js", import.meta.url), { workerData: { role, request } }),
  );
  // Asked for at once: a worker that is done first has gone before the last one reports.
  const exits = Promise.all(workers.map((worker) => once(worker, "exit")));
  await Promise.all(workers.map((worker) => once(worker, "message")));
  const startCpu = process.cpuUsage();
  const startMs = performance.now();
  for (const worker of workers) worker.postMessage("begin");
  const records = await Promise.all(
    workers.map(async (worker) => (await once(worker, "message"))[0] as LiveRecord),
  );
  const { user, system } = process.cpuUsage(startCpu);
  const cpuShare = (user + system) / ((performance.now() - startMs) * 1000);
  await exits;
  const [voice, driving, hog] = records;
  if (voice === undefined || driving === undefined) throw new Error("a pipeline gave no record");
  return { voice, driving, hogRuns: hog?.settleUs.length ?? 0, cpuShare };
}
