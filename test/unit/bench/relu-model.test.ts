// Owns the proof that the hand-written one-node model is a model ONNX Runtime takes and computes as meant.

import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { RELU_ELEMENTS, reluModel } from "../../../bench/peers/relu-model.js";

test("the one-node model clips what is below zero", async () => {
  const session = await InferenceSession.create(reluModel(), { intraOpNumThreads: 1 });
  const x = Float32Array.from({ length: RELU_ELEMENTS }, (_, index) => (index % 2 === 0 ? index : -index));

  const { y } = await session.run({ x: new Tensor("float32", x, [1, RELU_ELEMENTS]) });
  await session.release();

  expect(y?.dims).toEqual([1, RELU_ELEMENTS]);
  expect(Array.from(y?.data as Float32Array)).toEqual(Array.from(x, (value) => Math.max(0, value)));
});
