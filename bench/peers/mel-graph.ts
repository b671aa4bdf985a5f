// Owns openWakeWord's mel front end as a graph of ONNX Runtime: windowed roots as the kernel of a convolution, squares, the bands as
// a product of matrices, a logarithm. Knows no clock. What exported front ends carry, in float32 and one thread.

import { InferenceSession, Tensor } from "onnxruntime-node";
import { MEL_VARIANTS } from "../../runtime/ops/log-mel-plan.js";
import { melTables } from "../../runtime/ops/mel-bands.js";
import { encodeModel } from "../harness/onnx-model.js";
import { PEER_OPTIONS } from "./ort-options.js";

const { points, hop, window, scale, floor, mel } = MEL_VARIANTS.openWakeWord;
const BINS = points / 2 + 1;

/** The graph, ready to run on samples of one length. */
export interface MelGraph {
  /** Writes decibels [bands, frames]; answers when ONNX Runtime has. */
  run(): Promise<void>;
  readonly samples: Float32Array;
  readonly decibels: () => Float32Array;
  close(): Promise<void>;
}

export async function openMelGraph(frames: number): Promise<MelGraph> {
  const length = points + (frames - 1) * hop;
  const session = await InferenceSession.create(graphOf(length, frames), PEER_OPTIONS.tuned);
  const samples = new Float32Array(length);
  const feeds = { samples: new Tensor("float32", samples, [1, 1, length]) };
  let found = new Float32Array(0);
  return {
    samples,
    run: async () => {
      found = (await session.run(feeds)).decibels!.data as Float32Array<ArrayBuffer>;
    },
    decibels: () => found,
    close: () => session.release(),
  };
}

function graphOf(length: number, frames: number): Uint8Array {
  const roots = Float32Array.from({ length: 2 * BINS * points }, (_, at) => {
    const [row, sample] = [Math.floor(at / points), at % points];
    const angle = (2 * Math.PI * (row % BINS) * sample) / points;
    return scale * window[sample]! * (row < BINS ? Math.cos(angle) : Math.sin(angle));
  });
  const { rows, weights } = melTables(mel, points);
  const bands = new Float32Array(mel.bands * 2 * BINS);
  for (const [band, [first, taps, from]] of rows.entries()) {
    for (let tap = 0; tap < taps && first + tap < BINS; tap++) {
      bands[band * 2 * BINS + first + tap] = weights[from + tap]!;
      bands[band * 2 * BINS + BINS + first + tap] = weights[from + tap]!;
    }
  }
  return encodeModel({
    inputs: [{ name: "samples", dtype: "float32", shape: [1, 1, length] }],
    outputs: [{ name: "decibels", dtype: "float32", shape: [1, mel.bands, frames] }],
    weights: [
      { name: "roots", shape: [2 * BINS, 1, points], data: roots },
      { name: "bands", shape: [mel.bands, 2 * BINS], data: bands },
      { name: "floor", shape: [1], data: Float32Array.of(floor) },
      { name: "factor", shape: [1], data: Float32Array.of(10 / Math.LN10) },
    ],
    nodes: [
      { op: "Conv", inputs: ["samples", "roots"], outputs: ["halves"], ints: { strides: [hop] } },
      { op: "Mul", inputs: ["halves", "halves"], outputs: ["squares"] },
      { op: "MatMul", inputs: ["bands", "squares"], outputs: ["sums"] },
      { op: "Max", inputs: ["sums", "floor"], outputs: ["raised"] },
      { op: "Log", inputs: ["raised"], outputs: ["logs"] },
      { op: "Mul", inputs: ["logs", "factor"], outputs: ["decibels"] },
    ],
  });
}
