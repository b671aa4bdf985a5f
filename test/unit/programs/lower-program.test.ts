// Owns the promises of lowering: a program computes what ONNX Runtime computes, in few steps, or the op is named.

import { describe, expect, test } from "vitest";
import { lowerProgram, type Program } from "../../../runtime/programs/program.js";
import { graphBytes, type SmallGraph } from "../../support/onnx-graph.js";
import { certain, compare, floats, noise, opsOf } from "./compare.js";

const conv = (attributes: Record<string, number | readonly number[]>, rest: Partial<SmallGraph> = {}) => ({
  nodes: [{ op: "Conv", inputs: ["x", "w", "b"], outputs: ["y"], attributes }],
  outputs: ["y"],
  ...rest,
});

describe("a conv1d computes what ONNX Runtime computes", () => {
  const cases = [1, 2, 3, 5].flatMap((taps) =>
    [1, 2, 3].flatMap((stride) =>
      [0, 1, 2].flatMap((pad) => [1, 2, 5, 8].map((length) => ({ taps, stride, pad, length }))),
    ),
  );

  test("for every kernel, stride, padding and length, taps that only meet padding left out", async () => {
    for (const { taps, stride, pad, length } of cases) {
      if (length + 2 * pad < taps) continue;
      const { apart, program } = await compare({
        inputs: { x: [1, 3, length] },
        floats: { w: floats([5, 3, taps], 1), b: floats([5], 2) },
        ...conv({ kernel_shape: [taps], strides: [stride], pads: [pad, pad] }),
      });

      expect({ taps, stride, pad, length, isNear: apart < 1e-5 }).toMatchObject({ isNear: true });
      // One move makes the input time-major, one puts the output in ONNX's order.
      expect(opsOf(program).filter((op) => op === "affine")).toHaveLength(1);
    }
  });

  test("with batch normalisation and an activation taken into it", async () => {
    const { apart, program } = await compare({
      inputs: { x: [1, 4, 9] },
      outputs: ["z"],
      floats: {
        w: floats([6, 4, 3], 1),
        b: floats([6], 2),
        scale: floats([6], 3),
        shift: floats([6], 4),
        mean: floats([6], 5),
        variance: { dims: [6], data: noise(6, 6).map((value) => value + 2) },
      },
      nodes: [
        { op: "Conv", inputs: ["x", "w", "b"], outputs: ["c"], attributes: { kernel_shape: [3] } },
        { op: "BatchNormalization", inputs: ["c", "scale", "shift", "mean", "variance"], outputs: ["n"] },
        { op: "Relu", inputs: ["n"], outputs: ["z"] },
      ],
    });

    expect(apart).toBeLessThan(1e-5);
    expect(opsOf(program)).toEqual(["move", "affine", "move"]);
  });

  test("and keeps its own output where something else reads it too", async () => {
    const { apart } = await compare({
      inputs: { x: [1, 4, 9] },
      floats: { w: floats([6, 4, 3], 1), b: floats([6], 2) },
      nodes: [
        { op: "Conv", inputs: ["x", "w", "b"], outputs: ["c"], attributes: { kernel_shape: [3] } },
        { op: "Relu", inputs: ["c"], outputs: ["r"] },
        { op: "Sub", inputs: ["c", "r"], outputs: ["y"] },
      ],
      outputs: ["y"],
    });

    expect(apart).toBeLessThan(1e-5);
  });
});

test.each<[string, SmallGraph, readonly string[] | undefined]>([
  [
    "a dense layer with its bias and curve fused",
    {
      inputs: { x: [3, 8] },
      outputs: ["y"],
      floats: { w: floats([8, 5], 1), b: floats([5], 2) },
      nodes: [
        { op: "MatMul", inputs: ["x", "w"], outputs: ["m"] },
        { op: "Add", inputs: ["m", "b"], outputs: ["s"] },
        { op: "Sigmoid", inputs: ["s"], outputs: ["y"] },
      ],
    },
    ["affine"],
  ],
  [
    "a Gemm whose matrix is turned",
    {
      inputs: { x: [2, 8] },
      outputs: ["y"],
      floats: { w: floats([5, 8], 1), b: floats([5], 2) },
      nodes: [{ op: "Gemm", inputs: ["x", "w", "b"], outputs: ["y"], attributes: { transB: 1 } }],
    },
    ["affine"],
  ],
  [
    "magnitudes of real and imaginary parts, without the squares",
    {
      inputs: { x: [1, 6, 4] },
      outputs: ["y"],
      floats: { two: { dims: [], data: Float32Array.of(2) } },
      wholes: {
        zero: { dims: [1], data: [0] },
        three: { dims: [1], data: [3] },
        six: { dims: [1], data: [6] },
        one: { dims: [1], data: [1] },
        order: { dims: [3], data: [1, 4, 6] },
      },
      nodes: [
        { op: "Transpose", inputs: ["x"], outputs: ["t"], attributes: { perm: [0, 2, 1] } },
        { op: "Reshape", inputs: ["t", "order"], outputs: ["o"] },
        { op: "Transpose", inputs: ["o"], outputs: ["u"], attributes: { perm: [0, 2, 1] } },
        { op: "Slice", inputs: ["u", "zero", "three", "one"], outputs: ["re"] },
        { op: "Slice", inputs: ["u", "three", "six", "one"], outputs: ["im"] },
        { op: "Pow", inputs: ["re", "two"], outputs: ["re2"] },
        { op: "Pow", inputs: ["im", "two"], outputs: ["im2"] },
        { op: "Add", inputs: ["re2", "im2"], outputs: ["sum"] },
        { op: "Sqrt", inputs: ["sum"], outputs: ["y"] },
      ],
    },
    ["move", "magnitude", "move"],
  ],
  [
    "a mean over time, padding by reflection, and a sum of two layouts",
    {
      inputs: { x: [1, 7], z: [1, 3, 5] },
      outputs: ["y", "m", "s"],
      wholes: { pads: { dims: [4], data: [0, 2, 0, 3] } },
      nodes: [
        { op: "Pad", inputs: ["x", "pads"], outputs: ["y"], attributes: { mode: "reflect" } },
        { op: "Transpose", inputs: ["z"], outputs: ["t"], attributes: { perm: [0, 2, 1] } },
        { op: "ReduceMean", inputs: ["t"], outputs: ["m"], attributes: { axes: [1], keepdims: 0 } },
        { op: "Transpose", inputs: ["t"], outputs: ["back"], attributes: { perm: [0, 2, 1] } },
        { op: "Mul", inputs: ["back", "z"], outputs: ["s"] },
      ],
    },
    undefined,
  ],
  [
    "parts put together along either dimension, an input among them",
    {
      inputs: { x: [2, 3], z: [2, 3] },
      outputs: ["y", "w"],
      nodes: [
        { op: "Tanh", inputs: ["x"], outputs: ["t"] },
        { op: "Relu", inputs: ["z"], outputs: ["r"] },
        { op: "Concat", inputs: ["t", "x", "r"], outputs: ["y"], attributes: { axis: 0 } },
        { op: "Concat", inputs: ["t", "r"], outputs: ["w"], attributes: { axis: 1 } },
      ],
    },
    undefined,
  ],
  [
    "a softmax of each row",
    {
      inputs: { x: [3, 7] },
      outputs: ["y"],
      nodes: [{ op: "Softmax", inputs: ["x"], outputs: ["y"] }],
    },
    ["softmax"],
  ],
  [
    "a layer normalisation",
    {
      opset: 17,
      inputs: { x: [3, 7] },
      outputs: ["y"],
      floats: { scale: floats([7], 1), shift: floats([7], 2) },
      nodes: [{ op: "LayerNormalization", inputs: ["x", "scale", "shift"], outputs: ["y"] }],
    },
    ["layerNorm"],
  ],
  [
    "numbers for each channel, each column and all",
    {
      inputs: { x: [1, 3, 5] },
      outputs: ["y"],
      floats: { channel: floats([3, 1], 1), column: floats([5], 2), all: floats([], 3) },
      nodes: [
        { op: "Mul", inputs: ["x", "channel"], outputs: ["a"] },
        { op: "Add", inputs: ["a", "column"], outputs: ["b"] },
        { op: "Sub", inputs: ["all", "b"], outputs: ["c"] },
        { op: "Div", inputs: ["c", "all"], outputs: ["y"] },
      ],
    },
    undefined,
  ],
])("%s: the same as ONNX Runtime", async (_, graph, ops) => {
  const { apart, program } = await compare(graph);

  expect(apart).toBeLessThan(1e-5);
  if (ops !== undefined) expect(opsOf(program)).toEqual(ops);
});

describe("an LSTM", () => {
  const lstm = (length: number, units: number): SmallGraph => ({
    inputs: { x: [length, 1, 6], h: [1, 1, units], c: [1, 1, units] },
    outputs: ["all", "last", "cell"],
    floats: {
      w: floats([1, 4 * units, 6], 1),
      r: floats([1, 4 * units, units], 2),
      b: floats([1, 8 * units], 3),
    },
    nodes: [
      {
        op: "LSTM",
        inputs: ["x", "w", "r", "b", "", "h", "c"],
        outputs: ["all", "last", "cell"],
        attributes: { hidden_size: units },
      },
    ],
  });

  test.each([
    [1, 5],
    [4, 16],
  ])("of %i steps and %i units computes what ONNX Runtime computes", async (length, units) => {
    const { apart, program } = await compare(lstm(length, units));

    expect(apart).toBeLessThan(1e-5);
    expect(opsOf(program).filter((op) => op === "lstm")).toHaveLength(length);
  });

  test.each([
    [1, 5],
    [3, 16],
  ])("a GRU of %i steps and %i units too", async (length, units) => {
    const { apart, program } = await compare({
      inputs: { x: [length, 1, 6], h: [1, 1, units] },
      outputs: ["all", "last"],
      floats: {
        w: floats([1, 3 * units, 6], 1),
        r: floats([1, 3 * units, units], 2),
        b: floats([1, 6 * units], 3),
      },
      nodes: [
        {
          op: "GRU",
          inputs: ["x", "w", "r", "b", "", "h"],
          outputs: ["all", "last"],
          attributes: { hidden_size: units, linear_before_reset: 1 },
        },
      ],
    });

    expect(apart).toBeLessThan(1e-5);
    expect(opsOf(program).filter((op) => op === "gru")).toHaveLength(length);
  });

  test("carries a state in place that feeds itself, and only then", async () => {
    const bytes = graphBytes(lstm(1, 4));

    const carrying = await lowerProgram(bytes, { ...certain, feeds: { last: "h", cell: "c" } });
    const crossed = await lowerProgram(bytes, { ...certain, feeds: { last: "c" } });

    const place = (program: Program, name: string) =>
      [...program.inputs, ...program.outputs].find((one) => one.name === name)!.place;
    expect(carrying.carried).toEqual({ last: "h", cell: "c" });
    expect(place(carrying, "last")).toBe(place(carrying, "h"));
    expect(crossed.carried).toEqual({});
    expect(place(crossed, "last")).not.toBe(place(crossed, "c"));
  });
});

describe("what is no program is refused by name", () => {
  const refusal = (graph: SmallGraph): Promise<unknown> =>
    lowerProgram(graphBytes(graph), certain).catch((error: unknown) => error);

  test("an op that programs lack", async () => {
    const nodes = [{ op: "TopK", inputs: ["x"], outputs: ["y"] }];

    expect(await refusal({ inputs: { x: [1, 4] }, outputs: ["y"], nodes })).toMatchObject({
      code: "MODEL_UNSUITABLE",
      received: "TopK",
    });
  });

  test("a form of an op that programs lack", async () => {
    const graph = { inputs: { x: [1, 4, 8] }, floats: { w: floats([4, 1, 3], 1), b: floats([4], 2) } };

    expect(await refusal({ ...graph, ...conv({ group: 4, kernel_shape: [3] }) })).toMatchObject({
      code: "MODEL_UNSUITABLE",
      what: expect.stringContaining("Conv"),
    });
  });

  test("a weight that a run computes", async () => {
    const nodes = [{ op: "MatMul", inputs: ["x", "z"], outputs: ["y"] }];

    expect(await refusal({ inputs: { x: [2, 2], z: [2, 2] }, outputs: ["y"], nodes })).toMatchObject({
      code: "MODEL_UNSUITABLE",
      what: expect.stringContaining("MatMul"),
    });
  });
});
