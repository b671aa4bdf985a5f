// Owns what every scenario of a process's life shares: an attachment to the addon, models, workers, and the checks.
// Plain JavaScript, because a bare Node of any version runs it. Environment: REDLINE_ADDON, ORT_LIBRARY, and models whose runs
// take half a second (LONG_MODEL), a fifth of that (MEDIUM_MODEL) and no time (SHORT_MODEL), or that are large (BULKY_MODEL).
// Invariant: what a scenario finds wrong ends the process with status 1.

import { readdirSync, readFileSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

const require = createRequire(import.meta.url);
const RING = 64;
const SIZE = 384;

/** Codes of outcomes as they stand in a record. */
export const DONE = 0;
export const REJECTED_CLOSED = 5;
export const CANCELLED_CLOSING = 13;
/** The status every scenario ends with that ends as it should. */
export const AS_TOLD = 7;
/** The timer and the loader; every other thread of the host is a lane or belongs to a session's pool. */
const HOST_THREADS = 2;
/** Longer than this is a hang; an emulated processor is slower by the factor of this variable. */
const HANG_MS = 5000 * Number(process.env.REDLINE_TEST_PATIENCE ?? 1);

/** This environment's attachment to an addon. A process or worker has one of each addon. */
export function attach(path = process.env.REDLINE_ADDON) {
  const addon = require(path);
  const ring = new Float64Array(new SharedArrayBuffer(RING * 6 * 8));
  const cursor = new Int32Array(new SharedArrayBuffer(8));
  const records = [];
  const firstId = addon.attach(ring, cursor, () => {
    for (let read = cursor[1]; read !== cursor[0]; read++) {
      const at = (read % RING) * 6;
      records.push([...ring.subarray(at, at + 6)]);
      Atomics.store(cursor, 1, read + 1);
    }
  });
  // As runtime/providers/ort/native-environment.ts does.
  if (isMainThread) process.once("exit", () => addon.quiesce());
  return { addon, records, nextId: firstId, submitted: 0 };
}

export function submit(host, sessionId, slot = 0) {
  const jobId = host.nextId++;
  host.submitted++;
  host.addon.submit(sessionId, slot, jobId, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 0);
  return jobId;
}

/** Gives a slot of a matrix model memory of this environment. */
export function bind(host, sessionId, slot = 0) {
  const tensor = () => ({
    dtype: "float32",
    data: new Float32Array(new SharedArrayBuffer(SIZE * SIZE * 4)),
    shape: [SIZE, SIZE],
  });
  host.addon.bindSlot(sessionId, slot, [tensor()], [tensor()]);
}

/** Opens a model with one slot bound. */
export async function open(
  host,
  { bytes, model = process.env.LONG_MODEL, criticality = "interactive", ...more } = {},
) {
  await host.addon.loadOrt(process.env.ORT_LIBRARY, 29);
  const source = bytes === undefined ? { path: model } : { bytes };
  const request = { provider: "ort", ...source, criticality, laneIndex: 0, slots: 1, ...more };
  const { sessionId } = await host.addon.openSession(request);
  bind(host, sessionId);
  return sessionId;
}

export async function openNull(host, busyUs) {
  const request = { provider: "null", criticality: "critical", laneIndex: 0, slots: 4, null: { busyUs } };
  return (await host.addon.openSession(request)).sessionId;
}

export const until = async (what, condition) => {
  const endMs = performance.now() + HANG_MS;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`waited ${HANG_MS} ms for ${what}`);
    await sleep(1);
  }
};

const isRunning = (host) => host.addon.lanes().some((lane) => lane.isRunning);
export const running = (host) => until("a run", () => isRunning(host));

/** A model's run that is under way. On a machine busy with others a whole run may pass unseen: then another begins. */
export async function startLong(options) {
  const host = attach();
  const sessionId = await open(host, options);
  let jobId = submit(host, sessionId);
  await until("a run", () => {
    if (isRunning(host)) return true;
    const isOver = host.records.some(([id, code]) => id === jobId && code === DONE);
    if (isOver) jobId = submit(host, sessionId);
    return false;
  });
  return { host, sessionId };
}

/** Runs a slot `count` times, one after the other, and answers how many settled under each code. */
export async function runMany(host, sessionId, { count, slot = 0 }) {
  const codes = {};
  for (let run = 0; run < count; run++) {
    const jobId = submit(host, sessionId, slot);
    await until("a settlement", () => host.records.some(([id]) => id === jobId));
    const settled = host.records.filter(([id]) => id === jobId);
    if (settled.length !== 1) throw new Error(`a job settled ${settled.length} times`);
    codes[settled[0][1]] = (codes[settled[0][1]] ?? 0) + 1;
  }
  return codes;
}

export function expectEqual(what, received, expected) {
  const [got, wanted] = [JSON.stringify(received), JSON.stringify(expected)];
  if (got !== wanted) throw new Error(`${what}: expected ${wanted}, received ${got}`);
}

/** Fails when a promise takes so long that a user would call it hung. */
export async function soon(what, promise) {
  const timer = new AbortController();
  const late = sleep(HANG_MS, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`${what} took over ${HANG_MS} ms`);
  });
  const first = await Promise.race([promise, late]);
  timer.abort();
  late.catch(() => undefined);
  return first;
}

/**
 * Nothing runs or waits on any lane, and there are no more threads than the lanes, the timer and the loader need. Says what
 * was left, for whoever counts it.
 */
export async function expectQuiet(host) {
  const found = {};
  try {
    await until("quiet lanes and no threads but the host's own", () => {
      const lanes = host.addon.lanes();
      found.lanes = lanes.filter((lane) => lane.isRunning || lane.queued > 0).length;
      found.threads = process.platform === "linux" ? hostThreads().length - lanes.length - HOST_THREADS : 0;
      return found.lanes === 0 && found.threads === 0;
    });
  } finally {
    writeSync(1, `left ${JSON.stringify(found)}\n`);
  }
}

/** This process's children that have not ended; none where there is no list to read. */
export function children() {
  if (process.platform !== "linux") return [];
  // Asked of the kernel thread by thread: an emulator need not show the whole of /proc.
  const all = readdirSync("/proc/self/task").flatMap((task) => {
    try {
      return readFileSync(`/proc/self/task/${task}/children`, "utf8").split(" ").filter(Boolean);
    } catch {
      return []; // The thread has ended meanwhile.
    }
  });
  return all.filter((child) => {
    try {
      return !/^.*\) Z /s.test(readFileSync(`/proc/${child}/stat`, "utf8"));
    } catch {
      return false;
    }
  });
}

function hostThreads() {
  return threadNames().filter((name) => name.startsWith("redline-"));
}

function threadNames() {
  return readdirSync("/proc/self/task").flatMap((task) => {
    try {
      return [readFileSync(`/proc/self/task/${task}/comm`, "utf8").trim()];
    } catch {
      return [];
    }
  });
}

/** Says that the process is about to end: from here on every millisecond counts towards a hang. */
export const sayEnding = () => writeSync(1, "ending\n");

export function exit() {
  sayEnding();
  process.exit(AS_TOLD);
}

/** Ends when nothing is left to do. */
export function endByItself() {
  process.exitCode = AS_TOLD;
  sayEnding();
}

/** A worker that plays a scenario of the same script; `given` is what it is handed. */
export function startWorker(script, scenario, given = {}) {
  return new Worker(new URL(script), { workerData: { scenario, ...given } });
}

export const message = (worker) =>
  new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
export const exited = (worker) => new Promise((resolve) => worker.once("exit", resolve));
export const say = (what) => parentPort.postMessage(what);
export const heard = () => new Promise((resolve) => parentPort.once("message", resolve));

/** Plays the scenario this process or worker was started for. */
export async function play(scenarios, inWorkers = {}) {
  const name = isMainThread ? process.argv[2] : workerData.scenario;
  const scenario = (isMainThread ? scenarios : inWorkers)[name];
  if (scenario === undefined) throw new Error(`no scenario ${name}`);
  await scenario(isMainThread ? undefined : workerData);
}

export async function runOrtNode() {
  const ort = require("onnxruntime-node");
  const session = await ort.InferenceSession.create(process.env.SHORT_MODEL);
  const x = new ort.Tensor("float32", new Float32Array(SIZE * SIZE), [SIZE, SIZE]);
  await session.run({ x });
  return session;
}
