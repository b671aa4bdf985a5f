// Owns the arithmetic from Y'CbCr planes to RGB bytes (ITU-R BT.601). Knows no file.
// Invariant: one rounding per channel; limited range by default, as YUV4MPEG2 has it.

/** How a frame's planes lie in memory and how their numbers are meant. */
export interface PlaneLayout {
  readonly width: number;
  readonly height: number;
  /** Luma samples for each chroma sample, across and down; absent for grey frames. */
  readonly chroma?: { readonly across: number; readonly down: number };
  /** `limited`: luma 16 to 235 and chroma 16 to 240; `full`: 0 to 255. */
  readonly range: "limited" | "full";
}

/** Bytes of the planes of one frame: luma, then both chromas at their own size, rounded up. */
export function planeBytes(layout: PlaneLayout): { readonly luma: number; readonly chroma: number } {
  const luma = layout.width * layout.height;
  if (layout.chroma === undefined) return { luma, chroma: 0 };
  const { across, down } = layout.chroma;
  return { luma, chroma: Math.ceil(layout.width / across) * Math.ceil(layout.height / down) };
}

// 16 fractional bits keep the sum of three products exact to far less than half a grey level and inside 32 bits.
const ONE = 65_536;
/** BT.601 with Kr = 0.299 and Kb = 0.114: weights of Cr in R, Cb and Cr in G, Cb in B. */
const WEIGHTS = { redCr: 1.402, greenCb: -0.344136286, greenCr: -0.714136286, blueCb: 1.772 };

/**
 * Converts one frame's planes to RGB. Each chroma sample is used for all luma samples it covers, without interpolation.
 *
 * @returns rows of three bytes a pixel, tightly packed.
 */
export function rgbFromPlanes(planes: Uint8Array, layout: PlaneLayout): Uint8Array {
  const { width, height, chroma, range } = layout;
  const rgb = new Uint8ClampedArray(width * height * 3);
  const lumaOffset = range === "limited" ? 16 : 0;
  const lumaScale = Math.round((range === "limited" ? 255 / 219 : 1) * ONE);
  if (chroma === undefined) {
    for (let i = 0; i < width * height; i++) {
      const grey = (((planes[i] ?? 0) - lumaOffset) * lumaScale + ONE / 2) >> 16;
      rgb[i * 3] = grey;
      rgb[i * 3 + 1] = grey;
      rgb[i * 3 + 2] = grey;
    }
    return bytesOf(rgb);
  }
  const chromaScale = range === "limited" ? 255 / 224 : 1;
  const redCr = Math.round(WEIGHTS.redCr * chromaScale * ONE);
  const greenCb = Math.round(WEIGHTS.greenCb * chromaScale * ONE);
  const greenCr = Math.round(WEIGHTS.greenCr * chromaScale * ONE);
  const blueCb = Math.round(WEIGHTS.blueCb * chromaScale * ONE);
  const chromaWidth = Math.ceil(width / chroma.across);
  const bytes = planeBytes(layout);
  const column = Int32Array.from({ length: width }, (_, x) => Math.floor(x / chroma.across));
  for (let y = 0, at = 0; y < height; y++) {
    const cbRow = bytes.luma + Math.floor(y / chroma.down) * chromaWidth;
    const crRow = cbRow + bytes.chroma;
    for (let x = 0; x < width; x++, at++) {
      const luma = ((planes[at] ?? 0) - lumaOffset) * lumaScale + ONE / 2;
      const cb = (planes[cbRow + (column[x] ?? 0)] ?? 0) - 128;
      const cr = (planes[crRow + (column[x] ?? 0)] ?? 0) - 128;
      rgb[at * 3] = (luma + redCr * cr) >> 16;
      rgb[at * 3 + 1] = (luma + greenCb * cb + greenCr * cr) >> 16;
      rgb[at * 3 + 2] = (luma + blueCb * cb) >> 16;
    }
  }
  return bytesOf(rgb);
}

function bytesOf(clamped: Uint8ClampedArray): Uint8Array {
  return new Uint8Array(clamped.buffer, clamped.byteOffset, clamped.length);
}
