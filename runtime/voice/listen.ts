// Owns listening in Node: the voice pipeline with the ops of this environment. Knows no frame and no model.

import { sharedOps } from "../ops/shared-ops.js";
import { hear, type ListenOptions, type VoiceEvent } from "./hear.js";

export type { FrameReading, ListenOptions, VoiceEvent, VoiceReport } from "./hear.js";

/**
 * Finds speech in a source. Yields `speech-start` when the frame that holds the onset has been run, `speech` (or
 * `speech-withdrawn`) at its end, and one `report` last.
 *
 * A slow session holds the source back instead of queueing: in live mode its frames then arrive old, and the session
 * settles them `dropped` or `late` by its contract. A frame that settles without outputs is counted and the stream
 * goes on (see `VoiceActivity`).
 *
 * Errors: `MODEL_UNSUITABLE`, and the source's `SOURCE_*` after the events of the sound before it. A truncated file
 * is not an error here: the report says so.
 *
 * @example
 * const source = readWav({ path: "voice.wav", clock: runtime.clock });
 * for await (const event of listen({ session, source, clock: runtime.clock })) {
 *   if (event.type === "speech") console.log(event.startMs, event.endMs, event.probability);
 * }
 */
export function listen(options: ListenOptions): AsyncGenerator<VoiceEvent, void, undefined> {
  return hear(sharedOps(), options);
}
