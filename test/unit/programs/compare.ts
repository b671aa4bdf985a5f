// Owns the comparison of a graph run by ONNX Runtime with its program run by the reference ops. Knows no graph.

import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect } from "vitest";
import { seededRng } from "../../../runtime/core/rng.js";
import { lowerProgram, type Program } from "../../../runtime/programs/program.js";
import { ProgramRun } from "../../../runtime/programs/run-program.js";
import { graphBytes, type SmallGraph } from "../../support/onnx-graph.js";

export const certain = { constants: {}, shapes: {} };

export function noise(count: number, seed: number): Float32Array {
  const rng = seededRng(seed);
  return Float32Array.from({ length: count }, () => rng.next() * 2 - 1);
}

export const floats = (dims: readonly number[], seed: number) => ({
  dims,
  data: noise(
    dims.reduce((product, size) => product * size, 1),
    seed,
  ),
});

/** Runs the graph by ONNX Runtime and as a program; answers the largest difference, and the program. */
export async function compare(graph: SmallGraph): Promise<{ apart: number; program: Program }> {
  const bytes = graphBytes(graph);
  const inputs = Object.entries(graph.inputs).map(([name, dims], index) => {
    return { name, dims, data: floats(dims, 100 + index).data };
  });
  const session = await InferenceSession.create(bytes, { graphOptimizationLevel: "disabled" });
  const feeds = inputs.map(({ name, dims, data }) => [name, new Tensor("float32", data, dims)]);
  const wanted = await session.run(Object.fromEntries(feeds));
  const program = await lowerProgram(bytes, certain);
  const run = new ProgramRun(program);
  const given = Object.fromEntries(inputs.map(({ name, data }) => [name, data]));
  // Twice: what the first run left in the arena must not show in the second.
  run.run(given);
  const received = run.run(given);
  const apart = graph.outputs.map((name, index) => {
    const one = wanted[name]!;
    expect(program.outputs[index]!.shape).toEqual(one.dims);
    const data = one.data as Float32Array;
    return Math.max(...data.map((value, at) => Math.abs(value - received[name]![at]!)));
  });
  await session.release();
  return { apart: Math.max(...apart), program };
}

export const opsOf = ({ steps }: Program): string[] => steps.map(({ op }) => op);
