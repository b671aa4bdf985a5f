// Owns the promises of graph surgery: a promoted branch computes what the If computed, and nothing else is touched.

import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { SILERO_SHAPES } from "../../../bench/mutants/known-crash.js";
import { storedSilero } from "../../../bench/mutants/sources.js";
import { fixInput, fixShape, int64Scalar } from "../../../runtime/graphs/fix-input.js";
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode } from "../../../runtime/graphs/onnx-model.js";
import { promoteBranches } from "../../../runtime/graphs/promote-branch.js";
import { readModel } from "../../../runtime/graphs/read-model.js";
import { writeModel } from "../../../runtime/graphs/write-model.js";

const NOTHING = { rest: [], domain: "", overload: "" };

function node(op: string, inputs: string[], outputs: string[], attributes: OnnxAttribute[] = []): OnnxNode {
  return { ...NOTHING, name: "", op, inputs, outputs, attributes };
}

function graphOf(part: Partial<OnnxGraph>): OnnxGraph {
  const none = { initializers: [], sparseInitializers: [], inputs: [], outputs: [], values: [], rest: [] };
  return { name: "g", nodes: [], ...none, ...part };
}

function branch(name: string, graph: OnnxGraph): OnnxAttribute {
  const lists = { floats: [], ints: [], strings: [], tensors: [], graphs: [], sparseTensors: [], rest: [] };
  const none = { float: null, int: null, string: null, tensor: null, sparseTensor: null };
  return { name, kind: 5, graph, ...none, ...lists };
}

function value(name: string, elementType: number, dims: readonly number[]) {
  const shape = dims.map((size) => ({ size, rest: [] }));
  return { name, type: { kind: "tensor" as const, elementType, shape, rest: [] }, rest: [] };
}

const bare = (name: string) => ({ name, type: null, rest: [] });

/** `mode` 1 doubles `x`, any other squares it; done twice, with the same names within both Ifs, as exporters do. */
function choosing(): OnnxModel {
  const doubling = graphOf({ nodes: [node("Add", ["x", "x"], ["then_y"])], outputs: [bare("then_y")] });
  const squaring = graphOf({
    nodes: [node("Mul", ["x", "x"], ["square"]), node("Identity", ["square"], ["else_y"])],
    outputs: [bare("else_y")],
  });
  const branches = [branch("then_branch", doubling), branch("else_branch", squaring)];
  return {
    irVersion: 8,
    opsets: [{ domain: "", version: 17, rest: [] }],
    functions: [],
    rest: [],
    graph: graphOf({
      inputs: [value("x", 1, [2]), value("mode", 7, [])],
      outputs: [value("y", 1, [2]), value("z", 1, [2])],
      initializers: [int64Scalar("one", 1n)],
      nodes: [
        node("Equal", ["mode", "one"], ["is_one"]),
        node("If", ["is_one"], ["y"], branches),
        node("If", ["is_one"], ["w"], branches),
        node("Neg", ["w"], ["z"]),
      ],
    }),
  };
}

async function run(model: OnnxModel, feeds: Record<string, Tensor>): Promise<Record<string, number[]>> {
  const session = await InferenceSession.create(writeModel(model), { intraOpNumThreads: 1 });
  const results = await session.run(feeds);
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [name, Array.from(data as Float32Array)]),
  );
}

const opsOf = (model: OnnxModel): string[] => model.graph.nodes.map(({ op }) => op);

describe("an If that a constant input decides", () => {
  const x = new Tensor("float32", Float32Array.of(3, -5), [2]);

  test.each([
    [1n, { y: [6, -10], z: [-6, 10] }],
    [2n, { y: [9, 25], z: [-9, -25] }],
  ])("with mode %s becomes its branch and computes the same", async (mode, expected) => {
    const model = readModel(writeModel(choosing()));

    const promoted = promoteBranches(fixInput(model, int64Scalar("mode", mode)));

    expect(opsOf(promoted)).not.toContain("If");
    expect(opsOf(promoted)).not.toContain("Equal");
    expect(promoted.graph.inputs.map(({ name }) => name)).toEqual(["x"]);
    expect(await run(promoted, { x })).toEqual(expected);
    const before = await run(model, { x, mode: new Tensor("int64", BigInt64Array.of(mode), []) });
    expect(before).toEqual(expected);
  });

  test("stays where the input decides", () => {
    const model = readModel(writeModel(choosing()));

    expect(promoteBranches(model)).toBe(model);
  });

  test("does not follow an initializer that a caller may override", () => {
    const model = choosing();
    const overridable = {
      ...model,
      graph: { ...model.graph, initializers: [...model.graph.initializers, int64Scalar("mode", 1n)] },
    };

    expect(opsOf(promoteBranches(overridable))).toContain("If");
  });
});

describe("an input made a constant", () => {
  test("must exist and fit", () => {
    const model = choosing();

    expect(() => fixInput(model, int64Scalar("absent", 1n))).toThrow(
      expect.objectContaining({ code: "INPUT_UNKNOWN" }),
    );
    expect(() => fixInput(model, { ...int64Scalar("mode", 1n), dims: [1] })).toThrow(
      expect.objectContaining({ code: "INPUT_SHAPE" }),
    );
    expect(() => fixInput(model, { ...int64Scalar("mode", 1n), elementType: 1 })).toThrow(
      expect.objectContaining({ code: "INPUT_DTYPE" }),
    );
    expect(() => fixShape(model, "x", [3])).toThrow(expect.objectContaining({ code: "INPUT_SHAPE" }));
  });
});

describe.each(["silero-vad", "silero-vad-v6"])("%s", async (name) => {
  const [silero] = await storedSilero(name);

  test.skipIf(silero === undefined)(
    "with its rate and sizes fixed loads every time and hears what it heard before",
    async () => {
      const model = readModel(silero!.bytes);
      let fixed = fixInput(model, int64Scalar("sr", 16_000n));
      for (const [input, dims] of Object.entries(SILERO_SHAPES)) fixed = fixShape(fixed, input, dims);
      const promoted = promoteBranches(fixed);

      const [before, after] = [await listen(model), await listen(promoted)];

      expect(promoted.graph.inputs.map((input) => input.name)).toEqual(["input", "state"]);
      expect(promoted.graph.nodes.length).toBeGreaterThan(model.graph.nodes.length);
      expect(before.some((probability) => probability > 1e-4)).toBe(true);
      // The same operators in the same order: what differs is what ONNX Runtime fuses around the If.
      for (const [index, probability] of after.entries()) expect(probability).toBeCloseTo(before[index]!, 5);
    },
  );
});

/** Probabilities of 20 frames of a swept tone, the state carried on. */
async function listen(model: OnnxModel): Promise<number[]> {
  const session = await InferenceSession.create(writeModel(model), { intraOpNumThreads: 1 });
  const sr = new Tensor("int64", BigInt64Array.of(16_000n), []);
  const probabilities: number[] = [];
  let state = new Tensor("float32", new Float32Array(256), [2, 1, 128]);
  for (let frame = 0; frame < 20; frame++) {
    const sound = Float32Array.from(
      { length: 576 },
      (_, at) => Math.sin((frame * 512 + at) ** 1.3 / 300) / 3,
    );
    const input = new Tensor("float32", sound, [1, 576]);
    const { output, stateN } = await session.run({
      input,
      state,
      ...(session.inputNames.includes("sr") ? { sr } : {}),
    });
    state = stateN as typeof state;
    probabilities.push((output!.data as Float32Array)[0]!);
  }
  await session.release();
  return probabilities;
}
