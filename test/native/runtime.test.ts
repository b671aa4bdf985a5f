// The runtime over the real host and over the fallback: the same promises on real models.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dynamicAdd, matmulChain, reluModel } from "../../bench/harness/onnx-model.js";
import { createRuntime, type Runtime } from "../../runtime/index.js";
import { closeShapes } from "../../runtime/providers/stated-shapes.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

beforeAll(() => {
  // The fallback forks a built script.
  const child = join(ROOT, "dist/runtime/providers/ort-node/lane-child.js");
  if (!existsSync(child)) execFileSync("npm", ["run", "build:ts"], { cwd: ROOT, stdio: "inherit" });
});

describe.each(["ort", "ort-node"] as const)("a runtime on %s", (provider) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await createRuntime({ provider, vetting: "off" });
  });
  afterAll(() => runtime.close());

  test("runs a model from its bytes and from its path, with the same answer", async () => {
    const path = join(ROOT, "models/road-seg/road-seg-int8.onnx");
    const byPath = await runtime.open(path);
    const byBytes = await runtime.open(new Uint8Array(readFileSync(path)));
    const image = Float32Array.from({ length: 3 * 320 * 320 }, (_, index) => (index % 255) / 255);

    const outcomes = [await byPath.run({ image }), await byBytes.run({ image })];

    const [first, second] = outcomes.map((outcome) => outcome.outputs.drivable!.data as Float32Array);
    expect(outcomes.map(({ status }) => status)).toEqual(["done", "done"]);
    expect(first!.some((margin) => margin !== 0)).toBe(true);
    expect(second).toEqual(first);
  });

  test("names a model file that is missing, empty or not ONNX", async () => {
    await expect(runtime.open(join(ROOT, "models/nothing.onnx"))).rejects.toMatchObject({
      code: "MODEL_FILE_MISSING",
    });
    await expect(runtime.open(new Uint8Array(0))).rejects.toMatchObject({ code: "MODEL_LOAD_FAILED" });
    await expect(runtime.open(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ code: "MODEL_INVALID" });
  });

  test("gives sessions of one model names of their own, and counts what each did", async () => {
    const sessions = [await runtime.open(reluModel([1, 4])), await runtime.open(reluModel([1, 4]))];
    const [name] = sessions[0]!.inputs.map((input) => input.name);

    (await sessions[1]!.run({ [name!]: Float32Array.of(-1, 2, -3, 4) })).release();

    expect(sessions[0]!.name).not.toBe(sessions[1]!.name);
    expect(sessions.map((session) => session.stats().n)).toEqual([0, 1]);
  });

  test("a job over its deadline never counts as done", async () => {
    const session = await runtime.open(matmulChain({ nodes: 1000, size: 256 }), {
      contract: { periodMs: 1000, deadlineMs: 60, late: "cancel" },
      admit: "best-effort",
    });
    const input = session.inputs[0]!;
    const elements = input.shape.reduce<number>((product, size) => product * Number(size), 1);

    const outcome = await session.run({ [input.name]: new Float32Array(elements) });

    // The host stops it at a node; the fallback cannot, and says so.
    const expected = provider === "ort" ? ["cancelled", "deadline"] : ["late", "unstoppable"];
    expect([outcome.status, outcome.reason]).toEqual(expected);
    expect(session.stats().kept).toBe(false);
  });

  test("closing while a job runs settles it and ends cleanly", async () => {
    const session = await runtime.open(matmulChain({ nodes: 100, size: 256 }));
    const input = session.inputs[0]!;
    const elements = input.shape.reduce<number>((product, size) => product * Number(size), 1);

    const running = session.run({ [input.name]: new Float32Array(elements) });
    await session.close();

    expect(["cancelled", "done"]).toContain((await running).status);
    expect(await session.run({ [input.name]: new Float32Array(elements) })).toMatchObject({
      reason: "closed",
    });
  });

  test("refuses to open anything once closed", async () => {
    const closed = await createRuntime({ provider, vetting: "off" });
    await closed.close();

    await expect(closed.open(reluModel([1, 4]))).rejects.toMatchObject({ code: "RUNTIME_CLOSED" });
  });
});

test("without the addon the fallback says what it cannot do", async () => {
  await using runtime = await createRuntime({ provider: "ort-node", vetting: "off" });

  await expect(runtime.open("null", { provider: "null" })).rejects.toMatchObject({
    code: "PROVIDER_UNAVAILABLE",
  });
  await expect(runtime.open(reluModel([1, 4]), { inline: true })).rejects.toMatchObject({
    code: "PROVIDER_UNAVAILABLE",
  });
});

describe("a manifest's shapes", () => {
  test("close what the graph leaves open, and refuse what contradicts it", () => {
    const graph = [
      { name: "input", dtype: "float32", shape: ["?", "?"] },
      { name: "state", dtype: "float32", shape: [2, "?", 128] },
    ] as const;

    const closed = closeShapes(graph, { input: [1, 576], state: [2, 1, 128] });

    expect(closed.map(({ shape }) => shape)).toEqual([
      [1, 576],
      [2, 1, 128],
    ]);
    expect(closeShapes(graph, {})).toEqual(graph);
    const contradiction = () => closeShapes(graph, { state: [3, 1, 128] });
    expect(contradiction).toThrowError(
      expect.objectContaining({ code: "MODEL_UNSUITABLE", what: "tensor state" }),
    );
  });
});

test.skipIf(process.arch !== "x64" && process.arch !== "arm64")(
  "runs flush denormals, and JavaScript's own do not",
  async () => {
    await using runtime = await createRuntime({ provider: "ort", vetting: "off" });
    const tiny = Float32Array.of(1e-40, 2e-40, -1e-40, 1);
    const contract = { periodMs: 1000 };
    const queued = await runtime.open(dynamicAdd(), { contract, admit: "best-effort" });
    const inline = await runtime.open(dynamicAdd(), { contract, admit: "best-effort", inline: true });

    const inputs = { a: { data: tiny, shape: [4] }, b: { data: new Float32Array(4), shape: [4] } };
    const outcomes = [await queued.run(inputs), inline.runSync(inputs)];

    for (const outcome of outcomes) {
      expect(Array.from(outcome.outputs.sum!.data as Float32Array, Math.abs)).toEqual([0, 0, 0, 1]);
    }
    const scratch = Float32Array.of(1e-40, 0);
    scratch[1] = scratch[0]! * 0.5;
    expect(scratch[1]).toBeGreaterThan(0);
  },
);
