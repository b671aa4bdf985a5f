// Owns what a process does before it ends, one scenario per process: see exits.test.ts. Plain JavaScript, because a
// bare Node runs it. argv: scenario name. Environment: REDLINE_ADDON, ORT_LIBRARY, LONG_MODEL (a run of a second or so).

import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

const require = createRequire(import.meta.url);
const SIZE = 384;

function attach() {
  const addon = require(process.env.REDLINE_ADDON);
  const ring = new Float64Array(new SharedArrayBuffer(64 * 6 * 8));
  const cursor = new Int32Array(new SharedArrayBuffer(8));
  const records = [];
  const firstId = addon.attach(ring, cursor, () => {
    for (let read = cursor[1]; read !== cursor[0]; read++) {
      const at = (read % 64) * 6;
      records.push([...ring.subarray(at, at + 6)]);
      Atomics.store(cursor, 1, read + 1);
    }
  });
  // As runtime/providers/ort/native-environment.ts does.
  if (isMainThread) process.once("exit", () => addon.quiesce());
  return { addon, records, nextId: firstId };
}

function submit(host, sessionId, slot = 0) {
  const jobId = host.nextId++;
  host.addon.submit(sessionId, slot, jobId, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 0);
  return jobId;
}

async function openLong(host, criticality = "interactive") {
  await host.addon.loadOrt(process.env.ORT_LIBRARY, 29);
  const { sessionId } = await host.addon.openSession({
    provider: "ort",
    path: process.env.LONG_MODEL,
    criticality,
    laneIndex: 0,
    slots: 1,
  });
  const tensor = () => ({
    dtype: "float32",
    data: new Float32Array(new SharedArrayBuffer(SIZE * SIZE * 4)),
    shape: [SIZE, SIZE],
  });
  host.addon.bindSlot(sessionId, 0, [tensor()], [tensor()]);
  return sessionId;
}

const running = async (host) => {
  while (!host.addon.lanes().some((lane) => lane.isRunning)) await sleep(1);
};

/** A model's run that is under way. */
async function startLong(criticality) {
  const host = attach();
  const sessionId = await openLong(host, criticality);
  submit(host, sessionId);
  await running(host);
  return { host, sessionId };
}

async function openNull(host, busyUs) {
  const request = { provider: "null", criticality: "critical", laneIndex: 0, slots: 4, null: { busyUs } };
  return (await host.addon.openSession(request)).sessionId;
}

function startWorker(scenario) {
  return new Worker(new URL(import.meta.url), { workerData: scenario });
}

const message = (worker) => new Promise((resolve) => worker.once("message", resolve));
const exited = (worker) => new Promise((resolve) => worker.once("exit", resolve));

const scenarios = {
  async "exit mid-run"() {
    await startLong();
    process.exit(7);
  },
  async "exit in a busy null run"() {
    const host = attach();
    submit(host, await openNull(host, 60_000_000));
    await running(host);
    process.exit(7);
  },
  async "exit while a model loads"() {
    const host = attach();
    await host.addon.loadOrt(process.env.ORT_LIBRARY, 29);
    void openLong(host);
    await sleep(3);
    process.exit(7);
  },
  async "uncaught exception mid-run"() {
    await startLong();
    setTimeout(() => {
      throw new Error("on purpose");
    }, 1);
    await sleep(60_000);
  },
  async "exception in the wake"() {
    const addon = require(process.env.REDLINE_ADDON);
    const ring = new Float64Array(new SharedArrayBuffer(64 * 6 * 8));
    const first = addon.attach(ring, new Int32Array(new SharedArrayBuffer(8)), () => {
      throw new Error("on purpose");
    });
    submit({ addon, nextId: first }, await openNull({ addon }, 0));
    await sleep(60_000);
  },
  async "terminate a worker mid-run"() {
    const worker = startWorker("long run in a worker");
    await message(worker);
    await worker.terminate();
    // The host must still serve this thread.
    const host = attach();
    submit(host, await openLong(host));
    while (host.records.length === 0) await sleep(1);
    if (host.records[0][1] !== 0) throw new Error(`outcome ${host.records[0][1]}`);
    process.exit(7);
  },
  async "exit while a worker runs"() {
    await message(startWorker("long run in a worker"));
    process.exit(7);
  },
  async "two workers, one terminated"() {
    const workers = [startWorker("long run in a worker"), startWorker("runs in a worker")];
    await Promise.all(workers.map(message));
    await workers[0].terminate();
    const code = await exited(workers[1]);
    process.exit(code === 0 ? 7 : 1);
  },
  async "a worker alone uses the addon and ends"() {
    const code = await exited(startWorker("runs in a worker"));
    await sleep(100);
    process.exit(code === 0 ? 7 : 1);
  },
  async "a worker exits by itself mid-run"() {
    await exited(startWorker("exit in a worker"));
    process.exit(7);
  },
  async "onnxruntime-node first"() {
    await (await runOrtNode()).release();
    await startLong();
    process.exit(7);
  },
  async "onnxruntime-node second"() {
    const { host, sessionId } = await startLong();
    await runOrtNode();
    await host.addon.closeSession(sessionId);
    process.exitCode = 7;
  },
  async "close while running, then nothing left to do"() {
    const { host, sessionId } = await startLong();
    await host.addon.closeSession(sessionId);
    if (host.records[0]?.[1] !== 13) throw new Error("the job was not settled before the close");
    process.exitCode = 7;
  },
  async "nothing left to do but a run"() {
    const { host } = await startLong();
    process.on("exit", () => {
      // The environment stays until what is in flight has settled.
      process.exitCode = host.records.length === 1 ? 7 : 1;
    });
  },
  async "never closed, collected"() {
    for (let round = 0; round < 3; round++) {
      const { host, sessionId } = round === 0 ? await startLong("background") : scenarios.kept;
      scenarios.kept = { host, sessionId };
      await openLong(host);
      global.gc();
    }
    scenarios.kept = undefined;
    global.gc();
    process.exitCode = 7;
  },
  async "submissions in the exit handler"() {
    const { host } = await startLong();
    const sessionId = await openNull(host, 1000);
    process.on("exit", () => {
      for (let slot = 0; slot < 4; slot++) submit(host, sessionId, slot);
    });
    process.exit(7);
  },
};

const inWorkers = {
  async "long run in a worker"() {
    await startLong();
    parentPort.postMessage("running");
    await sleep(60_000);
  },
  async "runs in a worker"() {
    const host = attach();
    const sessionId = await openLong(host, "background");
    parentPort.postMessage("open");
    for (let run = 1; run <= 3; run++) {
      submit(host, sessionId);
      while (host.records.length < run) await sleep(1);
      if (host.records[run - 1][1] !== 0) throw new Error(`outcome ${host.records[run - 1][1]}`);
    }
  },
  async "exit in a worker"() {
    await startLong();
    process.exit(0);
  },
};

async function runOrtNode() {
  const ort = require("onnxruntime-node");
  const session = await ort.InferenceSession.create(process.env.LONG_MODEL);
  const x = new ort.Tensor("float32", new Float32Array(SIZE * SIZE), [SIZE, SIZE]);
  await session.run({ x });
  return session;
}

if (isMainThread) await scenarios[process.argv[2]]();
else await inWorkers[workerData]();
