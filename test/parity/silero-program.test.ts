// Silero as a program of fused ops gives, over whole recordings, the probabilities that ONNX Runtime gives.
// The bundled recording always; every recording of the assets folder where a checkout has one.

import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { loadNative } from "../../runtime/bindings/load.js";
import { createRuntime } from "../../runtime/index.js";
import { lowerProgram } from "../../runtime/programs/program.js";
import { ProgramRun } from "../../runtime/programs/run-program.js";
import { PATIENCE } from "../native/native-host.js";
import { apart, CONTEXT, FRAME, hear, heardRecordings, through } from "../support/heard-recordings.js";
import { findSilero } from "../support/silero.js";

const TOLERANCE = 1e-4;

const runtime = await createRuntime();
afterAll(() => runtime.close());

const { read, unread } = await heardRecordings();

describe.skipIf(loadNative().addon === null).each(["silero-vad", "silero-vad-v6"] as const)("%s", (model) => {
  test(
    `differs from ONNX Runtime by at most ${TOLERANCE} over ${read.length} recordings`,
    async () => {
      const program = await runtime.open(model, {
        inline: true,
        provider: "program",
        name: `${model} program`,
      });
      const ort = await runtime.open(model, { inline: true, provider: "ort", name: `${model} ort` });

      const worst = read.map(({ path, frames }) => ({
        path,
        frames: frames.length,
        apart: apart(hear(frames, through(program)), hear(frames, through(ort))),
      }));

      const frames = worst.reduce((sum, one) => sum + one.frames, 0);
      const most = Math.max(...worst.map((one) => one.apart));
      console.log(
        `${model}: ${frames} frames of ${read.length} recordings (${unread} not read), at most ${most} apart`,
      );
      expect(worst.filter((one) => one.apart > TOLERANCE)).toEqual([]);
      // Frames that all came out as 0 would agree too.
      expect(frames).toBeGreaterThan(100);
      await Promise.all([program.close(), ort.close()]);
    },
    120_000 * PATIENCE,
  );

  test("runs by the reference ops as it does natively", async () => {
    const found = await findSilero(model);
    const lowered = await lowerProgram(readFileSync(found.path), {
      constants: { sr: 16000 },
      shapes: { input: [1, CONTEXT + FRAME], state: [2, 1, 128] },
      feeds: { stateN: "state" },
    });
    const reference = new ProgramRun(lowered);
    const session = await runtime.open(model, { inline: true, provider: "program", name: `${model} again` });
    const frames = read[0]!.frames.slice(0, 150);

    const native = hear(frames, through(session));
    const defined = hear(frames, (input, state) => {
      const { output, stateN } = reference.run({ input, state });
      state.set(stateN!);
      return output![0]!;
    });

    expect(apart(native, defined)).toBeLessThan(TOLERANCE / 10);
    expect(Math.max(...defined)).toBeGreaterThan(0.5);
    expect(lowered.carried).toEqual({ stateN: "state" });
    await session.close();
  });
});
