// Owns taking everything a frame source gives, for tests that look at the whole of it.

import type { FrameItem, ImageFrame } from "../../runtime/sources/frame.js";

/** Every frame a source delivered, and the error that ended it. */
export async function drain(
  source: AsyncIterable<FrameItem>,
): Promise<{ frames: ImageFrame[]; error: unknown }> {
  const frames: ImageFrame[] = [];
  try {
    for await (const item of source) frames.push(item as ImageFrame);
  } catch (error) {
    return { frames, error };
  }
  return { frames, error: undefined };
}
