// Silero through the public door: which provider opens it, what is said of it, and that a program runs on a lane as well.

import { describe, expect, test } from "vitest";
import { loadNative } from "../../runtime/bindings/load.js";
import { createRuntime, describeModel, openStore } from "../../runtime/index.js";

const inputs = () => ({
  input: Float32Array.from({ length: 576 }, (_, at) => 0.3 * Math.sin(at / 20)),
  state: new Float32Array(256),
  sr: BigInt64Array.of(16000n),
});

describe.skipIf(loadNative().addon === null)("silero-vad", () => {
  test.each(["silero-vad", "silero-vad-v6"])(
    "%s opens as a program, says so, and gives on a lane what it gives inline",
    async (model) => {
      await using runtime = await createRuntime();
      const session = await runtime.open(model, { inline: true });

      const inline = session.runSync(inputs());
      const lane = await session.run(inputs());

      const loads = runtime.events.read(0).events.filter(({ kind }) => kind === "session.load");
      expect(loads.map(({ detail }) => detail)).toEqual([
        expect.stringMatching(
          /^silero-vad.*@fp32 on program \(11 ops, arena \d+ bytes, weights \d+ bytes\), best-effort$/,
        ),
      ]);
      if (inline.status !== "done" || lane.status !== "done")
        throw new Error(`${inline.status}, ${lane.status}`);
      expect(lane.outputs.output!.data).toEqual(inline.outputs.output!.data);
      expect(lane.outputs.stateN!.data).toEqual(inline.outputs.stateN!.data);
      expect(session.inputs.map(({ name }) => name)).toEqual(["input", "state", "sr"]);
    },
  );

  test("opens on ONNX Runtime when that is asked for, and says so", async () => {
    await using runtime = await createRuntime();
    await runtime.open("silero-vad", { provider: "ort" });

    const loads = runtime.events.read(0).events.filter(({ kind }) => kind === "session.load");
    expect(loads.map(({ detail }) => detail)).toEqual(["silero-vad@fp32 on ort (asked for), best-effort"]);
  });

  test("is described with its ops, its arena and its weights; a model that is no program with what stands against it", async () => {
    const store = openStore();

    const silero = await describeModel(await store.resolve("silero-vad"));
    const road = await describeModel(await store.resolve("road-seg"));
    await store.close();

    expect(silero.program?.ops.map(({ op }) => op)).toContain("lstm");
    expect(silero.program?.carried).toEqual({ stateN: "state" });
    const weights = silero.program?.ops.reduce((sum, { weightBytes }) => sum + weightBytes, 0);
    expect(weights).toBe(silero.program?.weightBytes);
    expect(road).toMatchObject({ program: null, obstacle: expect.stringMatching(/expected .*received/) });
  });
});
