// Owns what a camera frame is, and what stands in its place when one cannot be read. Knows no file format.
// Invariant: ids and capture times of one source rise strictly; pixels are at the source's own size, never resampled.

import type { Clock } from "../core/clock.js";
import type { RedlineError } from "../core/errors.js";

/**
 * One image as it was captured.
 *
 * @example
 * for await (const item of await openFrames("drive/", { clock })) {
 *   if (isFault(item)) console.error(item.error.message);
 *   else console.log(item.id, item.width, item.height);
 * }
 */
export interface ImageFrame {
  /** The frame's number, from 0, as the camera says: a gap means that frames were lost. */
  readonly id: number;
  /** The file's name, or the clip's name and the frame's number: `clip.mp4#000123`. */
  readonly source: string;
  /** When the frame was captured (for files: read), in microseconds on the runtime's clock. */
  readonly capturedUs: number;
  /** Size in pixels. */
  readonly width: number;
  readonly height: number;
  /** sRGB, three bytes a pixel (R, G, B), rows tightly packed, top to bottom. */
  readonly data: Uint8Array;
  /** Begin of the name of files written for this frame: `<stem>` for images, `<stem>.000123` for clips. */
  readonly stem: string;
  /** What the format says about the frame that a reader of results must know, for example `interlaced`. */
  readonly flags?: readonly string[];
}

/** A frame that could not be read. The source goes on with the next one. */
export interface FrameFault {
  readonly id: number;
  readonly source: string;
  readonly capturedUs: number;
  readonly error: RedlineError;
}

/** What a source delivers: a frame, or what stands in its place. Tell them apart with `isFault`. */
export type FrameItem = ImageFrame | FrameFault;

/**
 * Frames in the order they were captured. An error that ends the source is thrown after every whole frame has been
 * delivered; one that concerns a single frame is delivered in its place.
 */
export type FrameSource = AsyncIterable<FrameItem>;

/** Whether the item stands for a frame that could not be read. */
export function isFault(item: FrameItem): item is FrameFault {
  return "error" in item;
}

/** Capture times of a source that has no camera clock: the time of reading, strictly rising. */
export function createStamp(clock: Clock): () => number {
  let lastUs = Number.NEGATIVE_INFINITY;
  return () => {
    lastUs = Math.max(clock.nowUs(), lastUs + 1);
    return lastUs;
  };
}

/** A stream of frames and the names they carry. */
export interface StreamOptions {
  readonly clock: Clock;
  /** Name of the stream in results and errors: a file name or `stdin`. */
  readonly name: string;
  /** Begin of output names: `<stem>.000123`. */
  readonly stem: string;
}

/** Names of frame `id` of a stream: six digits, more when it has more. */
export function streamNames(stream: { readonly name: string; readonly stem: string }, id: number) {
  const number = String(id).padStart(6, "0");
  return { source: `${stream.name}#${number}`, stem: `${stream.stem}.${number}` };
}
