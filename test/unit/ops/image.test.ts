// Owns the promise of the image op's definition: it equals what one would write down in exact arithmetic, at any form.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { halfToNumber } from "../../../runtime/core/half.js";
import { type ImageSource, type ImageTarget, planImage } from "../../../runtime/ops/image-plan.js";
import { type ImageElements, image } from "../../../runtime/ops/reference/image.js";

type Pixel = readonly [number, number, number];

/** A source's own pixel as exact RGB; chroma is asked for at fractions of its grid by `sampleAt`. */
type Field = (x: number, y: number) => Pixel;

const clamp = (value: number, most: number) => Math.min(Math.max(value, 0), most);

/** Bilinear with half-pixel centres and edges repeated, on a field of samples inside a box. */
function bilinear(field: Field, box: { x: number; y: number; width: number; height: number }): Field {
  return (x, y) => {
    const [u, v] = [clamp(x, box.width - 1), clamp(y, box.height - 1)];
    const [left, top] = [Math.floor(u), Math.floor(v)];
    const at = (dx: number, dy: number) =>
      field(box.x + Math.min(left + dx, box.width - 1), box.y + Math.min(top + dy, box.height - 1));
    const [across, down] = [u - left, v - top];
    return [0, 1, 2].map((channel) => {
      const upper = at(0, 0)[channel]! * (1 - across) + at(1, 0)[channel]! * across;
      const lower = at(0, 1)[channel]! * (1 - across) + at(1, 1)[channel]! * across;
      return upper * (1 - down) + lower * down;
    }) as unknown as Pixel;
  };
}

/** What the op is to write, in exact arithmetic, one element at a time, for float targets without letterbox. */
function definition(at: (x: number, y: number) => Pixel, target: ImageTarget): number[] {
  const out = new Array<number>(3 * target.width * target.height);
  for (let y = 0; y < target.height; y++) {
    for (let x = 0; x < target.width; x++) {
      const pixel = at(x, y);
      for (let channel = 0; channel < 3; channel++) {
        const value = pixel[target.colour === "RGB" ? channel : 2 - channel]!;
        const position =
          target.layout === "NCHW"
            ? (channel * target.height + y) * target.width + x
            : (y * target.width + x) * 3 + channel;
        const normalised = value * (target.scale ?? 1) - (target.mean?.[channel] ?? 0);
        out[position] = normalised / (target.std?.[channel] ?? 1);
      }
    }
  }
  return out;
}

function write(source: ImageSource, target: ImageTarget, data: Uint8Array): ImageElements {
  const plan = planImage(source, target);
  const kind = { Float32Array, Uint16Array, Uint8Array, Int8Array }[plan.targetArray];
  const out = new kind(plan.elements);
  image(plan, data, out);
  return out;
}

const UNIT: ImageTarget = { width: 4, height: 3, layout: "NCHW", colour: "RGB", dtype: "float32" };
const side = fc.integer({ min: 1, max: 9 });
const targets: fc.Arbitrary<ImageTarget> = fc.record({
  width: side,
  height: side,
  layout: fc.constantFrom("NCHW" as const, "NHWC" as const),
  colour: fc.constantFrom("RGB" as const, "BGR" as const),
  dtype: fc.constant("float32" as const),
  scale: fc.constantFrom(1, 1 / 255),
  mean: fc.constantFrom([0, 0, 0] as const, [0.5, 0.25, 1] as const),
  std: fc.constantFrom([1, 1, 1] as const, [0.5, 2, 0.25] as const),
});

function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * at * 31 + at * 7) % 256);
}

describe("an image written", () => {
  test("from packed pixels of any order, stride, offset and region equals its definition", () => {
    const forms = fc.record({
      format: fc.constantFrom("rgb" as const, "bgr" as const, "rgba" as const),
      width: side,
      height: side,
      gap: fc.integer({ min: 0, max: 5 }),
      offsetBytes: fc.integer({ min: 0, max: 5 }),
      cut: fc.integer({ min: 0, max: 4 }),
    });
    fc.assert(
      fc.property(forms, targets, ({ format, width, height, gap, offsetBytes, cut }, target) => {
        const size = format === "rgba" ? 4 : 3;
        const strideBytes = width * size + gap;
        const x = Math.min(cut, width - 1);
        const y = Math.min(cut, height - 1);
        const region = { x, y, width: width - x, height: height - y };
        const source = { format, width, height, strideBytes, offsetBytes, region };
        const data = bytes(offsetBytes + strideBytes * height);
        const field: Field = (column, row) => {
          const [a, b, c] = data.subarray(offsetBytes + row * strideBytes + column * size);
          return format === "bgr" ? [c!, b!, a!] : [a!, b!, c!];
        };
        const sampled = bilinear(field, region);

        const written = write(source, target, data);

        const wanted = definition(
          (u, v) =>
            sampled(
              ((u + 0.5) * region.width) / target.width - 0.5,
              ((v + 0.5) * region.height) / target.height - 0.5,
            ),
          target,
        );
        // 1e-4 of a step of a byte, times the largest gain of these targets (4), and the bias's own rounding.
        for (const [i, value] of wanted.entries())
          expect(Math.abs(written[i]! - value)).toBeLessThan(4e-4 + 4e-6);
      }),
    );
  });

  test.each([
    ["nv12", "bt601", "limited", "centre"],
    ["i420", "bt709", "limited", "left"],
    ["nv12", "bt709", "full", "centre"],
    ["i420", "bt601", "full", "centre"],
  ] as const)("from %s (%s, %s, chroma at the %s) equals its definition", (format, matrix, range, siting) => {
    const [width, height] = [12, 8];
    const data = bytes((width * height * 3) / 2);
    const source: ImageSource = { format, width, height, matrix, range, siting };
    const target: ImageTarget = { ...UNIT, width: 7, height: 5 };
    const luma = bilinear((x, y) => [data[y * width + x]!, 0, 0], { x: 0, y: 0, width, height });
    const chromaAt = (x: number, y: number, which: number) =>
      format === "nv12"
        ? data[width * height + y * width + 2 * x + which]!
        : data[width * height + which * ((width * height) / 4) + (y * width) / 2 + x]!;
    const chroma = bilinear((x, y) => [chromaAt(x, y, 0), chromaAt(x, y, 1), 0], {
      x: 0,
      y: 0,
      width: width / 2,
      height: height / 2,
    });
    // ITU-R BT.601-7 and BT.709-6, written out.
    const [kr, kb] = matrix === "bt601" ? [0.299, 0.114] : [0.2126, 0.0722];
    const wanted = definition((u, v) => {
      const [y] = luma(((u + 0.5) * 12) / 7 - 0.5, ((v + 0.5) * 8) / 5 - 0.5);
      const [cb, cr] = chroma(
        ((u + 0.5) * 6) / 7 - (siting === "left" ? 0.25 : 0.5),
        ((v + 0.5) * 4) / 5 - 0.5,
      );
      const isLimited = range === "limited";
      const light = isLimited ? (y - 16) / 219 : y / 255;
      const [blue, red] = [(cb - 128) / (isLimited ? 224 : 255), (cr - 128) / (isLimited ? 224 : 255)];
      const r = light + 2 * (1 - kr) * red;
      const b = light + 2 * (1 - kb) * blue;
      const g = (light - kr * r - kb * b) / (1 - kr - kb);
      return [r, g, b].map((value) => clamp(value * 255, 255)) as unknown as Pixel;
    }, target);

    const written = write(source, target, data);

    for (const [i, value] of wanted.entries()) expect(Math.abs(written[i]! - value)).toBeLessThan(1e-3);
  });

  test("by area is the mean of what each output pixel covers", () => {
    fc.assert(
      fc.property(side, side, targets, (width, height, target) => {
        const data = bytes(width * height * 3);

        const written = write({ format: "rgb", width, height }, { ...target, filter: "area" }, data);

        const share = (from: number, size: number, sample: number) =>
          Math.max(0, Math.min(sample + 1, from + size) - Math.max(sample, from)) / size;
        const [across, down] = [width / target.width, height / target.height];
        const wanted = definition((u, v) => {
          const sums: [number, number, number] = [0, 0, 0];
          for (let y = 0; y < height; y++) {
            for (let x = 0; x < width; x++) {
              const weight = share(u * across, across, x) * share(v * down, down, y);
              for (let channel = 0; channel < 3; channel++)
                sums[channel] = sums[channel]! + weight * data[(y * width + x) * 3 + channel]!;
            }
          }
          return sums;
        }, target);
        for (const [i, value] of wanted.entries()) expect(Math.abs(written[i]! - value)).toBeLessThan(1e-3);
      }),
    );
  });

  test("of one colour is that colour everywhere, to the bit", () => {
    fc.assert(
      fc.property(side, side, fc.constantFrom("bilinear" as const), (width, height, filter) => {
        const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => [9, 90, 200][i % 3]!);

        const written = write({ format: "rgb", width, height }, { ...UNIT, filter }, data);

        for (const [i, value] of written.entries()) expect(value).toBe([9, 90, 200][Math.floor(i / 12)]);
      }),
    );
  });

  test("in a letterbox keeps its proportions in the middle of the pad's colour", () => {
    const data = new Uint8Array(8 * 2 * 3).fill(200);
    const target: ImageTarget = { ...UNIT, width: 4, height: 4, layout: "NHWC", fit: "letterbox", pad: 40 };

    const written = write({ format: "rgb", width: 8, height: 2 }, { ...target, scale: 0.5 }, data);

    const rows = [0, 1, 2, 3].map((row) => [...new Set(written.subarray(row * 12, row * 12 + 12))]);
    // 8 x 2 in 4 x 4 is 4 x 1, in the second row.
    expect(rows).toEqual([[20], [100], [20], [20]]);

    const tall = write({ format: "rgb", width: 2, height: 8 }, { ...target, scale: 0.5 }, data);

    // 2 x 8 in 4 x 4 is 1 x 4, in the second column.
    for (let row = 0; row < 4; row++)
      expect([0, 3, 6, 9].map((at) => tall[row * 12 + at])).toEqual([20, 100, 20, 20]);
  });

  test("as bytes is rounded to nearest, ties to even, and held within the type", () => {
    const data = Uint8Array.from([0, 1, 3, 5, 7, 255]);
    const source: ImageSource = { format: "rgb", width: 2, height: 1 };
    const target: ImageTarget = { ...UNIT, width: 2, height: 1, layout: "NHWC", dtype: "uint8" };

    expect([...write(source, { ...target, scale: 0.5 }, data)]).toEqual([0, 0, 2, 2, 4, 128]);
    expect([...write(source, { ...target, scale: 2 }, data)]).toEqual([0, 2, 6, 10, 14, 255]);
    expect([
      ...write(source, { ...target, dtype: "int8", quantise: { scale: 0.5, zeroPoint: -128 } }, data),
    ]).toEqual([-128, -126, -122, -118, -114, 127]);
  });

  test("as float16 is the nearest half", () => {
    const data = Uint8Array.from([0, 1, 255]);

    const written = write(
      { format: "rgb", width: 1, height: 1 },
      { ...UNIT, width: 1, height: 1, dtype: "float16", scale: 1 / 255 },
      data,
    );

    expect([...written].map(halfToNumber)).toEqual([0, 0.0039215087890625, 1]);
  });
});

describe("a plan is refused, with the argument named,", () => {
  const source: ImageSource = { format: "rgb", width: 8, height: 6 };
  const planes: ImageSource = { format: "i420", width: 8, height: 6 };
  const refusals: readonly [string, Partial<ImageSource>, Partial<ImageTarget>][] = [
    ["source.width", { width: 0 }, {}],
    ["source.height", { height: -1 }, {}],
    ["source.width", { width: 8.5 }, {}],
    ["source.width", { width: 20_000 }, {}],
    ["target.width", {}, { width: 0 }],
    ["target.height", {}, { height: Number.NaN }],
    ["target", {}, { width: 16_384, height: 16_384 }],
    ["source.format", { format: "yuyv" as "rgb" }, {}],
    ["source.strideBytes", { strideBytes: 23 }, {}],
    ["source.offsetBytes", { offsetBytes: -1 }, {}],
    ["source.chromaStrideBytes", { chromaStrideBytes: 8 }, {}],
    ["source.region.x", { region: { x: 8, y: 0, width: 1, height: 1 } }, {}],
    ["source.region.width", { region: { x: 4, y: 0, width: 5, height: 1 } }, {}],
    ["source.region.height", { region: { x: 0, y: 0, width: 4, height: 0 } }, {}],
    ["target.layout", {}, { layout: "CHW" as "NCHW" }],
    ["target.colour", {}, { colour: "grey" as "RGB" }],
    ["target.dtype", {}, { dtype: "int16" as "int8" }],
    ["target.fit", {}, { fit: "crop" as "stretch" }],
    ["target.filter", {}, { filter: "lanczos" as "area" }],
    ["target.scale", {}, { scale: Number.NaN }],
    ["target.scale", {}, { scale: 1e37 }],
    ["target.mean[1]", {}, { mean: [0, Number.POSITIVE_INFINITY, 0] }],
    ["target.std[2]", {}, { std: [1, 1, 0] }],
    ["target.pad", {}, { pad: 256 }],
    ["target.pad", {}, { pad: Number.NaN }],
    ["target.quantise", {}, { quantise: { scale: 1, zeroPoint: 0 } }],
    ["target.quantise.scale", {}, { dtype: "int8", quantise: { scale: 0, zeroPoint: 0 } }],
  ];
  test.each(refusals)("%s: %o %o", (what, sourceChange, targetChange) => {
    expect(() => planImage({ ...source, ...sourceChange }, { ...UNIT, ...targetChange })).toThrow(
      expect.objectContaining({ code: "OP_ARGUMENT", what }),
    );
  });

  test.each<[string, Partial<ImageSource>]>([
    ["source.width", { width: 7 }],
    ["source.height", { height: 5 }],
    ["source.region.x", { region: { x: 1, y: 0, width: 2, height: 2 } }],
    ["source.region.height", { region: { x: 0, y: 0, width: 2, height: 3 } }],
    ["source.chromaStrideBytes", { chromaStrideBytes: 3 }],
    ["source.chromaOffsetBytes", { chromaOffsetBytes: 40 }],
    ["source.crOffsetBytes", { crOffsetBytes: 50 }],
    ["source.crOffsetBytes", { format: "nv12", crOffsetBytes: 100 }],
    ["source.matrix", { matrix: "bt2020" as "bt709" }],
    ["source.range", { range: "wide" as "full" }],
    ["source.siting", { siting: "top" as "left" }],
  ])("%s of planes: %o", (what, change) => {
    expect(() => planImage({ ...planes, ...change }, UNIT)).toThrow(
      expect.objectContaining({ code: "OP_ARGUMENT", what }),
    );
  });
});
