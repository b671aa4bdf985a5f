// Owns the arms that run Silero frames, one to a process: as the voice pipeline does, always through a lane, on
// onnxruntime-node, and not at all.
// Invariant: every arm is fed the same frames with 64 samples of context and its own carried state.

import { InferenceSession, Tensor } from "onnxruntime-node";
import { createRuntime, type OpenOptions, type Runtime, type Session } from "../../runtime/index.js";
import { FRAME_SAMPLES } from "../../runtime/voice/frames.js";
import { CONTEXT_SAMPLES, VoiceActivity } from "../../runtime/voice/vad.js";
import { speechFrames } from "../harness/assets.js";
import { serveArm } from "../harness/child.js";
import { type BlockResult, type FrameBlock, type FrameRunner, runPaced } from "../harness/paced-frames.js";
import { PEER_OPTIONS, type PeerTuning } from "../peers/ort-options.js";

/** The ways a voice frame is run. */
export type SileroArm =
  | "redline lane"
  | "redline voice"
  | "program"
  | "session of ONNX Runtime"
  | "ort-node tuned"
  | "ort-node default"
  | "timer alone";

/** What an arm's process is told before its first block. */
export interface SileroSetup {
  readonly arm: SileroArm;
  readonly audio: string;
  /** Path of the model file, for onnxruntime-node. Redline opens it by name. */
  readonly modelPath: string;
  readonly provider: "ort" | "ort-node";
}

const WINDOW = CONTEXT_SAMPLES + FRAME_SAMPLES;
// Late results are kept: each frame needs the state of the one before, and a hiccup of the machine must be seen as a
// latency, not end the measurement.
const VOICE_CONTRACT = { periodMs: 32, deadlineMs: 32, criticality: "interactive", late: "keep" } as const;

let runtime: Runtime | undefined;
let frames: readonly Float32Array[] = [];
let inline: Session | undefined;
let run: FrameRunner = () => ({ probability: 0 });

serveArm(
  {
    setUp: async (setup: SileroSetup): Promise<void> => {
      frames = await speechFrames(setup.audio);
      run = await runnerOf(setup);
    },
    run: (block: FrameBlock): Promise<BlockResult> => runPaced(frames, { ...block, run }),
    tight: async ({ first, count }: FrameBlock): Promise<number[]> => runTight({ first, count }),
  },
  async () => runtime?.close(),
);

async function runnerOf({ arm, modelPath, provider }: SileroSetup): Promise<FrameRunner> {
  switch (arm) {
    case "redline lane":
      return vadRunner(await createRuntime({ provider }), {});
    case "redline voice":
      return vadRunner(await createRuntime({ provider }), { inline: "when-short" });
    case "program":
      return vadRunner(await createRuntime({ provider }), { inline: "when-short", provider: "program" });
    case "session of ONNX Runtime":
      return vadRunner(await createRuntime({ provider }), { inline: "when-short", provider: "ort" });
    case "ort-node tuned":
      return peerRunner({ modelPath, tuning: "tuned" });
    case "ort-node default":
      return peerRunner({ modelPath, tuning: "default" });
    case "timer alone":
      return () => ({ probability: 0 });
  }
}

/** The model's run alone, back to back on this thread, in microseconds: the session's own slots, one window after the other. */
function runTight({ first, count }: { first: number; count: number }): number[] {
  const state = new Float32Array(256);
  const window = new Float32Array(WINDOW);
  const sr = BigInt64Array.of(16000n);
  return Array.from({ length: count }, (_, index) => {
    slide(window, frames[(first + index) % frames.length]!);
    const startMs = performance.now();
    const outcome = inline!.runSync({ input: window, state, sr });
    const us = (performance.now() - startMs) * 1000;
    if (outcome.status !== "done") throw new Error(`a frame was ${outcome.status} / ${outcome.reason}`);
    state.set(outcome.outputs.stateN!.data as Float32Array);
    outcome.release();
    return us;
  });
}

/** The voice pipeline's own stage; `options` says whether its session may stay on this thread. */
async function vadRunner(
  opened: Runtime,
  options: Pick<OpenOptions, "inline" | "provider">,
): Promise<FrameRunner> {
  runtime = opened;
  const { clock } = opened;
  const { provider } = options;
  if (provider !== undefined)
    inline = await runtime.open("silero-vad", { inline: true, provider, name: "tight" });
  const vad = new VoiceActivity({
    session: await runtime.open("silero-vad", { contract: VOICE_CONTRACT, admit: "best-effort", ...options }),
  });
  return async (frame) => {
    const { probability, latencyUs, status, reason } = await vad.run(frame, { capturedUs: clock.nowUs() });
    if (probability === undefined) throw new Error(`a frame was ${status} / ${reason}`);
    return { probability, settleUs: latencyUs };
  };
}

/** The quickest documented way: feeds are made once, and each run's state tensor is the next run's input. */
async function peerRunner(given: { modelPath: string; tuning: PeerTuning }): Promise<FrameRunner> {
  const session = await InferenceSession.create(given.modelPath, PEER_OPTIONS[given.tuning]);
  const window = new Float32Array(WINDOW);
  const feeds: Record<string, Tensor> = {
    input: new Tensor("float32", window, [1, WINDOW]),
    state: new Tensor("float32", new Float32Array(256), [2, 1, 128]),
    sr: new Tensor("int64", BigInt64Array.of(16000n), []),
  };
  return async (frame) => {
    slide(window, frame);
    const results = await session.run(feeds);
    feeds.state = results.stateN as Tensor;
    return { probability: (results.output as Tensor).data[0] as number };
  };
}

/** The last samples of the window become the context of the next frame. */
function slide(window: Float32Array, frame: Float32Array): void {
  window.copyWithin(0, WINDOW - CONTEXT_SAMPLES);
  window.set(frame, CONTEXT_SAMPLES);
}
