// Owns programs: small models as flat lists of steps over one arena, made from an ONNX file. Runs nothing.
// Invariant: a program computes what its model computes for inputs as stated, or it is not made.

import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import type { Dtype, TensorSpec } from "../core/tensor.js";
import type { OnnxGraph, OnnxValue } from "../graphs/onnx-model.js";
import { readModel } from "../graphs/read-model.js";
import { requireSteps } from "../ops/network-extents.js";
import { type NetworkStep, STEP_FORMS, wordsOf } from "../ops/network-steps.js";
import { type Draft, rootOf } from "./draft.js";
import { fuse } from "./fuse.js";
import { isRowMajor, rowMajor, sizeOf } from "./layout.js";
import { GraphLowering } from "./lower-graph.js";
import { type Arena, carryInPlace, placeBuffers } from "./place-buffers.js";
import {
  BOOL,
  Buffer,
  type BufferView,
  constant,
  FLOAT,
  INT32,
  INT64,
  isBuffer,
  type Place,
  type View,
} from "./tensor-view.js";

/** A tensor of a program's model. */
export interface ProgramTensor extends TensorSpec {
  readonly shape: readonly number[];
  /** Where it begins in the arena, in floats; -1 for an input that nothing reads. */
  readonly place: number;
}

/** A model as steps over one arena. */
export interface Program {
  readonly steps: readonly NetworkStep[];
  readonly words: Int32Array;
  readonly weights: Float32Array;
  readonly arenaFloats: number;
  readonly inputs: readonly ProgramTensor[];
  readonly outputs: readonly ProgramTensor[];
  /** States that come out where they went in: output by input. */
  readonly carried: Readonly<Record<string, string>>;
}

/** What is certain of a model's inputs, by name. */
export interface CertainModel {
  /** Inputs that always have this value. */
  readonly constants: Readonly<Record<string, number>>;
  /** Shapes; those of the graph's own that are fixed need none. */
  readonly shapes: Readonly<Record<string, readonly (number | string)[]>>;
  /** Which output is the next run's input. */
  readonly feeds?: Readonly<Record<string, string>>;
}

/**
 * Lowers a model. The bytes must not change while it is done.
 *
 * @throws RedlineError `MODEL_UNSUITABLE` naming the op that programs lack, `MODEL_INVALID` or `MODEL_LIMIT`
 */
export async function lowerProgram(bytes: Uint8Array, certain: CertainModel): Promise<Program> {
  const { graph } = readModel(bytes);
  const lowering = new GraphLowering();
  const inputs = inputsOf(graph, certain);
  const views = new Map(inputs.map(({ name, view }) => [name, view]));
  const outputs = (await lowering.lower(graph, views)).map((view) => settled(lowering, view));
  const steps = fuse(lowering.list.drafts, outputs);
  const buffers = inputs.flatMap(({ view }) => (isBuffer(view) ? [view.store] : []));
  const read = new Set(steps.flatMap(({ places }) => Object.values(places).map(({ buffer }) => buffer)));
  const used = buffers.filter((buffer) => read.has(buffer));
  const carried = carriedOf(steps, { graph, outputs, inputs: used, feeds: certain.feeds ?? {} });
  const arena = placeBuffers(steps, { inputs: used, outputs });
  return finished(steps, {
    arena,
    carried,
    inputs: inputs.map(({ name, view, spec }) => {
      const isRead = isBuffer(view) && read.has(view.store);
      return { ...spec, name, place: isRead ? offsetOf(arena, { buffer: view.store, at: 0 }) : -1 };
    }),
    outputs: graph.outputs.map(({ name }, index) => {
      const { store, at, shape } = outputs[index]!;
      return { name, dtype: "float32", shape, place: offsetOf(arena, { buffer: store, at }) };
    }),
  });
}

const DTYPES: Readonly<Record<number, Dtype>> = {
  [FLOAT]: "float32",
  [INT32]: "int32",
  [INT64]: "int64",
  [BOOL]: "bool",
};

interface Input {
  readonly name: string;
  readonly view: View;
  readonly spec: { readonly dtype: Dtype; readonly shape: readonly number[] };
}

function inputsOf(graph: OnnxGraph, { constants, shapes }: CertainModel): Input[] {
  const defaults = new Set(graph.initializers.map(({ name }) => name));
  return graph.inputs
    .filter(({ name }) => !defaults.has(name))
    .map((input) => {
      const { name } = input;
      const elementType = input.type?.elementType ?? 0;
      const shape = closedShape(input, shapes[name]);
      const dtype = DTYPES[elementType];
      if (dtype === undefined) throw unsuitable(`input ${name}`, "float32, or a constant");
      const spec = { dtype, shape };
      const value = constants[name];
      if (value !== undefined && sizeOf(shape) === 1)
        return { name, spec, view: constant(elementType, { shape, data: [value] }) };
      if (elementType !== FLOAT) throw unsuitable(`input ${name}`, "float32, or a constant");
      const store = new Buffer(name, sizeOf(shape), true);
      return { name, spec, view: { elementType, shape, strides: rowMajor(shape), at: 0, store } };
    });
}

/** The shape of an input with its open sizes closed by what is stated. */
function closedShape(
  { name, type }: OnnxValue,
  stated: readonly (number | string)[] | undefined,
): readonly number[] {
  const own = type?.shape?.map(({ size }) => size) ?? stated ?? [];
  const shape = own.map((size, axis) => (typeof size === "number" && size > 0 ? size : stated?.[axis]));
  if (shape.every((size): size is number => typeof size === "number" && size > 0)) return shape;
  throw unsuitable(`the shape of ${name}`, "sizes that graph or manifest fix");
}

function unsuitable(what: string, expected: string): RedlineError {
  return new RedlineError("MODEL_UNSUITABLE", { what: `a program: ${what}`, expected, received: "another" });
}

/** An output as callers get it: float32, row-major, in a buffer that is not an input's. */
function settled(lowering: GraphLowering, view: View): BufferView {
  if (view.elementType !== FLOAT) throw unsuitable("an output", "float32");
  const held = lowering.list.inArena(view);
  if (held.store.isInput || !isRowMajor(held)) return lowering.list.copied(held, rowMajor(held.shape));
  return held;
}

function carriedOf(
  steps: readonly Draft[],
  given: {
    graph: OnnxGraph;
    outputs: readonly BufferView[];
    inputs: readonly Buffer[];
    feeds: Readonly<Record<string, string>>;
  },
): Record<string, string> {
  const carried: Record<string, string> = {};
  for (const [from, to] of Object.entries(given.feeds)) {
    const output = given.outputs[given.graph.outputs.findIndex(({ name }) => name === from)];
    const input = given.inputs.find(({ name }) => name === to);
    if (output !== undefined && input !== undefined && carryInPlace(steps, { input, output }))
      carried[from] = to;
  }
  return carried;
}

function offsetOf(arena: Arena, place: Place): number {
  const root = rootOf(place);
  return arena.placeOf(root.buffer) + root.at;
}

function finished(
  drafts: readonly Draft[],
  given: { arena: Arena } & Pick<Program, "carried" | "inputs" | "outputs">,
): Program {
  const { arena, carried, inputs, outputs } = given;
  const chunks = new Map<Float32Array, number>();
  let floats = 0;
  const settle = (chunk: Float32Array | undefined): number => {
    if (chunk === undefined) return -1;
    const known = chunks.get(chunk);
    if (known !== undefined) return known;
    chunks.set(chunk, floats);
    floats += chunk.length;
    return floats - chunk.length;
  };
  const steps = drafts.map(({ op, places, numbers, constants }) => {
    const offsets = Object.entries(places).map(([name, place]) => [name, offsetOf(arena, place)]);
    const read = STEP_FORMS[op].numbers.filter(
      (name) => name === "weights" || name === "scales" || name === "bias",
    );
    const weighed = read.map((name) => [name, settle(constants[name])]);
    return Object.freeze({ op, ...numbers, ...Object.fromEntries([...offsets, ...weighed]) }) as NetworkStep;
  });
  if (arena.floats > LIMITS.programArenaFloats)
    throw unsuitable("an arena", `at most ${LIMITS.programArenaFloats} floats`);
  const weights = new Float32Array(floats);
  for (const [chunk, at] of chunks) weights.set(chunk, at);
  requireSteps(steps, { arenaFloats: arena.floats, weights: floats });
  return Object.freeze({
    steps,
    words: wordsOf(steps),
    weights,
    arenaFloats: arena.floats,
    inputs,
    outputs,
    carried,
  });
}
