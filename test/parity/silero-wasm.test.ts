// Silero as a program in WebAssembly gives, over whole recordings, the probabilities that ONNX Runtime gives, its state carried in
// place. The bundled recording always; of the assets folder, where a checkout has one, one recording in ten, or each with
// REDLINE_ALL_RECORDINGS=1.

import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { loadNative } from "../../runtime/bindings/load.js";
import { createRuntime } from "../../runtime/index.js";
import { lowerProgram } from "../../runtime/programs/program.js";
import { WasmProgram } from "../../runtime/programs/wasm-program.js";
import { PATIENCE } from "../native/native-host.js";
import { apart, CONTEXT, FRAME, hear, heardRecordings, through } from "../support/heard-recordings.js";
import { findSilero } from "../support/silero.js";
import { instanceOf } from "../support/wasm-kernels.js";

const TOLERANCE = 1e-4;

const runtime = await createRuntime();
afterAll(() => runtime.close());
const { read, unread } = await heardRecordings({
  every: process.env.REDLINE_ALL_RECORDINGS === "1" ? 1 : 10,
});

async function programIn(model: "silero-vad" | "silero-vad-v6"): Promise<WasmProgram> {
  const kernels = instanceOf("simd128");
  if (typeof kernels === "string") throw new Error(kernels);
  const found = await findSilero(model);
  const program = await lowerProgram(readFileSync(found.path), {
    constants: { sr: 16000 },
    shapes: { input: [1, CONTEXT + FRAME], state: [2, 1, 128] },
    feeds: { stateN: "state" },
  });
  return new WasmProgram(kernels, program);
}

describe.each(["silero-vad", "silero-vad-v6"] as const)("%s in WebAssembly", (model) => {
  test.skipIf(loadNative().addon === null)(
    `differs from ONNX Runtime by at most ${TOLERANCE} over ${read.length} recordings`,
    async () => {
      const program = await programIn(model);
      const ort = await runtime.open(model, { inline: true, provider: "ort", name: `${model} ort` });

      const worst = read.map(({ path, frames }) => {
        program.reset();
        const carried = hear(frames, (input) => program.run({ input }).output![0]!);
        return { path, frames: frames.length, apart: apart(carried, hear(frames, through(ort))) };
      });

      const frames = worst.reduce((sum, one) => sum + one.frames, 0);
      const most = Math.max(...worst.map((one) => one.apart));
      console.log(
        `${model} in WebAssembly: ${frames} frames of ${read.length} recordings (${unread} not read), at most ${most} apart`,
      );
      expect(worst.filter((one) => one.apart > TOLERANCE)).toEqual([]);
      expect(frames).toBeGreaterThan(100);
      await ort.close();
    },
    120_000 * PATIENCE,
  );

  test("carries its state in place as it does when the state is handed in", async () => {
    const program = await programIn(model);
    const frames = read[0]!.frames.slice(0, 150);

    const handed = hear(frames, (input, state) => {
      const { output, stateN } = program.run({ input, state });
      state.set(stateN!);
      return output![0]!;
    });
    program.reset();
    const carried = hear(frames, (input) => program.run({ input }).output![0]!);

    expect(carried).toEqual(handed);
    expect(Math.max(...carried)).toBeGreaterThan(0.5);
  });

  test("refuses a window that is too short or not there", async () => {
    const program = await programIn(model);

    expect(() => program.run({ input: new Float32Array(100) })).toThrow(
      expect.objectContaining({ code: "INPUT_SHAPE" }),
    );
    expect(() => program.run({})).toThrow(expect.objectContaining({ code: "INPUT_MISSING" }));
  });
});
