// Owns the promises of lowering images: conv2d of every kind and pools compute what ONNX Runtime computes.

import { describe, expect, test } from "vitest";
import type { SmallGraph } from "../../support/onnx-graph.js";
import { compare, floats, opsOf } from "./compare.js";

describe("an image", () => {
  const image = (given: {
    group?: number;
    kernel: readonly [number, number];
    attributes?: Record<string, number | string | readonly number[]>;
  }): SmallGraph => {
    const { group = 1, kernel, attributes = {} } = given;
    return {
      inputs: { x: [1, 4, 7, 6] },
      outputs: ["y"],
      floats: {
        w: floats([group === 1 ? 5 : 4, 4 / group, ...kernel], 1),
        b: floats([group === 1 ? 5 : 4], 2),
      },
      nodes: [
        {
          op: "Conv",
          inputs: ["x", "w", "b"],
          outputs: ["c"],
          attributes: { kernel_shape: kernel, group, ...attributes },
        },
        { op: "Relu", inputs: ["c"], outputs: ["y"] },
      ],
    };
  };

  test.each<[string, SmallGraph, string]>([
    ["pointwise", image({ kernel: [1, 1] }), "affine"],
    [
      "with a kernel, a stride and padding",
      image({ kernel: [3, 2], attributes: { strides: [2, 1], pads: [1, 0, 1, 1] } }),
      "conv2d",
    ],
    [
      "padded to the same size",
      image({ kernel: [3, 3], attributes: { auto_pad: "SAME_UPPER", strides: [2, 2] } }),
      "conv2d",
    ],
    ["depthwise", image({ group: 4, kernel: [3, 3], attributes: { pads: [1, 1, 1, 1] } }), "depthwise"],
  ])("convolved %s comes out as ONNX Runtime has it, the activation fused", async (_, graph, op) => {
    const { apart, program } = await compare(graph);

    expect(apart).toBeLessThan(1e-5);
    expect(opsOf(program).filter((name) => ["affine", "conv2d", "depthwise", "map"].includes(name))).toEqual([
      op,
    ]);
  });

  test.each(["MaxPool", "AveragePool"])("pooled by %s comes out as ONNX Runtime has it", async (op) => {
    const attributes = { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 1, 1] };
    const nodes = [
      { op, inputs: ["x"], outputs: ["p"], attributes },
      { op: "GlobalAveragePool", inputs: ["p"], outputs: ["y"] },
    ];

    const { apart } = await compare({ inputs: { x: [1, 5, 7, 6] }, outputs: ["p", "y"], nodes });

    expect(apart).toBeLessThan(1e-5);
  });
});
