// Owns a voice-activity model as a stream: context in front of each frame, state carried from one run to the next.
// Knows no audio source, no gate and no segment. Invariant: the state is always that of a run that gave finite results.

import { RedlineError } from "../core/errors.js";
import type { OutcomeReason, OutcomeStatus } from "../core/outcome.js";
import { elementCount, fitsShape, type TensorSpec } from "../core/tensor.js";
import type { Outcome, ReservedSlot, RunInputs, RunOptions, Session } from "../sessions/session.js";
import type { Manifest } from "../store/manifest.js";
import { FRAME_SAMPLES } from "./frames.js";
import { SPEECH_RATE_HZ } from "./resample.js";

/** Samples of the previous frame put in front of each frame: 4 ms, as Silero v5 and v6 are trained. */
export const CONTEXT_SAMPLES = 64;

/** The recurrent state of Silero v5 and v6: two LSTM vectors of 128. */
const STATE_SHAPE = [2, 1, 128] as const;

/** Names of a model's tensors by what they are for. */
export interface VadTensors {
  readonly audio: string;
  readonly state: string;
  /** Absent when the model fixes its rate. */
  readonly sampleRate: string | undefined;
  readonly probability: string;
  readonly nextState: string;
}

/** The names Silero gives its tensors; v5 and v6 have the same. */
export const SILERO_TENSORS: VadTensors = Object.freeze({
  audio: "input",
  state: "state",
  sampleRate: "sr",
  probability: "output",
  nextState: "stateN",
});

/**
 * Reads tensor names from a manifest: roles `audio` and `state` among the inputs, `probability` and `state` (which
 * feeds the input) among the outputs; an input without a role but with a `value` is the sample rate.
 *
 * @throws RedlineError `MODEL_UNSUITABLE` naming the missing role.
 */
export function vadTensorsOf(manifest: Pick<Manifest, "inputs" | "outputs">): VadTensors {
  const input = (role: string): string =>
    nameOf(
      role,
      manifest.inputs.find((tensor) => tensor.role === role),
    );
  const output = (role: string): string =>
    nameOf(
      role,
      manifest.outputs.find((tensor) => tensor.role === role),
    );
  const state = input("state");
  const fed = manifest.outputs.find((tensor) => tensor.feeds === state);
  return {
    audio: input("audio"),
    state,
    sampleRate: manifest.inputs.find((tensor) => tensor.role === "sample-rate" || tensor.value !== undefined)
      ?.name,
    probability: output("probability"),
    nextState: fed?.name ?? output("state"),
  };
}

function nameOf(role: string, tensor: { readonly name: string } | undefined): string {
  if (tensor !== undefined) return tensor.name;
  throw new RedlineError("MODEL_UNSUITABLE", {
    what: "voice activity",
    expected: `a tensor with the role ${role} in the manifest`,
    received: "none",
  });
}

/** What a voice-activity stream needs of a session: every session has it. */
export type VadSession = Pick<
  Session,
  "model" | "manifest" | "inputs" | "outputs" | "newestFrame" | "run" | "reserve"
>;

/** What one frame came to. */
export interface VadReading {
  /** Speech probability in [0, 1], or undefined when the frame gave none. */
  readonly probability: number | undefined;
  readonly status: OutcomeStatus;
  readonly reason: OutcomeReason;
  readonly latencyUs: number;
}

/**
 * A voice-activity stream over one session. Frames are run one at a time: each needs the state of the one before.
 *
 * A frame that settles without outputs leaves the state of the last run that had some, and becomes the next frame's
 * context like any other: the model hears a gap of 32 ms and forgets nothing. A `late` frame has outputs and counts.
 *
 * @example
 * const vad = new VoiceActivity({ session });
 * const { probability } = await vad.run(frame.samples);
 */
export class VoiceActivity {
  readonly #session: VadSession;
  readonly #tensors: VadTensors;
  readonly #state = new Float32Array(elementCount(STATE_SHAPE));
  readonly #context = new Float32Array(CONTEXT_SAMPLES);

  /**
   * Tensors are found by the roles of the session's manifest, or by Silero's names when there is none.
   *
   * @throws RedlineError `MODEL_UNSUITABLE` naming the tensor that is missing or does not fit.
   */
  constructor({ session, tensors }: { session: VadSession; tensors?: VadTensors }) {
    const named = session.manifest === null ? SILERO_TENSORS : vadTensorsOf(session.manifest);
    this.#session = session;
    this.#tensors = fitted(session, tensors ?? named);
  }

  /** Runs one frame of `FRAME_SAMPLES` samples. Default capture time: now. */
  async run(
    frame: Float32Array,
    options: Pick<RunOptions, "capturedUs" | "frame" | "signal"> = {},
  ): Promise<VadReading> {
    const slot = this.#session.reserve();
    if (slot !== null) this.#fill(slot, frame);
    // Asked all the same when no slot is free, so that the session settles and counts the frame as `rejected / no-slot`.
    const running = slot === null ? this.#session.run(this.#inputs(frame), options) : slot.run(options);
    this.skip(frame);
    const outcome = await running;
    try {
      return { ...this.#read(outcome), ...verdictOf(outcome) };
    } finally {
      outcome.release();
    }
  }

  /** Passes over a frame without running it: it becomes the next frame's context, the state stays. */
  skip(frame: Float32Array): void {
    this.#context.set(frame.subarray(FRAME_SAMPLES - CONTEXT_SAMPLES, FRAME_SAMPLES));
  }

  /** Forgets everything heard. */
  reset(): void {
    this.#state.fill(0);
    this.#context.fill(0);
  }

  /** What `#fill` would write, in memory of its own. */
  #inputs(frame: Float32Array): RunInputs {
    const { audio, state, sampleRate } = this.#tensors;
    const window = new Float32Array(CONTEXT_SAMPLES + FRAME_SAMPLES);
    window.set(this.#context);
    window.set(frame, CONTEXT_SAMPLES);
    return {
      [audio]: { data: window, shape: [1, window.length] },
      [state]: { data: this.#state, shape: STATE_SHAPE },
      ...(sampleRate === undefined
        ? {}
        : { [sampleRate]: { data: BigInt64Array.of(BigInt(SPEECH_RATE_HZ)), shape: [] } }),
    };
  }

  #fill(slot: ReservedSlot, frame: Float32Array): void {
    const { audio, state, sampleRate } = this.#tensors;
    const window = floatInput(slot, audio, [1, CONTEXT_SAMPLES + FRAME_SAMPLES]);
    window.set(this.#context);
    window.set(frame, CONTEXT_SAMPLES);
    floatInput(slot, state, STATE_SHAPE).set(this.#state);
    if (sampleRate === undefined) return;
    const rate = slot.inputs[sampleRate] ?? slot.shapeInput(sampleRate, []);
    rate[0] = BigInt(SPEECH_RATE_HZ);
  }

  #read(outcome: Outcome): { readonly probability: number | undefined } {
    const probability = outcome.outputs[this.#tensors.probability]?.data[0];
    const nextState = outcome.outputs[this.#tensors.nextState]?.data;
    const isUsable =
      typeof probability === "number" &&
      Number.isFinite(probability) &&
      nextState instanceof Float32Array &&
      nextState.length === this.#state.length;
    if (!isUsable) return { probability: undefined };
    // A state that is not finite never arrives here: the session settles such a run `failed / non-finite`.
    this.#state.set(nextState);
    return { probability };
  }
}

function verdictOf({ status, reason, latencyUs }: Outcome): Omit<VadReading, "probability"> {
  return { status, reason, latencyUs };
}

function floatInput(slot: ReservedSlot, name: string, shape: readonly number[]): Float32Array {
  const view = slot.inputs[name] ?? slot.shapeInput(name, shape);
  if (view instanceof Float32Array && view.length === elementCount(shape)) return view;
  throw new RedlineError("INTERNAL", { what: `the slot's view of ${name} changed its type or size` });
}

/** Checks a session's tensors against what a voice-activity stream needs. */
function fitted(session: VadSession, tensors: VadTensors): VadTensors {
  const check = (
    from: readonly TensorSpec[],
    side: string,
    wanted: Omit<TensorSpec, "name">,
    name: string,
  ) => {
    const spec = from.find((candidate) => candidate.name === name);
    const expected = `${side} ${name}: ${wanted.dtype} [${wanted.shape.join(", ")}]`;
    if (spec === undefined) {
      const received = from.map((candidate) => candidate.name).join(", ");
      throw unsuitable(session, expected, `${side}s ${received}`);
    }
    if (spec.dtype !== wanted.dtype || !fitsShape(spec, wanted.shape)) {
      throw unsuitable(session, expected, `${spec.dtype} [${spec.shape.join(", ")}]`);
    }
  };
  const window = [1, CONTEXT_SAMPLES + FRAME_SAMPLES];
  check(session.inputs, "input", { dtype: "float32", shape: window }, tensors.audio);
  check(session.inputs, "input", { dtype: "float32", shape: STATE_SHAPE }, tensors.state);
  check(session.outputs, "output", { dtype: "float32", shape: [1, 1] }, tensors.probability);
  check(session.outputs, "output", { dtype: "float32", shape: STATE_SHAPE }, tensors.nextState);
  const hasRate = session.inputs.some((spec) => spec.name === tensors.sampleRate);
  if (hasRate) check(session.inputs, "input", { dtype: "int64", shape: [] }, tensors.sampleRate!);
  const names = [tensors.audio, tensors.state, tensors.sampleRate];
  const extra = session.inputs.find((spec) => !names.includes(spec.name));
  if (extra !== undefined) throw unsuitable(session, "no further input", extra.name);
  return { ...tensors, sampleRate: hasRate ? tensors.sampleRate : undefined };
}

function unsuitable(session: VadSession, expected: string, received: string): RedlineError {
  return new RedlineError("MODEL_UNSUITABLE", {
    what: `${session.model} as a voice-activity model`,
    expected,
    received,
    hint: "use silero-vad (v5 or v6); v4 has another signature",
  });
}
