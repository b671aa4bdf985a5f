// Owns the voice pipeline: source -> 16 kHz mono -> frames -> energy gate -> VAD -> segments. Knows no file and no lane.
// Invariant: every frame is either run or counted as gated, in order, one at a time; nothing queues here.

import type { Clock } from "../core/clock.js";
import { RedlineError } from "../core/errors.js";
import { type OutcomeReason, type OutcomeStatus, zeroOutcomes } from "../core/outcome.js";
import type { Ops } from "../ops/ops.js";
import { type AudioChunk, type AudioSource, addRepairs, NO_REPAIRS, type Repairs } from "../sources/audio.js";
import { nextUnlessAborted } from "../sources/next-item.js";
import { EnergyGate, type GateRules } from "./energy-gate.js";
import { FRAME_SAMPLES, FrameCutter, type SpeechFrame } from "./frames.js";
import { SPEECH_RATE_HZ, SpeechResampler } from "./resample.js";
import { type SegmentEvent, Segmenter, type SegmentRules } from "./segmenter.js";
import { type VadSession, type VadTensors, VoiceActivity } from "./vad.js";

/** What to listen to, with which model and which rules. */
export interface ListenOptions {
  /** An opened voice-activity model such as `silero-vad`. */
  readonly session: VadSession;
  readonly source: AudioSource;
  readonly clock: Clock;
  /**
   * `file`: frames follow each other as fast as the session settles them, each captured when it is submitted. `live`:
   * the source is paced, a frame's deadline counts from the capture of its last sample, and jobs carry the numbers of
   * the frames: a live session belongs to one source. Default `file`.
   */
  readonly mode?: "file" | "live";
  /** Rules of the energy gate, or `off` to run the model on every frame. Default: on, with its own defaults. */
  readonly gate?: GateRules | "off";
  readonly segments?: SegmentRules;
  /** Names of the model's tensors. Default: by the roles of the session's manifest, else Silero's names. */
  readonly tensors?: VadTensors;
  /** Ends listening as if the source had ended. */
  readonly signal?: AbortSignal;
  /** Told of every frame in order, for live displays and measurements. Must not throw. */
  readonly onFrame?: (reading: FrameReading) => void;
}

/** What became of one frame. */
export interface FrameReading {
  readonly index: number;
  /** Undefined when the frame was gated or settled without outputs. */
  readonly probability: number | undefined;
  readonly status: OutcomeStatus | "gated";
  readonly reason: OutcomeReason | "";
  readonly latencyUs: number;
}

/** The last event of every stream. */
export interface VoiceReport {
  readonly type: "report";
  readonly durationMs: number;
  readonly frames: number;
  /** Frames the energy gate kept from the model. `frames` is these plus all outcomes. */
  readonly gatedFrames: number;
  readonly outcomes: Readonly<Record<OutcomeStatus, number>>;
  readonly segments: number;
  /** Whether the source ended before its header said; `fault` says where. What was there has been heard. */
  readonly truncated: boolean;
  readonly fault: RedlineError | undefined;
  readonly repairs: Repairs;
}

/** What listening yields: starts and ends of speech in order, then one report. Times are milliseconds of the input. */
export type VoiceEvent = SegmentEvent | VoiceReport;

/** Finds speech in a source, as `listen` of listen.ts says, with the ops of whoever calls. */
export async function* hear(ops: Ops, options: ListenOptions): AsyncGenerator<VoiceEvent, void, undefined> {
  const stream = new VoiceStream(ops, options);
  let fault: unknown;
  try {
    for await (const chunk of untilAborted(options.source, options.signal)) yield* stream.hear(chunk);
  } catch (error) {
    fault = error;
  }
  yield* stream.finish();
  const isTruncated = fault instanceof RedlineError && fault.code === "SOURCE_TRUNCATED";
  if (fault !== undefined && !isTruncated) throw fault;
  yield stream.report(isTruncated ? (fault as RedlineError) : undefined);
}

/** A probability from which the model is in doubt: the gate stays open, so that the model decides. */
const DOUBT = 0.1;

/** One stream's state between chunks. */
class VoiceStream {
  readonly #ops: Ops;
  readonly #options: ListenOptions;
  readonly #vad: VoiceActivity;
  readonly #gate: EnergyGate | undefined;
  readonly #segmenter: Segmenter;
  /** What is added to a frame's index, so that the session's numbers go on rising over one source after another. */
  readonly #firstFrame: number;
  readonly #cutter = new FrameCutter();
  readonly #outcomes = zeroOutcomes();
  /** Frames a closed gate may still call back, oldest first. */
  #preRoll: SpeechFrame[] = [];
  #resampler: SpeechResampler | undefined;
  #layout: Pick<AudioChunk, "sampleRateHz" | "channels"> | undefined;
  #inputFrames = 0;
  #frames = 0;
  #gatedFrames = 0;
  #segments = 0;
  #repairs = NO_REPAIRS;
  #isModelInDoubt = true;

  constructor(ops: Ops, options: ListenOptions) {
    this.#ops = ops;
    this.#options = options;
    this.#firstFrame = options.session.newestFrame + 1;
    const { session, tensors, gate } = options;
    this.#vad = new VoiceActivity({ session, ...(tensors ? { tensors } : {}) });
    this.#gate = gate === "off" ? undefined : new EnergyGate(ops, gate);
    this.#segmenter = new Segmenter(options.segments);
  }

  async *hear(chunk: AudioChunk): AsyncGenerator<SegmentEvent> {
    this.#layout ??= chunk;
    if (chunk.sampleRateHz !== this.#layout.sampleRateHz || chunk.channels !== this.#layout.channels) {
      throw new RedlineError("SOURCE_FORMAT", {
        what: "the source changed its format in mid-stream",
        expected: `${this.#layout.sampleRateHz} Hz, ${this.#layout.channels} channels`,
        received: `${chunk.sampleRateHz} Hz, ${chunk.channels} channels`,
      });
    }
    this.#resampler ??= new SpeechResampler(this.#ops, chunk);
    this.#inputFrames += chunk.samples.length / chunk.channels;
    this.#repairs = addRepairs(this.#repairs, chunk.repairs);
    const endS = this.#inputFrames / chunk.sampleRateHz;
    for (const frame of this.#cutter.push(this.#resampler.push(chunk.samples))) {
      const frameEndS = ((frame.index + 1) * FRAME_SAMPLES) / SPEECH_RATE_HZ;
      yield* this.#judge(frame, chunk.capturedUs - Math.round((endS - frameEndS) * 1e6));
    }
  }

  /** Hears what was held back and ends what is open. */
  async *finish(): AsyncGenerator<SegmentEvent> {
    const capturedUs = this.#options.clock.nowUs();
    const rest = this.#resampler === undefined ? [] : this.#cutter.push(this.#resampler.flush());
    const tail = this.#cutter.flush();
    for (const frame of tail === undefined ? rest : [...rest, tail]) yield* this.#judge(frame, capturedUs);
    while (this.#preRoll.length > 0) this.#passOver(this.#preRoll.shift()!);
    yield* this.#count(this.#segmenter.flush(this.#durationMs()));
  }

  report(fault: RedlineError | undefined): VoiceReport {
    return {
      type: "report",
      durationMs: this.#durationMs(),
      frames: this.#frames,
      gatedFrames: this.#gatedFrames,
      outcomes: { ...this.#outcomes },
      segments: this.#segments,
      truncated: fault !== undefined,
      fault,
      repairs: this.#repairs,
    };
  }

  async *#judge(frame: SpeechFrame, capturedUs: number): AsyncGenerator<SegmentEvent> {
    this.#frames += 1;
    const isHeld = this.#segmenter.isOpen || this.#isModelInDoubt;
    if (this.#gate !== undefined && !this.#gate.judge(frame.samples, { isHeld }).isOpen) {
      this.#preRoll.push(frame);
      if (this.#preRoll.length > this.#gate.preRollFrames) this.#passOver(this.#preRoll.shift()!);
      return;
    }
    // The frames before an onset are wanted only now, so their deadline counts from the frame that asked for them.
    const wanted = [...this.#preRoll, frame];
    this.#preRoll = [];
    for (const each of wanted) yield* this.#run(each, capturedUs);
  }

  async *#run(frame: SpeechFrame, capturedUs: number): AsyncGenerator<SegmentEvent> {
    const { mode, signal, onFrame } = this.#options;
    const reading = await this.#vad.run(frame.samples, {
      ...(mode === "live" ? { capturedUs, frame: this.#firstFrame + frame.index } : {}),
      ...(signal && !signal.aborted ? { signal } : {}),
    });
    this.#outcomes[reading.status] += 1;
    this.#isModelInDoubt = reading.probability === undefined || reading.probability >= DOUBT;
    onFrame?.({ index: frame.index, ...reading });
    yield* this.#count(this.#segmenter.push(reading.probability));
  }

  #passOver(frame: SpeechFrame): void {
    this.#vad.skip(frame.samples);
    this.#gatedFrames += 1;
    this.#segmenter.push(undefined);
    this.#options.onFrame?.({
      index: frame.index,
      probability: undefined,
      status: "gated",
      reason: "",
      latencyUs: 0,
    });
  }

  #count(events: SegmentEvent[]): SegmentEvent[] {
    this.#segments += events.filter((event) => event.type === "speech").length;
    return events;
  }

  #durationMs(): number {
    return this.#layout === undefined
      ? 0
      : Math.round((this.#inputFrames / this.#layout.sampleRateHz) * 1000);
  }
}

/** Passes chunks on until the signal fires, even while the source waits. */
async function* untilAborted(
  source: AudioSource,
  signal: AbortSignal | undefined,
): AsyncGenerator<AudioChunk> {
  const chunks = source[Symbol.asyncIterator]();
  let isWaiting = false;
  try {
    while (signal?.aborted !== true) {
      isWaiting = true;
      const next = await nextUnlessAborted(chunks, signal);
      if (next === undefined) return;
      isWaiting = false;
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    const ended = chunks.return?.();
    // A source that waits for input that may never come is let go, not waited for.
    if (isWaiting) ended?.catch(() => undefined);
    else await ended;
  }
}
