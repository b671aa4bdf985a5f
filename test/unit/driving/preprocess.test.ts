// Owns the promise of runtime/driving/preprocess.ts: it equals its definition at any size, layout and colour order.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Preprocessor, type RgbImage } from "../../../runtime/driving/preprocess.js";
import type { ImageInput } from "../../../runtime/driving/road-model.js";

const UNIT: ImageInput = {
  name: "image",
  width: 4,
  height: 3,
  layout: "NCHW",
  colour: "RGB",
  scale: 1,
  mean: [0, 0, 0],
  std: [1, 1, 1],
};

/** The definition, one output element at a time: half-pixel centres, edges repeated. */
function reference(image: RgbImage, input: ImageInput): number[] {
  const out = new Array<number>(3 * input.width * input.height);
  const sample = (x: number, y: number, channel: number) => {
    const column = Math.min(Math.max(x, 0), image.width - 1);
    const row = Math.min(Math.max(y, 0), image.height - 1);
    return image.data[(row * image.width + column) * 3 + channel]!;
  };
  for (let y = 0; y < input.height; y++) {
    for (let x = 0; x < input.width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        const u = ((x + 0.5) * image.width) / input.width - 0.5;
        const v = ((y + 0.5) * image.height) / input.height - 0.5;
        const [left, top] = [Math.floor(u), Math.floor(v)];
        const byte = input.colour === "RGB" ? channel : 2 - channel;
        const upper = sample(left, top, byte) * (left + 1 - u) + sample(left + 1, top, byte) * (u - left);
        const lower =
          sample(left, top + 1, byte) * (left + 1 - u) + sample(left + 1, top + 1, byte) * (u - left);
        const value = upper * (top + 1 - v) + lower * (v - top);
        const at =
          input.layout === "NCHW"
            ? (channel * input.height + y) * input.width + x
            : (y * input.width + x) * 3 + channel;
        out[at] = (value * input.scale - input.mean[channel]!) / input.std[channel]!;
      }
    }
  }
  return out;
}

function write(image: RgbImage, input: ImageInput): Float32Array {
  const target = new Float32Array(3 * input.width * input.height).fill(Number.NaN);
  new Preprocessor(input).write(image, target);
  return target;
}

const side = fc.integer({ min: 1, max: 9 });
const images = fc
  .tuple(side, side)
  .chain(([width, height]) =>
    fc
      .uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 })
      .map((data): RgbImage => ({ width, height, data })),
  );
const three = (min: number) =>
  fc.tuple(...[0, 1, 2].map(() => fc.integer({ min, max: 8 }).map((n) => n / 4))) as fc.Arbitrary<
    [number, number, number]
  >;
const inputs: fc.Arbitrary<ImageInput> = fc.record({
  name: fc.constant("image"),
  width: side,
  height: side,
  layout: fc.constantFrom("NCHW" as const, "NHWC" as const),
  colour: fc.constantFrom("RGB" as const, "BGR" as const),
  scale: fc.constantFrom(1, 1 / 255),
  mean: three(0),
  std: three(1),
});

describe("preprocessing", () => {
  test("equals its definition at every size, layout and colour order", () => {
    fc.assert(
      fc.property(images, inputs, (image, input) => {
        const written = write(image, input);

        // float32 weights and gains: about 1e-5 of the largest value, 255 x 4.
        for (const [i, wanted] of reference(image, input).entries())
          expect(Math.abs(written[i]! - wanted)).toBeLessThan(2e-3);
      }),
    );
  });

  test("of an image of the network's own size copies it", () => {
    const data = Uint8Array.from({ length: 36 }, (_, i) => i * 7);

    const written = write({ width: 4, height: 3, data }, { ...UNIT, layout: "NHWC" });

    expect([...written]).toEqual([...data]);
  });

  test("of an image of one colour gives that colour everywhere", () => {
    fc.assert(
      fc.property(side, side, (width, height) => {
        const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => [9, 90, 200][i % 3]!);

        const written = write({ width, height, data }, UNIT);

        for (const [i, value] of written.entries())
          expect(value).toBeCloseTo([9, 90, 200][Math.floor(i / 12)]!, 3);
      }),
    );
  });

  test("matches OpenCV's INTER_LINEAR on a ramp", () => {
    // cv2.resize(np.uint8([[0, 100, 200, 40, 80, 120]]), (4, 1), interpolation=cv2.INTER_LINEAR) before its rounding.
    const ramp = [0, 100, 200, 40, 80, 120];
    const data = Uint8Array.from(ramp.flatMap((value) => [value, value, value]));

    const written = write({ width: 6, height: 1, data }, { ...UNIT, height: 1 });

    const wanted = [25, 175, 50, 110];
    for (const [i, value] of wanted.entries()) expect(written[i]).toBeCloseTo(value, 3);
  });

  test("follows a source that changes its size", () => {
    const preprocessor = new Preprocessor(UNIT);
    const small: RgbImage = { width: 1, height: 1, data: Uint8Array.from([5, 6, 7]) };
    const large: RgbImage = { width: 8, height: 6, data: new Uint8Array(8 * 6 * 3).fill(50) };
    const target = new Float32Array(36);

    preprocessor.write(small, target);
    preprocessor.write(large, target);

    expect(new Set(target)).toEqual(new Set([50]));
  });
});
