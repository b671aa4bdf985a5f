// Owns a keyword model of the usual size, a DS-CNN over 49 frames of 10 coefficients, with seeded weights. Knows no runtime.
// Its layers are those of the keyword model of MLPerf Tiny; weights are drawn so that each layer keeps the size of its input.

import { seededRng } from "../../runtime/core/rng.js";
import type { GraphNode, SmallGraph } from "./onnx-graph.js";

const FRAMES = 49;
const COEFFICIENTS = 10;
const CHANNELS = 64;
const BLOCKS = 4;
const WORDS = 12;

/** The graph, as a trainer exports it: batch normalisation by itself, every activation a node. */
export function dsCnn(seed: number): SmallGraph {
  const rng = seededRng(seed);
  const floats: Record<string, { dims: readonly number[]; data: Float32Array }> = {};
  const nodes: GraphNode[] = [];
  const draw = (name: string, dims: readonly number[], range: readonly [number, number]): string => {
    const count = dims.reduce((product, size) => product * size, 1);
    const data = Float32Array.from({ length: count }, () => range[0] + rng.next() * (range[1] - range[0]));
    floats[name] = { dims, data };
    return name;
  };
  const weights = (name: string, dims: readonly number[]): string => {
    const fan = dims.slice(1).reduce((product, size) => product * size, 1);
    const most = Math.sqrt(6 / fan);
    return draw(name, dims, [-most, most]);
  };
  let last = "x";
  const layer = (name: string, dims: readonly number[], attributes: GraphNode["attributes"]): void => {
    const columns = dims[0]!;
    const norm = ["scale", "shift", "mean", "variance"].map((part) =>
      draw(`${name}.${part}`, [columns], part === "mean" || part === "shift" ? [-0.2, 0.2] : [0.5, 1.5]),
    );
    nodes.push(
      {
        op: "Conv",
        inputs: [last, weights(`${name}.weights`, dims)],
        outputs: [`${name}.conv`],
        attributes: { kernel_shape: dims.slice(2), ...attributes },
      },
      { op: "BatchNormalization", inputs: [`${name}.conv`, ...norm], outputs: [`${name}.norm`] },
      { op: "Relu", inputs: [`${name}.norm`], outputs: [name] },
    );
    last = name;
  };
  layer("first", [CHANNELS, 1, 10, 4], { strides: [2, 2], auto_pad: "SAME_UPPER" });
  for (let block = 0; block < BLOCKS; block++) {
    layer(`depthwise${block}`, [CHANNELS, 1, 3, 3], { group: CHANNELS, pads: [1, 1, 1, 1] });
    layer(`pointwise${block}`, [CHANNELS, CHANNELS, 1, 1], {});
  }
  nodes.push(
    { op: "GlobalAveragePool", inputs: [last], outputs: ["pooled"] },
    { op: "Flatten", inputs: ["pooled"], outputs: ["flat"] },
    {
      op: "Gemm",
      inputs: [
        "flat",
        draw("dense.weights", [WORDS, CHANNELS], [-0.1, 0.1]),
        draw("dense.bias", [WORDS], [-0.1, 0.1]),
      ],
      outputs: ["logits"],
      attributes: { transB: 1 },
    },
    { op: "Softmax", inputs: ["logits"], outputs: ["y"] },
  );
  return { inputs: { x: [1, 1, FRAMES, COEFFICIENTS] }, outputs: ["y"], floats, nodes };
}
