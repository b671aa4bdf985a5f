// Owns what is written for a frame: mask files and overlays, as PNG. Knows no session.
// Invariant: masks are 8-bit, one channel, 0 or 255, at the source's size; a file is there when its promise resolves.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Sharp } from "sharp";
import { RedlineError, reasonOf } from "../core/errors.js";
import type { ImageFrame } from "../sources/frame.js";
import { loadSharp } from "../sources/image-codec.js";
import { maskAt } from "./mask.js";
import type { Polyline } from "./polyline.js";
import type { RoadMargins, RoadView } from "./segment.js";

/** Where pictures of frames go; a folder left out means none of that kind. Folders are created. */
export interface PictureFolders {
  /** `<stem>.drivable.png` and `<stem>.lanes.png`. */
  readonly masks?: string;
  /** `<stem>.png`: the frame with the drivable area tinted, its boundary and the lanes drawn. */
  readonly overlays?: string;
}

/** Colours of the overlay: RGB, and how much of the tint covers the picture. */
const AREA_TINT = { rgb: [0, 200, 90], share: 0.35 } as const;
const LANE_TINT = { rgb: [255, 60, 40], share: 0.6 } as const;
const BOUNDARY_STROKE = "#00e5ff";
const LANE_STROKE = "#ffe600";

/**
 * Creates the folders before the first frame, so that a wrong path ends a run at its start.
 *
 * @throws RedlineError `OUTPUT_WRITE_FAILED` naming the folder.
 */
export async function createFolders(folders: PictureFolders): Promise<void> {
  for (const folder of [folders.masks, folders.overlays]) {
    if (folder === undefined) continue;
    await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
      throw unwritable(folder, cause);
    });
  }
}

/**
 * Writes the frame's masks and overlay.
 *
 * @throws RedlineError `OUTPUT_WRITE_FAILED` naming the file.
 */
export async function writePictures(
  folders: PictureFolders,
  shown: { readonly frame: ImageFrame; readonly margins: RoadMargins; readonly view: RoadView },
): Promise<void> {
  if (folders.masks === undefined && folders.overlays === undefined) return;
  const { frame, margins, view } = shown;
  const sharp = await loadSharp();
  const drivable = maskAt(margins.drivable, frame);
  const lanes = maskAt(margins.lanes, frame);
  const writes: Promise<void>[] = [];
  if (folders.masks !== undefined) {
    writes.push(writeMask(join(folders.masks, `${frame.stem}.drivable.png`), drivable, frame));
    writes.push(writeMask(join(folders.masks, `${frame.stem}.lanes.png`), lanes, frame));
  }
  if (folders.overlays !== undefined) {
    const tinted = Uint8Array.from(frame.data);
    tint(tinted, drivable, AREA_TINT);
    tint(tinted, lanes, LANE_TINT);
    const { width, height } = frame;
    const picture = sharp(tinted, { raw: { width, height, channels: 3 } })
      .composite([{ input: Buffer.from(drawing(frame, view)), top: 0, left: 0 }])
      .png();
    writes.push(write(join(folders.overlays, `${frame.stem}.png`), picture));
  }
  await Promise.all(writes);
}

async function writeMask(path: string, mask: Uint8Array, frame: ImageFrame): Promise<void> {
  const { width, height } = frame;
  const sharp = await loadSharp();
  const picture = sharp(mask, { raw: { width, height, channels: 1 } })
    .toColourspace("b-w")
    .png({ palette: false });
  return write(path, picture);
}

async function write(path: string, picture: Sharp): Promise<void> {
  await picture.toFile(path).catch((cause: unknown) => {
    throw unwritable(path, cause);
  });
}

function unwritable(path: string, cause: unknown): RedlineError {
  return new RedlineError("OUTPUT_WRITE_FAILED", {
    what: path,
    received: reasonOf(cause),
    hint: "free space, or name a folder that can be written",
    cause,
  });
}

function tint(
  rgb: Uint8Array,
  mask: Uint8Array,
  colour: { readonly rgb: readonly [number, number, number]; readonly share: number },
): void {
  const keep = 1 - colour.share;
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue;
    for (let channel = 0; channel < 3; channel++) {
      rgb[i * 3 + channel] = rgb[i * 3 + channel]! * keep + colour.rgb[channel]! * colour.share;
    }
  }
}

/** The lines as SVG, at a stroke that stays visible at any image size. */
function drawing({ width, height }: ImageFrame, view: RoadView): string {
  const stroke = Math.max(1, Math.round(width / 320));
  const lines = [
    line(view.drivable.boundary, { colour: BOUNDARY_STROKE, stroke }),
    ...view.lanes.map((lane) => line(lane, { colour: LANE_STROKE, stroke })),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${lines.join("")}</svg>`;
}

function line(points: Polyline, style: { readonly colour: string; readonly stroke: number }): string {
  // An image point names a pixel's centre; SVG counts from the pixel's corner.
  const path = points.map(([x, y]) => `${x + 0.5},${y + 0.5}`).join(" ");
  return `<polyline points="${path}" fill="none" stroke="${style.colour}" stroke-width="${style.stroke}" stroke-linejoin="round"/>`;
}
