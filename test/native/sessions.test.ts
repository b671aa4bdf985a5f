// Opening models through the addon: what it tells about them, what their slots carry, and how a bad one is refused.

import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  dynamicAdd,
  encodeModel,
  identityModel,
  logModel,
  matmulChain,
  mismatchAdd,
  reluModel,
} from "../../bench/harness/onnx-model.js";
import { findOrtLibrary } from "../../runtime/bindings/load.js";
import type { Dtype } from "../../runtime/core/tensor.js";
import { NativeHost, shared } from "./native-host.js";

const host = new NativeHost();
const folder = mkdtempSync(join(tmpdir(), "redline-native-"));

beforeAll(() => host.loadOrt());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the library", () => {
  test("answers the same whether it is asked once or again", async () => {
    const first = await host.addon.loadOrt(findOrtLibrary(), 29);
    const second = await host.addon.loadOrt("elsewhere", 29);

    expect(first.version).toMatch(/^1\.\d+\.\d+$/);
    expect(first.providers).toContain("CPUExecutionProvider");
    expect(second).toEqual(first);
  });
});

describe("an opened model", () => {
  test("tells its names, types, static and symbolic dimensions", async () => {
    const bytes = encodeModel({
      inputs: [
        { name: "image", dtype: "uint8", shape: ["batch", 3, ""] },
        { name: "scale", dtype: "int64", shape: [] },
      ],
      outputs: [
        { name: "copy", dtype: "uint8", shape: ["batch", 3, ""] },
        { name: "same", dtype: "int64", shape: [] },
      ],
      nodes: [
        { op: "Identity", inputs: ["image"], outputs: ["copy"] },
        { op: "Identity", inputs: ["scale"], outputs: ["same"] },
      ],
    });

    const session = await host.openModel(bytes);

    expect(session.inputs).toEqual([
      { name: "image", dtype: "uint8", shape: ["batch", 3, "?"] },
      { name: "scale", dtype: "int64", shape: [] },
    ]);
    expect(session.outputs.map((output) => output.name)).toEqual(["copy", "same"]);
  });

  test("opens from a path as from bytes", async () => {
    const path = join(folder, "modèle.onnx");
    writeFileSync(path, reluModel());

    const session = await host.addon.openSession({
      provider: "ort",
      path,
      criticality: "background",
      laneIndex: 0,
      slots: 1,
    });

    expect(session.inputs).toEqual([{ name: "x", dtype: "float32", shape: [1, 4] }]);
  });

  test("takes the concrete sizes a caller gives its symbolic dimensions", async () => {
    const session = await host.openModel(dynamicAdd(), { ort: { freeDimensions: { n: 7 } } });

    expect(session.inputs.map((input) => input.shape)).toEqual([[7], [7]]);
  });
});

describe("every element type", () => {
  const rows: readonly (readonly [Exclude<Dtype, "string">, readonly (number | bigint)[]])[] = [
    ["float32", [1.5, -2.25, 2 ** 100]],
    ["float16", [0x3c00, 0xc000, 0x7bff]],
    ["int8", [-128, 0, 127]],
    ["uint8", [0, 128, 255]],
    ["int32", [-2147483648, 0, 2147483647]],
    ["int64", [-(2n ** 63n), 0n, 2n ** 63n - 1n]],
    ["bool", [1, 0, 1]],
  ];

  test.each(rows)("%s comes back as it went in, lent or copied", async (dtype, values) => {
    const { sessionId } = await host.openModel(identityModel(dtype), { slots: 2 });
    const input = shared(dtype, [3], values);
    const output = shared(dtype, [3]);
    host.addon.bindSlot(sessionId, 0, [input], [output]);
    host.addon.bindSlot(sessionId, 1, [input], [null]);

    await host.run(sessionId, { slot: 0 });
    await host.run(sessionId, { slot: 1 });

    expect([...output.data]).toEqual(values);
    expect(host.addon.takeOutput(sessionId, 1, 0)).toEqual({ dtype, data: input.data, shape: [3] });
  });

  test("strings come back as they went in, empty and beyond ASCII too", async () => {
    const { sessionId } = await host.openModel(identityModel("string", ["n"]));
    const words = ["wake", "", "Überraschung 🚗"];

    host.addon.bindSlot(sessionId, 0, [{ dtype: "string", data: words, shape: [3] }], [null]);
    const { outcome } = await host.run(sessionId);

    expect(outcome).toBe("done/ok");
    expect(host.addon.takeOutput(sessionId, 0, 0)).toEqual({ dtype: "string", data: words, shape: [3] });
  });
});

describe("a slot of dynamic shape", () => {
  test("is bound again for another shape and gives outputs of that shape", async () => {
    const { sessionId } = await host.openModel(dynamicAdd());
    const shapes: (readonly number[])[] = [];

    for (const n of [2, 5, 0, 3]) {
      const a = shared("float32", [n], Array(n).fill(1));
      const b = shared("float32", [n], Array(n).fill(n));
      host.addon.bindSlot(sessionId, 0, [a, b], [null]);
      expect((await host.run(sessionId)).outcome).toBe("done/ok");
      const sum = host.addon.takeOutput(sessionId, 0, 0);
      shapes.push(sum.shape);
      expect([...(sum.data as Float32Array)]).toEqual(Array(n).fill(n + 1));
    }

    expect(shapes).toEqual([[2], [5], [0], [3]]);
  });

  test("reads what its memory holds when it runs, not when it was bound", async () => {
    const { sessionId } = await host.openModel(reluModel([1, 2]));
    const x = shared("float32", [1, 2], [1, 1]);
    const y = shared("float32", [1, 2]);
    host.addon.bindSlot(sessionId, 0, [x], [y]);

    x.data.set([-4, 4] as never);
    await host.run(sessionId);

    expect([...y.data]).toEqual([0, 4]);
  });

  test("gives fresh outputs on every run when the run allocates them", async () => {
    const { sessionId } = await host.openModel(reluModel([1, 1]));
    const x = shared("float32", [1, 1], [1]);
    host.addon.bindSlot(sessionId, 0, [x], [null]);

    await host.run(sessionId);
    const first = host.addon.takeOutput(sessionId, 0, 0);
    x.data.set([2] as never);
    await host.run(sessionId);

    expect([...(first.data as Float32Array)]).toEqual([1]);
    expect([...(host.addon.takeOutput(sessionId, 0, 0).data as Float32Array)]).toEqual([2]);
  });
});

describe("a run that goes wrong", () => {
  test("settles failed with the provider's message", async () => {
    const { sessionId } = await host.openModel(mismatchAdd());
    host.addon.bindSlot(sessionId, 0, [shared("float32", [2]), shared("float32", [3])], [null]);

    const { outcome, message } = await host.run(sessionId);

    expect(outcome).toBe("failed/provider");
    expect(message).toMatch(/Add/);
  });

  test.each(["lent", "allocated"])("settles non-finite when a checked %s output holds NaN", async (kind) => {
    const { sessionId } = await host.openModel(logModel());
    const x = shared("float32", [2], [1, -1]);
    host.addon.bindSlot(sessionId, 0, [x], [kind === "lent" ? shared("float32", [2]) : null]);

    const checked = await host.run(sessionId, { flags: 2 });
    const unchecked = await host.run(sessionId);
    x.data.set([1, 2] as never);
    const finite = await host.run(sessionId, { flags: 2 });

    expect([checked.outcome, unchecked.outcome, finite.outcome]).toEqual([
      "failed/non-finite",
      "done/ok",
      "done/ok",
    ]);
  });

  test("leaves the next run of the same slot whole", async () => {
    const { sessionId } = await host.openModel(mismatchAdd());
    host.addon.bindSlot(sessionId, 0, [shared("float32", [2]), shared("float32", [3])], [null]);
    await host.run(sessionId);

    host.addon.bindSlot(sessionId, 0, [shared("float32", [2]), shared("float32", [2])], [null]);

    expect((await host.run(sessionId)).outcome).toBe("done/ok");
  });
});

describe("binding", () => {
  test("names what was expected and received for a wrong type, shape or count", async () => {
    const { sessionId } = await host.openModel(reluModel([1, 4]));
    const y = shared("float32", [1, 4]);

    expect(() => host.addon.bindSlot(sessionId, 0, [shared("int32", [1, 4])], [y])).toThrowError(
      expect.objectContaining({ code: "INPUT_DTYPE", message: "x: expected float32, received int32" }),
    );
    expect(() => host.addon.bindSlot(sessionId, 0, [shared("float32", [2, 4])], [y])).toThrowError(
      expect.objectContaining({ code: "INPUT_SHAPE", message: "x: expected [1,4], received [2,4]" }),
    );
    expect(() => host.addon.bindSlot(sessionId, 0, [], [y])).toThrowError(
      expect.objectContaining({ code: "INPUT_MISSING" }),
    );
    expect(() => host.addon.bindSlot(sessionId, 3, [y], [y])).toThrowError(
      expect.objectContaining({ code: "INPUT_SLOT" }),
    );
  });

  test("refuses a detached buffer, and a run whose buffer was detached since", async () => {
    const { sessionId } = await host.openModel(reluModel([1, 4]));
    const gone = new Float32Array(4);
    const going = new Float32Array(4);
    const y = shared("float32", [1, 4]);
    structuredClone(gone, { transfer: [gone.buffer] });

    expect(() =>
      host.addon.bindSlot(sessionId, 0, [{ dtype: "float32", data: gone, shape: [1, 4] }], [y]),
    ).toThrowError(expect.objectContaining({ code: expect.stringMatching(/^INPUT_/) }));
    host.addon.bindSlot(sessionId, 0, [{ dtype: "float32", data: going, shape: [1, 4] }], [y]);
    expect((await host.run(sessionId)).outcome).toBe("done/ok");
    structuredClone(going, { transfer: [going.buffer] });
    expect(() => host.submit(sessionId)).toThrowError(expect.objectContaining({ code: "INPUT_SLOT" }));
  });
});

describe("a model that cannot be opened", () => {
  const open = (path: string) =>
    host.addon.openSession({ provider: "ort", path, criticality: "interactive", laneIndex: 0, slots: 1 });

  test("because it is not there says so", async () => {
    await expect(open(join(folder, "absent.onnx"))).rejects.toMatchObject({ code: "MODEL_FILE_MISSING" });
    await expect(open(folder)).rejects.toMatchObject({ code: "MODEL_FILE_MISSING" });
  });

  test("because it is truncated, garbage or empty says so and leaves the host whole", async () => {
    const path = join(folder, "truncated.onnx");
    writeFileSync(path, matmulChain({ nodes: 2, size: 32 }));
    truncateSync(path, 1000);
    const garbage = new TextEncoder().encode("this is not a model at all");

    await expect(open(path)).rejects.toMatchObject({ code: "MODEL_LOAD_FAILED" });
    await expect(host.openModel(garbage)).rejects.toMatchObject({ code: "MODEL_LOAD_FAILED" });
    await expect(host.openModel(new Uint8Array())).rejects.toMatchObject({ code: "MODEL_LOAD_FAILED" });
    await expect(host.openModel(reluModel())).resolves.toMatchObject({ inputs: [{ name: "x" }] });
  });

  test("because an option is wrong names the option", async () => {
    const refused = (ort: object) => expect(host.openModel(reluModel(), { ort: ort as never })).rejects;

    await refused({ threads: 2 }).toMatchObject({ code: "PROVIDER_OPTION", message: /threads/ });
    await refused({ intraOpThreads: 0 }).toMatchObject({
      code: "PROVIDER_OPTION",
      message: /intraOpThreads/,
    });
    await refused({ intraOpThreads: "2" }).toMatchObject({ code: "PROVIDER_OPTION" });
    await refused({ graphOptimization: "some" }).toMatchObject({ code: "PROVIDER_OPTION", message: /some/ });
    await refused({ freeDimensions: { n: 0 } }).toMatchObject({ code: "PROVIDER_OPTION" });
  });

  test("because it is named twice or not at all says so", async () => {
    const both = host.openModel(reluModel(), { path: "x.onnx" });
    const neither = host.addon.openSession({
      provider: "ort",
      criticality: "critical",
      laneIndex: 0,
      slots: 1,
    });

    await expect(both).rejects.toMatchObject({ code: "PROVIDER_OPTION" });
    await expect(neither).rejects.toMatchObject({ code: "PROVIDER_OPTION" });
  });
});

describe("session options", () => {
  test("write the optimised graph when the session opens, and a profile when it closes", async () => {
    const optimizedModelPath = join(folder, "optimised.onnx");
    const profilePrefix = join(folder, "profile");
    const { sessionId } = await host.openModel(matmulChain({ nodes: 2, size: 8 }), {
      ort: {
        optimizedModelPath,
        profilePrefix,
        graphOptimization: "basic",
        cpuMemArena: false,
        memPattern: false,
      },
    });
    const tensor = () => shared("float32", [8, 8]);
    host.addon.bindSlot(sessionId, 0, [tensor()], [tensor()]);

    await host.run(sessionId);
    await host.addon.closeSession(sessionId);

    const reopened = host.addon.openSession({
      provider: "ort",
      path: optimizedModelPath,
      criticality: "interactive",
      laneIndex: 0,
      slots: 1,
      ort: { graphOptimization: "disabled" },
    });
    await expect(reopened).resolves.toMatchObject({ inputs: [{ name: "x" }] });
    const profile = readdirSync(folder).find((name) => name.startsWith("profile"));
    expect(readFileSync(join(folder, profile!), "utf8")).toContain("MatMul");
  });

  test("pass configuration entries on, but for those that would keep the caller's bytes", async () => {
    const kept = { "session.use_ort_model_bytes_directly": "1" };
    const passed = { "session.set_denormal_as_zero": "1" };

    await expect(host.openModel(reluModel(), { ort: { configEntries: passed } })).resolves.toBeDefined();
    await expect(host.openModel(reluModel(), { ort: { configEntries: kept } })).rejects.toMatchObject({
      code: "PROVIDER_OPTION",
    });
  });
});

describe("a session with threads of its own", () => {
  test("computes the same as one without", async () => {
    const bytes = matmulChain({ nodes: 2, size: 96 });
    const x = shared(
      "float32",
      [96, 96],
      Array.from({ length: 96 * 96 }, (_, i) => (i % 7) - 3),
    );
    const results: number[][] = [];

    for (const ort of [{}, { intraOpThreads: 2 }, { intraOpThreads: 2, spin: true }]) {
      const { sessionId } = await host.openModel(bytes, { ort, criticality: "background" });
      const y = shared("float32", [96, 96]);
      host.addon.bindSlot(sessionId, 0, [x], [y]);
      await host.run(sessionId);
      await host.addon.closeSession(sessionId);
      results.push([...y.data].map(Number));
    }

    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });
});
