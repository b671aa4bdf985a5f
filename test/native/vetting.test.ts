// Models tried in a process of their own: what is believed, and what is refused.

import { spawn } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { matmulChain, reluModel } from "../../bench/harness/onnx-model.js";
import { createRuntime, type OpenOptions, type Runtime, vettedModels } from "../../runtime/index.js";
import { ensureBuilt } from "../e2e/built-cli.js";
import { falseChild } from "../support/false-child.js";
import { vetted } from "../support/vetted-provider.js";
import { errorOf, makeCatalogue, makeFolder, sha256Of } from "../unit/store/catalogue-folder.js";

const ROOT = path.resolve(import.meta.dirname, "../..");
const ROAD = path.join(ROOT, "models/road-seg/road-seg-int8.onnx");
const isWindows = process.platform === "win32";

async function valuesOf(runtime: Runtime, model: string, options?: OpenOptions): Promise<Float32Array> {
  const session = await runtime.open(model, options);
  const inputs = session.inputs.map(({ name, shape }) => {
    const count = shape.reduce<number>((product, size) => product * Number(size), 1);
    return [name, Float32Array.from({ length: count }, (_, index) => (index % 255) / 255)] as const;
  });
  const outcome = await session.run(Object.fromEntries(inputs));
  const values = Float32Array.from(Object.values(outcome.outputs)[0]?.data as Float32Array);
  outcome.release();
  await session.close();
  return values;
}

describe("the first open of a model", () => {
  test("tries it, the second takes the verdict; both give what an unvetted model gives", async () => {
    const root = await makeFolder();
    const vettings: string[] = [];
    const answers: Float32Array[] = [];
    for (const vetting of ["off", "on", "on"] as const) {
      await using runtime = await createRuntime({ vetting, store: { root } });
      answers.push(await valuesOf(runtime, "road-seg"));
      const { events } = runtime.events.read(0);
      vettings.push(...events.filter(({ kind }) => kind === "model.vet").map(({ detail }) => detail));
    }

    expect(vettings).toEqual([expect.stringMatching(/^road-seg@int8-320 passed in \d+ ms in a child$/)]);
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
    expect(await vettedModels({ root })).toMatchObject([
      {
        model: "road-seg@int8-320",
        state: "passed",
        isCurrent: true,
        sha256: sha256Of(await readFile(ROAD)),
      },
    ]);
  });

  test("hands on the optimised graph of the store, with the optimiser off", async () => {
    const { open, root, provider } = await vetted();
    const written = path.join(await makeFolder(), "host.onnx");

    await open(ROAD, { ort: { optimizedModelPath: written } });

    const names = await readdir(path.join(root, "vetted"));
    const graph = await readFile(
      path.join(root, "vetted", names.find((name) => name.endsWith(".onnx")) ?? ""),
    );
    // The host writes what it opened: the same nodes as the vetted graph, and not those of the model.
    expect(nodesOf(await readFile(written))).toEqual(nodesOf(graph));
    expect(nodesOf(graph)).not.toEqual(nodesOf(await readFile(ROAD)));
    await provider.close();
  });

  test("of one model by several callers at once tries it once", async () => {
    const { open, tried, provider } = await vetted();

    await Promise.all([open(ROAD), open(ROAD), open(ROAD)]);

    expect(tried).toHaveLength(1);
    await provider.close();
  });

  test("of other options, or of another thread count, is a first open again", async () => {
    const { open, tried, provider } = await vetted();

    for (const ort of [
      {},
      { graphOptimization: "basic" },
      { intraOpThreads: 2 },
      { graphOptimization: "disabled" },
    ] as const) {
      await open(reluModel([1, 4]), { ort });
      await open(reluModel([1, 4]), { ort });
    }

    expect(tried).toHaveLength(4);
    await provider.close();
  });

  test("in three processes at once leaves one good verdict, and the same answer everywhere", async () => {
    await ensureBuilt();
    const root = await makeFolder();
    const script = `
      const { createRuntime } = await import(${JSON.stringify(path.join(ROOT, "dist/runtime/index.js"))});
      const runtime = await createRuntime({ store: { root: ${JSON.stringify(root)} } });
      const session = await runtime.open("road-seg");
      const outcome = await session.run({ image: new Float32Array(3 * 320 * 320).fill(0.5) });
      console.log(outcome.status, outcome.outputs.drivable.data.slice(0, 3).join());
      await runtime.close();`;

    const answers = await Promise.all([1, 2, 3].map(() => nodeOutput(script)));

    expect(answers[0]).toMatch(/^done -?\d/);
    expect(new Set(answers).size).toBe(1);
    expect(await vettedModels({ root })).toMatchObject([{ state: "passed" }]);
    expect((await readdir(path.join(root, "vetted"))).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  test("works where the store cannot be written, and says that nothing is remembered", async () => {
    const root = path.join(await makeFolder(), "file");
    await writeFile(root, "a file where the store should be");
    const { open, tried, provider } = await vetted({ root });

    await open(ROAD);

    expect(tried).toEqual([expect.stringContaining("not remembered")]);
    await provider.close();
  });
});

describe("a model is refused", () => {
  test("when a run does not end in time", async () => {
    const { open, provider } = await vetted({ limits: { runMs: 50 } });

    const error = await errorOf(open(matmulChain({ nodes: 2000, size: 256 })));

    expect(error).toMatchObject({ code: "MODEL_TIMEOUT", expected: "at most 300 ms" });
    await provider.close();
  });

  test.skipIf(isWindows)("when its process hangs where nothing can stop it", async () => {
    const program = await falseChild({ open: "for (;;);" });
    const { open, provider } = await vetted({ program, limits: { openMs: 300 } });

    const error = await errorOf(open(reluModel([1, 4])));

    expect(error).toMatchObject({ code: "MODEL_TIMEOUT", what: "opening the model's bytes" });
    await provider.close();
  });

  test("when it takes more memory than it may", async () => {
    const { open, provider } = await vetted({ limits: { memoryBytes: 60e6 } });

    const error = await errorOf(open(matmulChain({ nodes: 2, size: 2048, rows: 4096 })));

    expect(error).toMatchObject({ code: "MODEL_MEMORY", expected: "at most 60 MB" });
    await provider.close();
  });

  test("when its outputs are not the golden ones, by output, expected and received", async () => {
    const bytes = reluModel([1]);
    const tensor = { dtype: "float32", shape: [1] };
    const catalogue = await makeCatalogue([
      {
        name: "wrong",
        bytes,
        sources: ["file:wrong.onnx"],
        manifest: {
          golden: "golden.json",
          inputs: [{ name: "x", ...tensor }],
          outputs: [{ name: "y", ...tensor }],
        },
      },
    ]);
    const folder = path.join(catalogue, "wrong");
    await writeFile(path.join(folder, "wrong.onnx"), bytes);
    const outputs = { y: { at: [0], values: [7], tolerance: 0.5 } };
    const golden = { schema: 1, cases: [{ variant: "fp32", inputs: { x: { values: [2] } }, outputs }] };
    await writeFile(path.join(folder, "golden.json"), JSON.stringify(golden));
    await using runtime = await createRuntime({
      store: { root: await makeFolder(), catalogue: [catalogue] },
    });

    const error = await errorOf(runtime.open("wrong"));

    expect(error).toMatchObject({
      code: "MODEL_GOLDEN",
      what: "wrong@fp32, golden case 1, output y[0]",
      expected: "7 within 0.5",
      received: "2",
    });
    // The file changes, and with it the key: nothing is remembered against it.
    outputs.y.values = [2];
    await writeFile(path.join(folder, "golden.json"), JSON.stringify(golden));
    await expect(runtime.open("wrong")).resolves.toMatchObject({ model: "wrong" });
  });

  test.each([
    ["is missing", "none.onnx", "MODEL_FILE_MISSING"],
    ["is a folder", ".", "MODEL_FILE_MISSING"],
    ["is no ONNX", "package.json", "MODEL_INVALID"],
  ])("in good order when its file %s", async (_, file, code) => {
    const { open, root, provider } = await vetted();

    const error = await errorOf(open(path.join(ROOT, file)));

    expect(error).toMatchObject({ code, message: expect.stringContaining(path.join(ROOT, file)) });
    expect(await vettedModels({ root })).toEqual([]);
    await provider.close();
  });

  test.each(["on", "off"] as const)(
    "when its file changes between the store's look and the open, vetting %s",
    async (mode) => {
      const { open, provider } = await vetted({ mode });
      const origin = { model: "road-seg", variant: "int8-320", sha256: "0".repeat(64) };

      const error = await errorOf(open(ROAD, { origin }));

      expect(error).toMatchObject({ code: "STORE_HASH_MISMATCH", what: ROAD });
      await provider.close();
    },
  );
});

describe("without a child program", () => {
  test.each([
    ["is not there", async () => path.join(await makeFolder(), "none"), /ENOENT/],
    ["is of another version", () => falseChild({ start: 'reply("ready", "interface=99")' }), /received 99/],
    ["answers nonsense", () => falseChild({ start: 'console.log("hello")' }), /not a reply: hello/],
  ])("because it %s, a Node fork takes its place and says why", async (_, program, reason) => {
    if (isWindows) return;
    await ensureBuilt();
    const { open, tried, provider } = await vetted({ program: await program() });

    await open(reluModel([1, 4]));

    expect(tried).toEqual([expect.stringMatching(/passed in \d+ ms in a fork/)]);
    expect(tried[0]).toMatch(reason);
    await provider.close();
  });
});

describe("options of the user", () => {
  test("a profile is written by the host, and not by the trial", async () => {
    const folder = await makeFolder();
    const { open, provider } = await vetted();

    const session = await open(ROAD, { ort: { profilePrefix: path.join(folder, "p") } });
    await session.close();

    expect(await readdir(folder)).toHaveLength(1);
    await provider.close();
  });

  test("a bad option is an error of the option, and no verdict on the model", async () => {
    const { open, root, provider } = await vetted();

    const error = await errorOf(
      open(ROAD, { ort: { configEntries: { "session.use_ort_model_bytes_directly": "1" } } }),
    );

    expect(error).toMatchObject({ code: "PROVIDER_OPTION" });
    expect(await vettedModels({ root })).toEqual([]);
    await provider.close();
  });

  test("threads chosen by trial are chosen on vetted graphs", async () => {
    await using runtime = await createRuntime({ store: { root: await makeFolder() } });

    const session = await runtime.open("road-seg", {
      threads: "auto",
      contract: { deadlineMs: 50, periodMs: 50 },
      admit: "best-effort",
    });

    const { events } = runtime.events.read(0);
    const kinds = events.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "model.vet")).not.toEqual([]);
    expect(kinds.indexOf("model.vet")).toBeLessThan(kinds.indexOf("session.load"));
    expect(session.threads).toBeGreaterThan(0);
  });
});

/** The operators of a serialized graph, sorted: their names stand in the bytes as text. */
function nodesOf(model: Uint8Array): string[] {
  const text = Buffer.from(model).toString("latin1");
  return [...text.matchAll(/"([\s\S])([A-Z][A-Za-z0-9]+)/g)]
    .filter(([, length, name]) => length?.charCodeAt(0) === name?.length)
    .map(([, , name]) => name ?? "")
    .sort();
}

async function nodeOutput(script: string): Promise<string> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.on("data", (data) => {
    out += String(data);
  });
  await new Promise((resolve) => child.on("close", resolve));
  return out.trim();
}
