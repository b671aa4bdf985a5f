// Owns the wake word as a load: sound in pieces of 80 ms through three models in a row. Knows no runtime: sessions go in.
// Sizes and scaling are openWakeWord's. Invariant: the three runs of a piece share its capture; it is in time when the last is.

import { type Clock, sleepUntil } from "../../runtime/core/clock.js";
import { isStaticShape, type Tensor } from "../../runtime/core/tensor.js";
import { WARM_UP_RUNS } from "../../runtime/live-run.js";
import type { Outcome, Session } from "../../runtime/sessions/session.js";
import type { LiveCounter } from "./live-block.js";
import type { WakePart } from "./wake-files.js";

/** Samples of 16 kHz in a piece. */
export const PIECE_SAMPLES = 1280;
export const PIECE_US = 80_000;
/** Sound before the piece that its first mel frame reaches back to. */
const CONTEXT_SAMPLES = 480;
const MEL_BANDS = 32;
const MEL_FRAMES = 76;
const EMBEDDING = 96;
const EMBEDDINGS = 16;
/** The models were trained on 16-bit samples taken as numbers. */
const FULL_SCALE = 32767;

/** Shapes of the inputs, where a model leaves some open. */
export const WAKE_SHAPES: Readonly<Record<WakePart, readonly number[]>> = {
  mel: [1, CONTEXT_SAMPLES + PIECE_SAMPLES],
  embedding: [1, MEL_FRAMES, MEL_BANDS, 1],
  head: [1, EMBEDDINGS, EMBEDDING],
};

/** How one piece came out. */
export interface WakeReading extends Pick<Outcome, "status" | "reason" | "settledUs"> {
  /** The head's score, from 0 to 1; undefined when a run gave no outputs. */
  readonly score: number | undefined;
}

/** Runs one model on its window. Undefined ends the piece: what it would have added to the next ones stays as it was. */
export type RunPart = (
  part: WakePart,
  window: Float32Array,
) => Promise<Float32Array | undefined> | Float32Array | undefined;

/** The windows that move over a stream: sound, mel frames and embeddings. */
export class WakeWindows {
  readonly #sound = new Float32Array(CONTEXT_SAMPLES + PIECE_SAMPLES);
  readonly #mel = new Float32Array(MEL_FRAMES * MEL_BANDS);
  readonly #embeddings = new Float32Array(EMBEDDINGS * EMBEDDING);

  constructor(private readonly run: RunPart) {}

  /** The head's score for the sound up to the end of a piece; undefined when a run gave nothing. */
  async hear(piece: Float32Array): Promise<number | undefined> {
    slide(
      this.#sound,
      piece.map((sample) => sample * FULL_SCALE),
    );
    const mel = await this.run("mel", this.#sound);
    if (mel === undefined) return undefined;
    slide(
      this.#mel,
      mel.map((value) => value / 10 + 2),
    );
    const embedding = await this.run("embedding", this.#mel);
    if (embedding === undefined) return undefined;
    slide(this.#embeddings, embedding);
    return (await this.run("head", this.#embeddings))?.[0];
  }
}

/** Hears a stream piece by piece. */
export class WakeStage {
  readonly #windows = new WakeWindows((part, window) => this.#ask(part, window));
  #capturedUs = 0;
  #last: Omit<WakeReading, "score"> = { status: "done", reason: "ok", settledUs: 0 };

  private constructor(private readonly sessions: Readonly<Record<WakePart, Session>>) {}

  /** A stage whose sessions have run a few times. */
  static async warm(sessions: Readonly<Record<WakePart, Session>>, clock: Clock): Promise<WakeStage> {
    const stage = new WakeStage(sessions);
    const silence = new Float32Array(PIECE_SAMPLES);
    for (let run = 0; run < WARM_UP_RUNS; run++) await stage.run(silence, { capturedUs: clock.nowUs() });
    return stage;
  }

  /** Runs a piece, one at a time. It comes out as its last run did. */
  async run(piece: Float32Array, { capturedUs }: { readonly capturedUs: number }): Promise<WakeReading> {
    this.#capturedUs = capturedUs;
    const score = await this.#windows.hear(piece);
    return { ...this.#last, score };
  }

  async #ask(part: WakePart, data: Float32Array): Promise<Float32Array | undefined> {
    const session = this.sessions[part];
    const [input] = session.inputs;
    const [output] = session.outputs;
    if (input === undefined || output === undefined) throw new Error(`${part} has no input or no output`);
    const shape = isStaticShape(input.shape) ? input.shape : WAKE_SHAPES[part];
    const outcome = await session.run({ [input.name]: { data, shape } }, { capturedUs: this.#capturedUs });
    const { status, reason, settledUs } = outcome;
    this.#last = { status, reason, settledUs };
    const tensor: Tensor | undefined = outcome.outputs[output.name];
    const hasValues = status === "done" || status === "late";
    const values = hasValues ? Float32Array.from(tensor!.data as Float32Array) : undefined;
    outcome.release();
    return values;
  }
}

/** Runs the stage in real time over speech that starts again at its end, until `signal`; a piece held up keeps its instant. */
export async function hearWakeWord(given: {
  readonly stage: WakeStage;
  readonly samples: Float32Array;
  readonly clock: Clock;
  readonly counter: LiveCounter;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { stage, samples, clock, counter, signal } = given;
  const pieces = Math.floor(samples.length / PIECE_SAMPLES);
  if (pieces === 0) throw new Error("the speech is shorter than 80 ms");
  const startUs = clock.nowUs();
  for (let index = 0; ; index++) {
    const capturedUs = startUs + (index + 1) * PIECE_US;
    if (capturedUs > clock.nowUs()) await sleepUntil(capturedUs, { clock, signal });
    if (signal.aborted) return;
    const at = (index % pieces) * PIECE_SAMPLES;
    const { status, reason, settledUs } = await stage.run(samples.subarray(at, at + PIECE_SAMPLES), {
      capturedUs,
    });
    counter.count({ status, reason, capturedUs, atUs: settledUs });
  }
}

/** Moves the window on by what is new. */
function slide(window: Float32Array, fresh: Float32Array): void {
  window.copyWithin(0, fresh.length);
  window.set(fresh, window.length - fresh.length);
}
