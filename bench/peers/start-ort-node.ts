// Owns the shortest program that hears a frame through onnxruntime-node; the model's path is its argument.

import { InferenceSession, Tensor } from "onnxruntime-node";

const session = await InferenceSession.create(process.argv[2] ?? "");
const { output } = await session.run({
  input: new Tensor("float32", new Float32Array(576), [1, 576]),
  state: new Tensor("float32", new Float32Array(256), [2, 1, 128]),
  sr: new Tensor("int64", BigInt64Array.of(16000n), []),
});
const atUs = Number(process.hrtime.bigint() / 1000n);
console.log(JSON.stringify({ atUs, probability: output?.data[0], provider: "onnxruntime-node" }));
