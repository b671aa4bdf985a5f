// Owns the promise of settling a model: its face stays, its undecided branches go, its answers are the same.

import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { identityModel, reluModel } from "../../../bench/harness/onnx-model.js";
import { SILERO_SHAPES } from "../../../bench/mutants/known-crash.js";
import { storedSilero } from "../../../bench/mutants/sources.js";
import { readModel } from "../../../runtime/graphs/read-model.js";
import { settleModel } from "../../../runtime/graphs/settle-model.js";

const CERTAIN = { constants: { sr: 16_000 }, shapes: { ...SILERO_SHAPES, sr: [] } };
/** Rounding differs where ONNX Runtime fuses a promoted branch with what follows it. */
const SAME = 1e-5;

const silero = (await Promise.all(["silero-vad", "silero-vad-v6"].map(storedSilero))).flat();
if (silero.length === 0) console.error("skipped: no Silero in the store; redline models pull silero-vad");

describe.each(silero)("$name with its rate decided", ({ bytes }) => {
  const settled = settleModel(bytes, CERTAIN)!;

  test("keeps its inputs and outputs, with the stated sizes, and loses the network of the other rate", () => {
    const { graph } = readModel(settled);
    const before = readModel(bytes).graph;

    expect(graph.inputs.map(({ name }) => name)).toEqual(before.inputs.map(({ name }) => name));
    expect(graph.outputs.map(({ name }) => name)).toEqual(before.outputs.map(({ name }) => name));
    const sizes = graph.inputs.map(({ type }) => type?.shape?.map(({ size }) => size));
    expect(sizes).toEqual([[1, 576], [2, 1, 128], []]);
    expect(settled.length).toBeLessThan(0.75 * bytes.length);
  });

  test("hears what it heard, whatever rate it is told", async () => {
    const [whole, half] = await Promise.all([bytes, settled].map(open));
    let state = new Float32Array(256);

    for (let frame = 0; frame < 20; frame += 1) {
      const sound = Float32Array.from({ length: 576 }, (_, at) => 0.3 * Math.sin((frame * 512 + at) * 0.07));
      const expected = await hear(whole!, { sound, state, rate: 16_000n });
      const received = await hear(half!, { sound, state, rate: 7n });

      expect(received.probability).toBeCloseTo(expected.probability, 5);
      for (const [at, value] of received.state.entries()) {
        expect(Math.abs(value - expected.state[at]!)).toBeLessThan(SAME);
      }
      state = expected.state;
    }
    await Promise.all([whole!.release(), half!.release()]);
  });
});

test("a model without constant inputs is left as it is", () => {
  expect(settleModel(reluModel(), { constants: {}, shapes: { x: [1, 4] } })).toBeNull();
});

test("a constant input that is more than a choice stays the caller's to give", () => {
  const model = identityModel("int64", []);

  expect(settleModel(model, { constants: { x: 5 }, shapes: {} })).toBeNull();
});

function open(bytes: Uint8Array): Promise<InferenceSession> {
  return InferenceSession.create(bytes, { intraOpNumThreads: 1, graphOptimizationLevel: "disabled" });
}

async function hear(
  session: InferenceSession,
  given: { sound: Float32Array; state: Float32Array; rate: bigint },
): Promise<{ probability: number; state: Float32Array<ArrayBuffer> }> {
  const { output, stateN } = await session.run({
    input: new Tensor("float32", given.sound, [1, 576]),
    state: new Tensor("float32", given.state, [2, 1, 128]),
    sr: new Tensor("int64", BigInt64Array.of(given.rate), []),
  });
  return {
    probability: (output!.data as Float32Array)[0]!,
    state: Float32Array.from(stateN!.data as Float32Array),
  };
}
