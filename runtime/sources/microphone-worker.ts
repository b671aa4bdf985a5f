// Owns the recording device on a thread that may block. Knows no chunk's meaning.
// Invariant: one answer for each request; the device is released before the thread ends.

import { parentPort, workerData } from "node:worker_threads";
import { reasonOf } from "../core/errors.js";
import type { RecorderAnswer, RecorderTask } from "./microphone.js";

/** The part of the optional package that is used here (PvRecorder 1.2). */
interface PvRecorder {
  start(): void;
  stop(): void;
  readSync(): Int16Array;
  release(): void;
}
type PvRecorderModule = {
  readonly PvRecorder: new (chunkSamples: number, deviceIndex: number, bufferedChunks: number) => PvRecorder;
};

const task = workerData as RecorderTask;
const port = parentPort!;
let recorder: PvRecorder | undefined;

port.on("message", async (request: "next" | "close") => {
  if (request === "close") {
    recorder?.stop();
    recorder?.release();
    port.close();
    return;
  }
  try {
    recorder ??= await openDevice();
    const samples = recorder.readSync();
    const readUs = Number(process.hrtime.bigint() / 1000n);
    port.postMessage({ samples, readUs } satisfies RecorderAnswer, [samples.buffer as ArrayBuffer]);
  } catch (error) {
    port.postMessage({ error: reasonOf(error) } satisfies RecorderAnswer);
  }
});

async function openDevice(): Promise<PvRecorder> {
  const { PvRecorder } = (await import(task.module)) as PvRecorderModule;
  const opened = new PvRecorder(task.chunkSamples, task.deviceIndex, task.bufferedChunks);
  opened.start();
  return opened;
}
