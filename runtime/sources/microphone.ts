// Owns the microphone as an audio source, through an optional package read in a worker thread. Knows no model.
// Invariant: nothing here blocks the event loop; a chunk is fetched only when asked for, so nothing queues on our side.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { Clock } from "../core/clock.js";
import { RedlineError, reasonOf } from "../core/errors.js";
import { type AudioChunk, NO_REPAIRS } from "./audio.js";

/** What to install for microphone input. It records 16 kHz mono on Linux, macOS, Windows and Raspberry Pi. */
export const MICROPHONE_PACKAGE = "@picovoice/pvrecorder-node";

const RATE_HZ = 16_000;

/** One frame of the voice detector. */
const CHUNK_SAMPLES = 512;
const CHUNK_US = 32_000;

/** Chunks the package keeps while nobody asks (its own default, 1.6 s); then it overwrites the oldest. */
export const BUFFERED_CHUNKS = 50;

/** Whether the optional package can be found. */
export function isMicrophoneInstalled(): boolean {
  return findPackage() !== undefined;
}

/** One recording device, read chunk by chunk somewhere else than on the event loop. */
export interface Recorder {
  /** The next chunk and when it was handed over, in microseconds of `process.hrtime`. */
  next(): Promise<{ readonly samples: Int16Array; readonly readUs: number }>;
  close(): Promise<void>;
}

/** Which microphone to open and how. */
export interface MicrophoneOptions {
  readonly clock: Clock;
  /** Which device, in the package's order. Default: the system's default device. */
  readonly deviceIndex?: number;
  /** Opens the device. Default: the optional package in a worker thread. */
  readonly openRecorder?: (device: { readonly deviceIndex: number }) => Promise<Recorder>;
}

/**
 * Listens to a microphone: 16 kHz mono, in chunks of 32 ms, until the consumer stops.
 *
 * Errors: `SOURCE_UNAVAILABLE` when the package is not installed, or no device can be opened or read.
 *
 * @example
 * for await (const chunk of readMicrophone({ clock: runtime.clock })) console.log(chunk.samples.length);
 */
export async function* readMicrophone(
  options: MicrophoneOptions,
): AsyncGenerator<AudioChunk, void, undefined> {
  const { clock, deviceIndex = -1, openRecorder = openRecorderThread } = options;
  const recorder = await openRecorder({ deviceIndex });
  const timeline = new CaptureTimeline();
  try {
    for (let startSample = 0; ; startSample += CHUNK_SAMPLES) {
      const { samples, readUs } = await recorder.next();
      const arrivedUs = clock.nowUs() - (monotonicUs() - readUs);
      yield {
        capturedUs: timeline.stamp(arrivedUs),
        sampleRateHz: RATE_HZ,
        channels: 1,
        samples: Float32Array.from(samples, (sample) => sample / 32_768),
        startSample,
        repairs: NO_REPAIRS,
      };
    }
  } finally {
    await recorder.close();
  }
}

/** Drift allowed between the device's clock and ours: 200 parts per million, twice what cheap crystals have. */
const DRIFT_US_PER_CHUNK = CHUNK_US * 200e-6;

/**
 * Tells when chunks were captured from when they could be read. A chunk is read at or after its capture, never before,
 * so the earliest reading seen fixes the schedule, and a chunk that waited in the buffer is stamped as old as it is.
 */
export class CaptureTimeline {
  #chunk = 0;
  #originUs = Infinity;

  /** The capture time of the next chunk, read at `arrivedUs`. */
  stamp(arrivedUs: number): number {
    const elapsedUs = this.#chunk * CHUNK_US;
    this.#chunk += 1;
    this.#originUs = Math.min(this.#originUs + DRIFT_US_PER_CHUNK, arrivedUs - elapsedUs);
    // Older than the buffer can hold: chunks were overwritten, and the schedule begins anew.
    const isOverwritten = arrivedUs - (this.#originUs + elapsedUs) > BUFFERED_CHUNKS * CHUNK_US;
    if (isOverwritten) this.#originUs = arrivedUs - elapsedUs;
    return Math.round(this.#originUs + elapsedUs);
  }
}

/** What the worker thread is told. */
export interface RecorderTask {
  readonly module: string;
  readonly chunkSamples: number;
  readonly deviceIndex: number;
  readonly bufferedChunks: number;
}
/** A chunk with the time it was handed over, in microseconds of `process.hrtime`, or why there is none. */
export type RecorderAnswer =
  | { readonly samples: Int16Array; readonly readUs: number }
  | { readonly error: string };

/** The package's own asynchronous read blocks the thread it is called on until a chunk is there, hence the worker. */
async function openRecorderThread({ deviceIndex }: { readonly deviceIndex: number }): Promise<Recorder> {
  const found = findPackage();
  if (found === undefined) {
    throw new RedlineError("SOURCE_UNAVAILABLE", {
      what: "the microphone",
      expected: `the optional package ${MICROPHONE_PACKAGE}`,
      received: "it is not installed",
      hint: `npm install ${MICROPHONE_PACKAGE}`,
    });
  }
  const workerData: RecorderTask = {
    module: pathToFileURL(found).href,
    chunkSamples: CHUNK_SAMPLES,
    deviceIndex,
    bufferedChunks: BUFFERED_CHUNKS,
  };
  const worker = new Worker(new URL("./microphone-worker.js", import.meta.url), { workerData });
  return new RecorderThread(worker);
}

class RecorderThread implements Recorder {
  readonly #worker: Worker;
  #isClosed = false;

  constructor(worker: Worker) {
    this.#worker = worker;
    // Failures reach the caller through the chunk it waits for; one between chunks ends the worker and the next wait.
    worker.on("error", () => undefined);
  }

  next(): Promise<{ readonly samples: Int16Array; readonly readUs: number }> {
    return new Promise((resolve, reject) => {
      const forget = (): void => {
        this.#worker.off("message", onAnswer).off("error", onError).off("exit", onExit);
      };
      const onAnswer = (answer: RecorderAnswer): void => {
        forget();
        if ("error" in answer) reject(unreadable(answer.error));
        else resolve(answer);
      };
      const onError = (error: unknown): void => {
        forget();
        reject(unreadable(reasonOf(error)));
      };
      const onExit = (): void => {
        forget();
        reject(unreadable("the recorder has ended"));
      };
      this.#worker.on("message", onAnswer).on("error", onError).on("exit", onExit);
      this.#worker.postMessage("next");
    });
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const ended = new Promise<void>((resolve) => {
      this.#worker.once("exit", () => resolve());
    });
    this.#worker.postMessage("close");
    if (this.#worker.threadId !== -1) await ended;
  }
}

function unreadable(reason: string): RedlineError {
  return new RedlineError("SOURCE_UNAVAILABLE", {
    what: "the microphone",
    expected: "a device that records",
    received: reason,
    hint: "check that a microphone is connected and that this program may use it",
  });
}

function findPackage(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(MICROPHONE_PACKAGE);
  } catch {
    return undefined;
  }
}

function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
