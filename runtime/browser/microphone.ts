// Owns the microphone of a browser as a source: an AudioWorklet that hands on samples at the device's own rate. Knows no model.
// Invariant: at most two seconds wait; what is older is lost and counted, so that a slow listener shows.

import type { Clock } from "../core/clock.js";
import { RedlineError, reasonOf } from "../core/errors.js";
import { type AudioChunk, type AudioSource, DEFAULT_CHUNK_MS } from "../sources/audio.js";
import { repairSamples } from "../sources/pcm-decode.js";

/** Chunks that may wait for a listener: two seconds of sound. */
const WAITING_CHUNKS = Math.ceil(2000 / DEFAULT_CHUNK_MS);

/** What runs on the browser's audio thread: collects the first channel into chunks and hands them over. */
const TAP = `registerProcessor("redline-tap", class extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.chunk = new Float32Array(processorOptions.samples);
    this.filled = 0;
  }
  process([[channel]]) {
    for (let at = 0; channel !== undefined && at < channel.length; ) {
      const part = channel.subarray(at, at + this.chunk.length - this.filled);
      this.chunk.set(part, this.filled);
      this.filled += part.length;
      at += part.length;
      if (this.filled < this.chunk.length) continue;
      this.port.postMessage(this.chunk.slice());
      this.filled = 0;
    }
    return true;
  }
});`;

/** The parts of the Web Audio API that are used, named without the types of the DOM. */
interface AudioContextFace {
  readonly sampleRate: number;
  readonly audioWorklet: { addModule(address: string): Promise<void> };
  createMediaStreamSource(stream: object): { connect(node: object): void; disconnect(): void };
  resume(): Promise<void>;
  close(): Promise<void>;
}
interface TapFace {
  readonly port: { onmessage: ((event: { readonly data: Float32Array }) => void) | null };
}
interface StreamFace {
  getTracks(): readonly { stop(): void; onended: (() => void) | null }[];
}
interface AudioGlobals {
  readonly navigator?: { readonly mediaDevices?: { getUserMedia(wanted: object): Promise<StreamFace> } };
  readonly AudioContext?: new () => AudioContextFace;
  readonly AudioWorkletNode?: new (context: AudioContextFace, name: string, options: object) => TapFace;
}

/** An open microphone. */
export interface BrowserMicrophone extends AudioSource {
  readonly sampleRateHz: number;
  /** Samples that nobody took in time. */
  readonly lostSamples: number;
  /** Ends the source and lets go of the device. Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens the microphone; the browser asks the user. Most browsers want it called from a click.
 *
 * @example
 * const microphone = await openMicrophone({ clock });
 * for await (const chunk of microphone) use(chunk.samples);
 *
 * @throws RedlineError `SOURCE_UNAVAILABLE` with the browser's reason
 */
export async function openMicrophone({ clock }: { readonly clock: Clock }): Promise<BrowserMicrophone> {
  const { navigator, AudioContext, AudioWorkletNode } = globalThis as unknown as AudioGlobals;
  if (navigator?.mediaDevices === undefined || AudioContext === undefined || AudioWorkletNode === undefined)
    throw unavailable("the browser has no microphone for this page", "serve it by https or from localhost");
  let stream: StreamFace;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
  } catch (error) {
    throw unavailable(reasonOf(error), "let the page use the microphone");
  }
  const context = new AudioContext();
  const address = URL.createObjectURL(new Blob([TAP], { type: "text/javascript" }));
  try {
    await context.audioWorklet.addModule(address);
    await context.resume();
  } catch (error) {
    for (const track of stream.getTracks()) track.stop();
    await context.close();
    throw unavailable(reasonOf(error), "let the page's policy allow scripts from blob:");
  } finally {
    URL.revokeObjectURL(address);
  }
  const samples = Math.round((context.sampleRate * DEFAULT_CHUNK_MS) / 1000);
  const tap = new AudioWorkletNode(context, "redline-tap", {
    numberOfOutputs: 0,
    processorOptions: { samples },
  });
  const input = context.createMediaStreamSource(stream);
  input.connect(tap);
  return new Microphone(clock, {
    context,
    stream,
    tap,
    end: async () => {
      input.disconnect();
      for (const track of stream.getTracks()) track.stop();
      await context.close();
    },
  });
}

class Microphone implements BrowserMicrophone {
  readonly sampleRateHz: number;
  readonly #end: () => Promise<void>;
  readonly #waiting: AudioChunk[] = [];
  #lostSamples = 0;
  #taken = 0;
  #isOpen = true;
  #wake = (): void => {};

  constructor(
    clock: Clock,
    given: {
      readonly context: AudioContextFace;
      readonly stream: StreamFace;
      readonly tap: TapFace;
      readonly end: () => Promise<void>;
    },
  ) {
    this.sampleRateHz = given.context.sampleRate;
    this.#end = given.end;
    given.tap.port.onmessage = ({ data }) => this.#take(data, clock.nowUs());
    for (const track of given.stream.getTracks()) track.onended = () => void this.close();
  }

  get lostSamples(): number {
    return this.#lostSamples;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<AudioChunk> {
    try {
      while (this.#isOpen || this.#waiting.length > 0) {
        const next = this.#waiting.shift();
        if (next !== undefined) yield next;
        else
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
      }
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#wake();
    await this.#end();
  }

  #take(samples: Float32Array, capturedUs: number): void {
    if (!this.#isOpen) return;
    const { sampleRateHz } = this;
    const repairs = repairSamples(samples);
    this.#waiting.push({ capturedUs, sampleRateHz, channels: 1, samples, startSample: this.#taken, repairs });
    this.#taken += samples.length;
    if (this.#waiting.length > WAITING_CHUNKS) this.#lostSamples += this.#waiting.shift()!.samples.length;
    this.#wake();
  }
}

function unavailable(received: string, hint: string): RedlineError {
  return new RedlineError("SOURCE_UNAVAILABLE", { what: "the microphone", received, hint });
}
