// Owns the promises of lowering curves, limits and branches: they compute what ONNX Runtime computes, in few steps.

import { expect, test } from "vitest";
import type { SmallGraph } from "../../support/onnx-graph.js";
import { compare, floats, opsOf } from "./compare.js";

const scalar = (value: number) => ({ dims: [], data: Float32Array.of(value) });
const dense = {
  inputs: { x: [3, 8] },
  outputs: ["y"],
  floats: { w: floats([8, 5], 1), b: floats([5], 2), low: scalar(-0.1), high: scalar(0.3) },
};
const product = { op: "Gemm", inputs: ["x", "w", "b"], outputs: ["m"] };

test.each<[string, SmallGraph, readonly string[]]>([
  [
    "a leaking line cut off below and above is part of the product before it",
    {
      ...dense,
      nodes: [
        product,
        { op: "LeakyRelu", inputs: ["m"], outputs: ["l"], attributes: { alpha: { float: 0.2 } } },
        { op: "Max", inputs: ["l", "low"], outputs: ["f"] },
        { op: "Min", inputs: ["high", "f"], outputs: ["y"] },
      ],
    },
    ["affine"],
  ],
  [
    "limits that leave nothing between them stay apart",
    {
      ...dense,
      nodes: [
        product,
        { op: "Min", inputs: ["m", "low"], outputs: ["f"] },
        { op: "Max", inputs: ["f", "high"], outputs: ["y"] },
      ],
    },
    ["affine", "map"],
  ],
  [
    "a line cut off at known limits",
    { ...dense, nodes: [product, { op: "Clip", inputs: ["m", "low", "high"], outputs: ["y"] }] },
    ["affine"],
  ],
  [
    "limits that a run decides are a step each",
    {
      inputs: { x: [3, 8], low: [1], high: [1] },
      outputs: ["y"],
      nodes: [{ op: "Clip", inputs: ["x", "low", "high"], outputs: ["y"] }],
    },
    ["combine", "combine"],
  ],
  [
    "the logarithm of powers, 80 below the largest at least",
    {
      ...dense,
      floats: { ...dense.floats, little: scalar(1e-10), range: scalar(8) },
      nodes: [
        { op: "Mul", inputs: ["x", "x"], outputs: ["p"] },
        { op: "Clip", inputs: ["p", "little"], outputs: ["c"] },
        { op: "Log", inputs: ["c"], outputs: ["l"] },
        { op: "ReduceMax", inputs: ["l"], outputs: ["most"], attributes: { keepdims: 0 } },
        { op: "Sub", inputs: ["most", "range"], outputs: ["least"] },
        { op: "Clip", inputs: ["l", "least"], outputs: ["y"] },
      ],
    },
    ["combine", "map", "elementary", "pool", "constant", "combine", "combine"],
  ],
  [
    "the largest of each column of an outer dimension",
    {
      inputs: { x: [4, 5, 3] },
      outputs: ["y"],
      nodes: [{ op: "ReduceMax", inputs: ["x"], outputs: ["y"], attributes: { axes: [0], keepdims: 1 } }],
    },
    ["pool"],
  ],
  [
    "rows to mean 0 and variance 1, by hand",
    {
      ...dense,
      floats: { ...dense.floats, two: scalar(2), little: scalar(1e-5) },
      nodes: [
        { op: "ReduceMean", inputs: ["x"], outputs: ["mean"], attributes: { axes: [1] } },
        { op: "Sub", inputs: ["x", "mean"], outputs: ["d"] },
        { op: "Pow", inputs: ["d", "two"], outputs: ["d2"] },
        { op: "ReduceMean", inputs: ["d2"], outputs: ["v"], attributes: { axes: [1] } },
        { op: "Add", inputs: ["v", "little"], outputs: ["e"] },
        { op: "Sqrt", inputs: ["e"], outputs: ["s"] },
        { op: "Div", inputs: ["d", "s"], outputs: ["y"] },
      ],
    },
    [],
  ],
])("%s: the same as ONNX Runtime", async (_, graph, ops) => {
  const { apart, program } = await compare(graph);

  expect(apart).toBeLessThan(1e-5);
  if (ops.length > 0) expect(opsOf(program)).toEqual(ops);
});

test.each([
  ["GreaterOrEqual", -1],
  ["GreaterOrEqual", 1],
  ["LessOrEqual", -1],
  ["LessOrEqual", 1],
])("a branch that a run decides by %s than %i gives what its side gives", async (op, limit) => {
  const { apart, program } = await compare({
    inputs: { x: [1, 4] },
    outputs: ["y", "z"],
    floats: { limit: { dims: [1, 1], data: Float32Array.of(limit) } },
    nodes: [
      { op: "ReduceMean", inputs: ["x"], outputs: ["m"], attributes: { axes: [1] } },
      { op, inputs: ["m", "limit"], outputs: ["truth"] },
      { op: "Cast", inputs: ["truth"], outputs: ["condition"], attributes: { to: 9 } },
      { op: "Cast", inputs: ["truth"], outputs: ["z"], attributes: { to: 1 } },
      {
        op: "If",
        inputs: ["condition"],
        outputs: ["y"],
        attributes: {
          then_branch: { outputs: ["a"], nodes: [{ op: "Tanh", inputs: ["x"], outputs: ["a"] }] },
          else_branch: { outputs: ["b"], nodes: [{ op: "Relu", inputs: ["x"], outputs: ["b"] }] },
        },
      },
    ],
  });

  expect(apart).toBeLessThan(1e-5);
  expect(opsOf(program)).toContain("select");
});
