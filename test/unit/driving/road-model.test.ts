// Owns the promise of runtime/driving/road-model.ts: a model is understood whole, or the error says what is missing.

import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import type { TensorSpec } from "../../../runtime/core/tensor.js";
import { roadModelOf } from "../../../runtime/driving/road-model.js";
import { parseManifest } from "../../../runtime/store/manifest.js";

const spec = (name: string, shape: readonly (number | string)[], dtype: TensorSpec["dtype"] = "float32") => ({
  name,
  dtype,
  shape,
});
const TWINLITENET = {
  inputs: [spec("input", [1, 3, 320, 320])],
  outputs: [spec("drivable_area", [1, 2, 320, 320]), spec("lanes", [1, 2, 320, 320])],
};

test("a model opened by path is known by its names and shapes, and takes RGB / 255", () => {
  const road = roadModelOf(TWINLITENET);

  expect(road.image).toMatchObject({
    name: "input",
    width: 320,
    height: 320,
    layout: "NCHW",
    colour: "RGB",
    scale: 1 / 255,
  });
  expect(road.drivable).toEqual({ name: "drivable_area", width: 320, height: 320, values: "unknown" });
});

test("our own model is known by the roles of its manifest", async () => {
  const path = "models/road-seg/manifest.json";
  const manifest = parseManifest(JSON.parse(await readFile(path, "utf8")), { path });
  const tensors = {
    inputs: [spec("image", [1, 3, 320, 320])],
    outputs: [spec("drivable", [1, 2, 160, 160]), spec("lanes", [1, 2, 160, 160])],
  };

  const road = roadModelOf(tensors, manifest);

  expect(road.drivable).toEqual({ name: "drivable", width: 160, height: 160, values: "logits" });
  expect(road.lanes).toEqual({ name: "lanes", width: 160, height: 160, values: "logits" });
  expect(road.image.scale).toBeCloseTo(1 / 255, 12);
});

const unsuitable = [
  {
    name: "a model without a lane head",
    tensors: { ...TWINLITENET, outputs: [spec("drivable_area", [1, 2, 320, 320])] },
    says: "an output named lanes",
  },
  {
    name: "a voice model",
    tensors: { inputs: [spec("input", [1, 576])], outputs: [spec("output", [1, 1])] },
    says: "one float32 image input of four dimensions",
  },
  {
    name: "a head of three classes",
    tensors: {
      ...TWINLITENET,
      outputs: [spec("drivable", [1, 3, 320, 320]), spec("lanes", [1, 2, 320, 320])],
    },
    says: "output drivable as float32 [1, 2, height, width]",
  },
  {
    name: "an image of unknown size",
    tensors: { ...TWINLITENET, inputs: [spec("input", [1, 3, "h", "w"])] },
    says: "fixed size",
  },
  {
    name: "a second input",
    tensors: { ...TWINLITENET, inputs: [spec("input", [1, 3, 320, 320]), spec("pose", [1, 6])] },
    says: "one float32 image input",
  },
  {
    name: "an input in bytes",
    tensors: { ...TWINLITENET, inputs: [spec("input", [1, 3, 320, 320], "uint8")] },
    says: "one float32 image input",
  },
];
for (const { name, tensors, says } of unsuitable) {
  test(`${name} is MODEL_UNSUITABLE, and the error says what is missing`, () => {
    expect(() => roadModelOf(tensors)).toThrow(
      expect.objectContaining({ code: "MODEL_UNSUITABLE", expected: expect.stringContaining(says) }),
    );
  });
}
