// A keyword model of the usual size as a program gives what ONNX Runtime gives, by the reference ops, by every native set and in WebAssembly.

import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { loadNative } from "../../runtime/bindings/load.js";
import { seededRng } from "../../runtime/core/rng.js";
import { describeOps } from "../../runtime/programs/describe.js";
import { lowerProgram } from "../../runtime/programs/program.js";
import { ProgramRun } from "../../runtime/programs/run-program.js";
import { WasmProgram } from "../../runtime/programs/wasm-program.js";
import { dsCnn } from "../support/ds-cnn.js";
import { graphBytes } from "../support/onnx-graph.js";
import { instanceOf } from "../support/wasm-kernels.js";

const INPUTS = 20;
const TOLERANCE = 1e-4;

const { addon } = loadNative();
const graph = dsCnn(7);
const bytes = graphBytes(graph);
const program = await lowerProgram(bytes, { constants: {}, shapes: {} });

test("a DS-CNN keyword model is 12 ops: normalisation and activations are part of its convolutions", () => {
  const ops = describeOps(program);

  expect(ops.map(({ op }) => op)).toEqual([
    "conv2d",
    ...Array.from({ length: 4 }, () => ["depthwise", "affine"]).flat(),
    "mean",
    "affine",
    "softmax",
  ]);
  // 64 kernels of 40 weights, four blocks of 64 kernels of 9 and 64 x 64 weights, 64 x 12 at the end, and a bias for each column.
  const weights = 64 * 40 + 4 * (64 * 9 + 64 * 64) + 64 * 12;
  expect(program.weights.length).toBe(weights + 9 * 64 + 12);
});

/** The program by one implementation of its ops. */
function runBy(side: string): Pick<WasmProgram, "run"> {
  if (side === "reference") return new ProgramRun(program);
  if (side === "WebAssembly") {
    const kernels = instanceOf("simd128");
    if (typeof kernels === "string") throw new Error(kernels);
    return new WasmProgram(kernels, program);
  }
  const set = addon!.networkSets.indexOf(side);
  return new ProgramRun(program, ({ words, weights }, arena) =>
    addon!.runNetwork(set, words, weights, arena),
  );
}

test.each(["reference", "WebAssembly", ...(addon?.networkSets ?? [])])(
  `the probabilities of %s are ONNX Runtime's within ${TOLERANCE}, over ${INPUTS} seeded inputs`,
  async (side) => {
    const run = runBy(side);
    const session = await InferenceSession.create(bytes, { graphOptimizationLevel: "disabled" });
    const rng = seededRng(11);
    let worst = 0;
    const firsts: number[] = [];

    for (let index = 0; index < INPUTS; index++) {
      // A level for each input as well: what is loud is another word than what is not.
      const level = 4 * rng.next() - 2;
      const x = Float32Array.from({ length: 490 }, () => level + 4 * (rng.next() - 0.5));
      const wanted = (await session.run({ x: new Tensor("float32", x, [1, 1, 49, 10]) })).y!
        .data as Float32Array;
      const received = run.run({ x }).y!;
      wanted.forEach((value, at) => {
        worst = Math.max(worst, Math.abs(value - received[at]!));
      });
      firsts.push(Math.max(...wanted));
    }
    await session.release();

    expect(worst).toBeLessThanOrEqual(TOLERANCE);
    // A model that answers the same to everything would agree as well.
    expect(Math.max(...firsts) - Math.min(...firsts)).toBeGreaterThan(100 * TOLERANCE);
  },
);
