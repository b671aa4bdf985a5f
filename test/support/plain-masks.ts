// Owns counting on masks in the plainest way: rows of pixels, and a look at every pixel around. Shares nothing with runtime/eval.

import sharp from "sharp";

/** A mask as rows of pixels. */
export async function maskOf(path: string): Promise<boolean[][]> {
  const { data, info } = await sharp(path).greyscale().raw().toBuffer({ resolveWithObject: true });
  return Array.from({ length: info.height }, (_, y) =>
    Array.from({ length: info.width }, (_, x) => data[y * info.width + x] !== 0),
  );
}

export function pixelsOf(mask: boolean[][]): [x: number, y: number][] {
  return mask.flatMap((row, y) => row.flatMap((is, x) => (is ? [[x, y] as [number, number]] : [])));
}

/** Share of one mask's pixels with a pixel of the other within a radius, by looking at every one around it. */
export function near(pixels: readonly [number, number][], other: boolean[][], radius: number): number {
  return pixels.filter(([x, y]) => {
    for (let v = y - radius; v <= y + radius; v++) {
      for (let u = x - radius; u <= x + radius; u++) {
        if ((u - x) ** 2 + (v - y) ** 2 <= radius ** 2 && other[v]?.[u] === true) return true;
      }
    }
    return false;
  }).length;
}

export function outline(mask: boolean[][]): boolean[][] {
  return mask.map((row, y) =>
    row.map(
      (is, x) =>
        is && [mask[y]?.[x - 1], mask[y]?.[x + 1], mask[y - 1]?.[x], mask[y + 1]?.[x]].includes(false),
    ),
  );
}

/** F from counts: near, all, near, all. */
export function fOf([a, b, c, d]: readonly number[]): number {
  const [precision, recall] = [a! / b!, c! / d!];
  return precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
}
