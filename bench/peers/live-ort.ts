// Owns one block of the same pipelines on tuned onnxruntime-node: one worker thread each, the wake word and hogs included.
// Invariant: all workers are warm before any begins; each ends by itself, as ending one in mid-run would end the process.

import { once } from "node:events";
import { setPriority } from "node:os";
import { Worker } from "node:worker_threads";
import { serveArm } from "../harness/child.js";
import type { HogRecord, HogsAlone, LiveRequest, LiveResult } from "../harness/live-block.js";
import { readMachineTime, timeBetween } from "../harness/machine-time.js";
import type { LiveReport, LiveRole } from "./live-ort-worker.js";

/** Hogs for a process of their own, and how nice it is to others. */
export interface PeerHogs extends HogsAlone {
  readonly niceness: number;
}

serveArm({ run: runBlock, prepareHogs, burn });

let hogs: readonly WarmWorker[] = [];

async function runBlock(request: LiveRequest): Promise<LiveResult> {
  // Driving opens the process's first session: ONNX Runtime flushes denormals on that thread only, and the teacher needs it.
  const workers = await startAll(request, [
    "driving",
    "voice",
    ...(request.wake === null ? [] : ["wake" as const]),
  ]);
  const hogs = await startAll(request, Array<LiveRole>(request.hogs.count).fill("hog"));
  const from = readMachineTime();
  const startCpu = process.cpuUsage();
  const startMs = performance.now();
  const [reports, hogReports] = await Promise.all([finishAll(workers), finishAll(hogs)]);
  const { user, system } = process.cpuUsage(startCpu);
  const cpuShare = (user + system) / ((performance.now() - startMs) * 1000);
  const machine = timeBetween(from, readMachineTime());
  const [driving, voice, wake] = reports;
  if (voice === undefined || driving === undefined) throw new Error("a pipeline gave no record");
  return {
    voice: voice.record,
    driving: driving.record,
    wake: wake?.record ?? null,
    hogs: sumOf(hogReports),
    cpuShare,
    machine,
  };
}

/** Makes this process the hogs' own: from here on everything it starts is as nice as asked. */
async function prepareHogs(request: PeerHogs): Promise<void> {
  setPriority(request.niceness);
  const { seconds, hogs: wanted } = request;
  // A hog's loop reads its model and its time, and nothing of the pipelines.
  const shared = { seconds, hogs: wanted, drivingPeriodMs: 1000, late: "keep" } as LiveRequest;
  hogs = await startAll(shared, Array<LiveRole>(wanted.count).fill("hog"));
}

/** Lets the hogs run for their time. */
async function burn(): Promise<HogRecord> {
  return sumOf(await finishAll(hogs));
}

interface WarmWorker {
  readonly worker: Worker;
  /** Asked for at once: a worker that is done first has gone before the last one reports. */
  readonly left: Promise<unknown>;
}

async function startAll(request: LiveRequest, roles: readonly LiveRole[]): Promise<WarmWorker[]> {
  const workers: WarmWorker[] = [];
  for (const role of roles) {
    const worker = new Worker(new URL("./live-ort-worker.js", import.meta.url), {
      workerData: { role, request },
    });
    workers.push({ worker, left: once(worker, "exit") });
    await once(worker, "message");
  }
  return workers;
}

async function finishAll(workers: readonly WarmWorker[]): Promise<LiveReport[]> {
  for (const { worker } of workers) worker.postMessage("begin");
  const reports = await Promise.all(
    workers.map(async ({ worker }) => (await once(worker, "message"))[0] as LiveReport),
  );
  await Promise.all(workers.map(({ left }) => left));
  return reports;
}

function sumOf(reports: readonly LiveReport[]): HogRecord {
  const sum = { runs: 0, cpuUs: 0 };
  for (const { hogs: one } of reports) {
    sum.runs += one.runs;
    sum.cpuUs += one.cpuUs;
  }
  return sum;
}
