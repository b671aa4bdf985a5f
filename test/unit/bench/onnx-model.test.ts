// Owns the proof that hand-written models are models ONNX Runtime takes and computes as meant.

import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { matmulChain, reluModel } from "../../../bench/harness/onnx-model.js";

const RELU_ELEMENTS = 512;

test("the one-node model clips what is below zero", async () => {
  const session = await InferenceSession.create(reluModel([1, RELU_ELEMENTS]), { intraOpNumThreads: 1 });
  const x = Float32Array.from({ length: RELU_ELEMENTS }, (_, index) => (index % 2 === 0 ? index : -index));

  const { y } = await session.run({ x: new Tensor("float32", x, [1, RELU_ELEMENTS]) });
  await session.release();

  expect(y?.dims).toEqual([1, RELU_ELEMENTS]);
  expect(Array.from(y?.data as Float32Array)).toEqual(Array.from(x, (value) => Math.max(0, value)));
});

test("a chain of matrix products over several matrices averages its rows", async () => {
  const session = await InferenceSession.create(matmulChain({ nodes: 3, size: 4, matrices: 2 }), {
    intraOpNumThreads: 1,
  });
  const x = Float32Array.from({ length: 16 }, (_, index) => (index % 4) + 1);

  const { y } = await session.run({ x: new Tensor("float32", x, [4, 4]) });
  await session.release();

  expect(Array.from(y?.data as Float32Array)).toEqual(new Array(16).fill(2.5));
});
