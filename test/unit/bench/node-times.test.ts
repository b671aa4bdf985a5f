// Owns the proof that the longest node is read right from an ONNX Runtime profile.

import { expect, test } from "vitest";
import { nodeTimesOf } from "../../../bench/harness/node-times.js";

const kernel = (node: string, dur: number) => ({
  cat: "Node",
  name: `${node}_kernel_time`,
  dur,
  args: { op_name: "Conv" },
});

test("the node with the longest median comes first, however long another took once", () => {
  const events = [10, 11, 12].map((dur) => kernel("steady", dur));
  const once = [1, 2, 900].map((dur) => kernel("startled", dur));

  const [first, second] = nodeTimesOf([...once, ...events]);

  expect(first).toEqual({ node: "steady", op: "Conv", n: 3, p50Us: 11, maxUs: 12 });
  expect(second).toMatchObject({ node: "startled", p50Us: 2, maxUs: 900 });
});

test("only kernel times count: sessions, fences and whole runs are no nodes", () => {
  const events = [
    { cat: "Session", name: "model_run", dur: 400_000 },
    { cat: "Node", name: "conv_fence_before", dur: 5 },
    kernel("conv", 70),
  ];

  expect(nodeTimesOf(events).map(({ node }) => node)).toEqual(["conv"]);
});
