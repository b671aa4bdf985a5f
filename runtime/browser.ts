// Owns the public door of a browser, `redline-rt/browser`: the same words as in Node, on WebAssembly. Knows no page.
// Invariant: nothing that is imported from here touches a module of Node.

import { browserOps } from "./browser/browser-ops.js";
import { hear, type ListenOptions, type VoiceEvent } from "./voice/hear.js";

export type { BrowserManifest, ModelSource } from "./browser/browser-model.js";
export {
  type BrowserOpenOptions,
  BrowserRuntime,
  type BrowserRuntimeOptions,
  createRuntime,
} from "./browser/browser-runtime.js";
export { BrowserSession, type BrowserSessionStats } from "./browser/browser-session.js";
export { readSamples, type SampleSource } from "./browser/float-source.js";
export { type BrowserMicrophone, openMicrophone } from "./browser/microphone.js";
export {
  ORT_WEB_DEVICES,
  type OrtWeb,
  type OrtWebDevice,
  type OrtWebSession,
  type OrtWebTensor,
} from "./browser/ort-web-graph.js";
export type { Clock } from "./core/clock.js";
export type { Contract } from "./core/contract.js";
export { ERROR_TABLE, type ErrorCode, RedlineError } from "./core/errors.js";
export type { OutcomeReason, OutcomeStatus } from "./core/outcome.js";
export type { Tensor, TensorData, TensorSpec } from "./core/tensor.js";
export { type ImagePlan, planImage } from "./ops/image-plan.js";
export { type MarginsPlan, planMargins } from "./ops/margins-plan.js";
export { type MaskPlan, planMask } from "./ops/mask-plan.js";
export { Ops } from "./ops/ops.js";
export type { Outcome, ReservedSlot, RunInputs, RunOptions } from "./sessions/session.js";
export type { AudioChunk, AudioSource } from "./sources/audio.js";
export type { FrameReading, ListenOptions, VoiceEvent, VoiceReport } from "./voice/hear.js";
export type { SegmentEvent, SegmentRules } from "./voice/segmenter.js";

/**
 * Finds speech in a source, as `listen` does in Node: `speech-start`, `speech` or `speech-withdrawn`, and one `report` last.
 *
 * @example
 * const source = readSamples({ samples, sampleRateHz: 16_000, clock });
 * for await (const event of listen({ session, source, clock })) {
 *   if (event.type === "speech") console.log(event.startMs, event.endMs);
 * }
 */
export async function* listen(options: ListenOptions): AsyncGenerator<VoiceEvent, void, undefined> {
  yield* hear(await browserOps(), options);
}
