// What is remembered of models that were tried: when it serves, when it lapses, and what a killed process leaves of it.

import { spawn } from "node:child_process";
import { readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { matmulChain, reluModel } from "../../bench/harness/onnx-model.js";
import { readModel } from "../../runtime/graphs/read-model.js";
import { writeModel } from "../../runtime/graphs/write-model.js";
import { vettedModels } from "../../runtime/index.js";
import { openStore } from "../../runtime/store/store.js";
import { ensureBuilt } from "../e2e/built-cli.js";
import { falseChild } from "../support/false-child.js";
import { vetted } from "../support/vetted-provider.js";
import { errorOf, makeFolder, sha256Of } from "../unit/store/catalogue-folder.js";

const ROOT = path.resolve(import.meta.dirname, "../..");
const ROAD = path.join(ROOT, "models/road-seg/road-seg-int8.onnx");
const isWindows = process.platform === "win32";

describe("a verdict", () => {
  test("whose graph has a flipped bit is no verdict: the model is tried again", async () => {
    const { open, root, tried, provider } = await vetted();
    await open(ROAD);
    const folder = path.join(root, "vetted");
    const graph = path.join(folder, (await readdir(folder)).find((name) => name.endsWith(".onnx")) ?? "");
    const bytes = await readFile(graph);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    await writeFile(graph, bytes);
    expect(await vettedModels({ root })).toMatchObject([{ state: "damaged" }]);

    await open(ROAD);

    expect(tried).toHaveLength(2);
    expect(await vettedModels({ root })).toMatchObject([{ state: "passed" }]);
    await provider.close();
  });

  test.skipIf(isWindows)(
    "of a crash names signal, step and remedy, is remembered, and lapses with its file",
    async () => {
      const program = await falseChild({ open: 'process.kill(process.pid, "SIGSEGV")' });
      const { open, tried, root, provider } = await vetted({ program });

      const first = (await errorOf(open(reluModel([1, 4])))) as { code: string; hint: string };
      const second = await errorOf(open(reluModel([1, 4])));

      expect(first).toMatchObject({
        code: "MODEL_CRASHED",
        message: expect.stringContaining("SIGSEGV while opening the model's bytes"),
      });
      expect(second).toMatchObject({ code: "MODEL_CRASHED", hint: first.hint });
      expect(tried).toHaveLength(1);
      const [verdict] = await vettedModels({ root });
      expect(first.hint).toContain(`delete ${verdict?.path}`);
      await rm(verdict?.path ?? "");
      await errorOf(open(reluModel([1, 4])));
      expect(tried).toHaveLength(2);
      await provider.close();
    },
  );

  test.skipIf(isWindows)(
    "is not passed when somebody else ends the process: the caller may try again",
    async () => {
      const program = await falseChild({ open: 'process.kill(process.pid, "SIGKILL")' });
      const { open, root, provider } = await vetted({ program });

      const error = await errorOf(open(reluModel([1, 4])));

      expect(error).toMatchObject({ code: "PROVIDER_LOST", received: "SIGKILL" });
      expect(await vettedModels({ root })).toEqual([]);
      await provider.close();
    },
  );
});

describe("what is kept", () => {
  test("serves a model of the store by its hash alone: its file is not read again", async () => {
    const { open, tried, provider } = await vetted();
    const sha256 = sha256Of(await readFile(ROAD));
    const origin = { model: "road-seg", variant: "int8-320", sha256 };
    await open(ROAD, { origin });

    const session = await open(path.join(ROOT, "nowhere.onnx"), { origin });

    expect(session.inputs.map(({ name }) => name)).toEqual(["image"]);
    expect(tried).toHaveLength(1);
    await provider.close();
  });

  test("is collected by its last use", async () => {
    const { open, root, tried, provider } = await vetted();
    const folder = path.join(root, "vetted");
    await open(ROAD);
    await open(reluModel([1, 4]));
    const lastYear = new Date(Date.now() - 365 * 86_400_000);
    for (const name of await readdir(folder)) await utimes(path.join(folder, name), lastYear, lastYear);
    await open(ROAD);

    const { removed } = await openStore({ root, catalogue: [] }).collect();

    expect(removed.map(({ reason }) => reason)).toEqual(["vetted"]);
    expect(await vettedModels({ root })).toMatchObject([{ model: ROAD, state: "passed" }]);
    expect(tried).toHaveLength(2);
    await provider.close();
  });

  test("covers files beside a model: their change is a first open, a link out of the folder none", async () => {
    const folder = await makeFolder();
    const file = path.join(folder, "model.onnx");
    const data = path.join(folder, "weights.bin");
    await writeFile(file, withWeightsBeside("weights.bin"));
    await writeFile(data, Buffer.from(new Float32Array(16).fill(1).buffer));
    const { open, tried, provider } = await vetted();

    await open(file);
    await open(file);
    await writeFile(data, Buffer.from(new Float32Array(16).fill(2).buffer));
    await open(file);
    await rm(data);
    await symlink(ROAD, data);

    expect(await errorOf(open(file))).toMatchObject({ code: "MODEL_EXTERNAL_PATH" });
    expect(tried).toHaveLength(2);
    await provider.close();
  });

  test.skipIf(isWindows)(
    "is not the folder of a process that was killed while it tried a model",
    async () => {
      await ensureBuilt();
      const root = await makeFolder();
      const program = await falseChild({ open: "for (;;);" });
      const script = `
      const { VettedProvider } = await import(${JSON.stringify(path.join(ROOT, "dist/runtime/vetting/vetted-provider.js"))});
      const { loadNative } = await import(${JSON.stringify(path.join(ROOT, "dist/runtime/bindings/load.js"))});
      const options = { mode: "on", addon: loadNative().addon, root: ${JSON.stringify(root)}, ortVersion: async () => "1", program: ${JSON.stringify(program)} };
      const given = { graph: ${JSON.stringify(ROAD)}, statedShapes: {} };
      void new VettedProvider({ name: "ort", open: async () => {} }, options).open(given);`;
      const killed = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
      await expect
        .poll(() => readdir(path.join(root, "tmp")).catch(() => []), { timeout: 20_000 })
        .toHaveLength(1);
      killed.kill("SIGKILL");
      await new Promise((resolve) => killed.on("close", resolve));
      const { open, provider } = await vetted({ root, ortVersion: async () => "1" });

      await open(ROAD);

      expect(await readdir(path.join(root, "tmp"))).toEqual([]);
      await provider.close();
    },
  );
});

/** A product with its 4x4 weights in another file. */
function withWeightsBeside(location: string): Uint8Array {
  const model = readModel(matmulChain({ nodes: 1, size: 4 }));
  const initializers = model.graph.initializers.map((weight) => ({
    ...weight,
    raw: null,
    dataLocation: 1,
    external: { location, offset: 0, length: null, entries: [{ key: "location", value: location }] },
  }));
  return writeModel({ ...model, graph: { ...model.graph, initializers } });
}
