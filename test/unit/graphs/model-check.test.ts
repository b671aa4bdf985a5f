// Owns the promises about which models may reach ONNX Runtime: facts, limits and the files a model may refer to.

import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { matmulChain, reluModel } from "../../../bench/harness/onnx-model.js";
import { LIMITS } from "../../../runtime/core/limits.js";
import { mentionsFiles } from "../../../runtime/graphs/external-data.js";
import { checkModel } from "../../../runtime/graphs/model-check.js";
import type { OnnxFunction, OnnxModel, OnnxNode, OnnxTensor } from "../../../runtime/graphs/onnx-model.js";
import { readModel } from "../../../runtime/graphs/read-model.js";
import { writeModel } from "../../../runtime/graphs/write-model.js";

const ROAD = fileURLToPath(new URL("../../../models/road-seg/road-seg-fp32.onnx", import.meta.url));

let root: string;
/** The model's folder, within `root`. */
let folder: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "redline-check-"));
  folder = join(root, "model");
  await mkdir(join(folder, "parts"), { recursive: true });
  await writeFile(join(root, "secret.bin"), Buffer.alloc(4096));
  await writeFile(join(folder, "weights.bin"), Buffer.alloc(64));
  await writeFile(join(folder, "parts", "weights.bin"), Buffer.alloc(64));
  await symlink(join(root, "secret.bin"), join(folder, "innocent.bin"));
  await symlink(root, join(folder, "up"));
  await symlink(join(folder, "weights.bin"), join(folder, "alias.bin"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** A product with its 4x4 weights in another file. */
function external(location: string, more: Readonly<Record<string, string>> = {}): Uint8Array {
  const model = readModel(matmulChain({ nodes: 1, size: 4 }));
  const weight = model.graph.initializers[0] as OnnxTensor;
  const entries = Object.entries({ location, ...more }).map(([key, value]) => ({ key, value }));
  const away = {
    ...weight,
    raw: null,
    dataLocation: 1,
    external: { location, offset: 0, length: null, entries },
  };
  return writeModel({ ...model, graph: { ...model.graph, initializers: [away] } });
}

async function saved(bytes: Uint8Array): Promise<string> {
  const path = join(folder, "model.onnx");
  await writeFile(path, bytes);
  return path;
}

test("whether a model may refer to other files is told without reading its graph", async () => {
  const acrossPieces = Buffer.alloc(8 << 20);
  acrossPieces.write("location", (4 << 20) - 3);

  expect(await mentionsFiles(external("weights.bin"))).toBe(true);
  expect(await mentionsFiles(acrossPieces)).toBe(true);
  expect(await mentionsFiles(await readFile(ROAD))).toBe(false);
});

describe("facts", () => {
  test("a bundled model's counts are what its file holds", async () => {
    const { graph, format, externalFiles } = await checkModel(ROAD);

    const counted = Object.values(graph?.opCounts ?? {}).reduce((sum, count) => sum + count, 0);
    expect(format).toBe("onnx");
    expect(externalFiles).toEqual([]);
    expect(graph?.opCounts.Conv).toBeGreaterThan(10);
    expect(graph?.nodes).toBe(counted);
    expect(graph?.expandedNodes).toBe(counted);
    expect(graph?.initializerBytes).toBeGreaterThan(1_800_000);
    expect(graph?.opsets).toContainEqual({ domain: "", version: 17 });
  });

  test("a missing, an empty and a foreign file are named", async () => {
    const foreign = await saved(Buffer.from("not a model at all"));

    await expect(checkModel(join(folder, "absent.onnx"))).rejects.toMatchObject({
      code: "MODEL_FILE_MISSING",
    });
    await expect(checkModel(folder)).rejects.toMatchObject({ code: "MODEL_FILE_MISSING" });
    await expect(checkModel(new Uint8Array(0))).rejects.toMatchObject({ code: "MODEL_LOAD_FAILED" });
    await expect(checkModel(foreign)).rejects.toMatchObject({
      code: "MODEL_INVALID",
      message: expect.stringContaining(foreign),
    });
  });
});

describe("external data", () => {
  test.each([
    ["beside the model", "weights.bin"],
    ["in a folder of the model's", "parts/weights.bin"],
    ["through a link that stays inside", "alias.bin"],
    ["from here", "./weights.bin"],
  ])("%s is found", async (_, location) => {
    const { externalFiles } = await checkModel(await saved(external(location)));

    expect(externalFiles).toMatchObject([{ location, bytes: 64 }]);
  });

  test("through a cache that links model and data into one place is found", async () => {
    const snapshot = join(root, "snapshot");
    await mkdir(snapshot);
    await symlink(await saved(external("weights.bin")), join(snapshot, "model.onnx"));
    await symlink(join(folder, "weights.bin"), join(snapshot, "weights.bin"));

    const { externalFiles } = await checkModel(join(snapshot, "model.onnx"));

    expect(externalFiles).toMatchObject([{ bytes: 64 }]);
  });

  test.each([
    ["above the model's folder", "../secret.bin"],
    ["above it by a detour", "parts/../../secret.bin"],
    ["at the root", "/etc/hostname"],
    ["on a Windows drive", "C:/secret.bin"],
    ["on a Windows share", "\\\\host\\share\\secret.bin"],
    ["above it the Windows way", "..\\secret.bin"],
    ["through a link that leads out", "innocent.bin"],
    ["through a folder that leads out", "up/secret.bin"],
    ["a name with a NUL in it", "weights.bin\u0000.png"],
    ["no name", ""],
    ["the folder itself", "."],
    ["a folder", "parts"],
    ["a file that is absent", "absent.bin"],
    ["an address in the host's memory", "*/_ORT_MEM_ADDR_/*"],
  ])("%s is refused", async (_, location) => {
    await expect(checkModel(await saved(external(location)))).rejects.toMatchObject({
      code: "MODEL_EXTERNAL_PATH",
    });
  });

  test.each([
    ["beyond the file's end", { offset: "4", length: "64" }],
    ["longer than the tensor", { length: "128" }],
    ["shorter than the tensor", { length: "60" }],
    ["beyond the end by its offset alone", { offset: "1" }],
  ])("a part %s is refused", async (_, more) => {
    await expect(checkModel(await saved(external("weights.bin", more)))).rejects.toMatchObject({
      code: "MODEL_EXTERNAL_PATH",
    });
  });

  test.each(["-1", " 4", "4e1", "0x10", "99999999999999999999"])(
    "an offset of %j is not a number here",
    async (offset) => {
      await expect(checkModel(await saved(external("weights.bin", { offset })))).rejects.toMatchObject({
        code: "MODEL_INVALID",
      });
    },
  );

  test("a model from bytes refers to no file at all", async () => {
    await expect(checkModel(external("weights.bin"))).rejects.toMatchObject({
      code: "MODEL_EXTERNAL_PATH",
    });
  });

  test("a reference hidden in a subgraph, an attribute or a function is found", async () => {
    const model = readModel(external("../secret.bin"));
    const [hidden] = model.graph.initializers as [OnnxTensor];
    const clean = readModel(reluModel());
    const [relu] = clean.graph.nodes as [OnnxNode];
    const attribute = { ...EMPTY_ATTRIBUTE, name: "hidden" };
    const places: OnnxModel[] = [
      withNode(clean, { ...relu, attributes: [{ ...attribute, kind: 4, tensor: hidden }] }),
      withNode(clean, { ...relu, attributes: [{ ...attribute, kind: 5, graph: model.graph }] }),
      withNode(clean, {
        ...relu,
        attributes: [
          {
            ...attribute,
            kind: 11,
            sparseTensor: { values: hidden, indices: null, dims: [4, 4], rest: [] },
          },
        ],
      }),
      {
        ...clean,
        functions: [definition("f", [{ ...relu, attributes: [{ ...attribute, tensor: hidden }] }])],
      },
    ];

    for (const place of places) {
      await expect(checkModel(writeModel(place))).rejects.toMatchObject({ code: "MODEL_EXTERNAL_PATH" });
    }
  });
});

const EMPTY_ATTRIBUTE = {
  name: "",
  kind: 0,
  float: null,
  int: null,
  string: null,
  tensor: null,
  graph: null,
  sparseTensor: null,
  floats: [],
  ints: [],
  strings: [],
  tensors: [],
  graphs: [],
  sparseTensors: [],
  rest: [],
};

function withNode(model: OnnxModel, node: OnnxNode): OnnxModel {
  return { ...model, graph: { ...model.graph, nodes: [node] } };
}

function definition(name: string, nodes: readonly OnnxNode[]): OnnxFunction {
  const values = { inputs: ["x"], outputs: ["y"], attributes: [], opsets: [], values: [], rest: [] };
  return { name, domain: "local", overload: "", nodes, ...values };
}

function call(op: string): OnnxNode {
  const empty = { name: "", overload: "", attributes: [], rest: [] };
  return { ...empty, op, domain: "local", inputs: ["x"], outputs: ["y"] };
}

describe("limits", () => {
  const clean = readModel(matmulChain({ nodes: 1, size: 4 }));
  const weight = clean.graph.initializers[0] as OnnxTensor;
  const weighing = (change: Partial<OnnxTensor>): Uint8Array =>
    writeModel({ ...clean, graph: { ...clean.graph, initializers: [{ ...weight, ...change }] } });

  test.each<[string, string, Uint8Array]>([
    ["a rank nobody uses", "MODEL_LIMIT", weighing({ dims: new Array(LIMITS.tensorRank + 1).fill(1) })],
    ["a dimension beyond 32 bits", "MODEL_LIMIT", weighing({ dims: [LIMITS.tensorDimension + 1] })],
    ["a negative dimension", "MODEL_INVALID", weighing({ dims: [-4, -4] })],
    ["bytes that do not fill the shape", "MODEL_INVALID", weighing({ dims: [4, 5] })],
    ["bytes of another type's size", "MODEL_INVALID", weighing({ elementType: 11 })],
  ])("%s: %s", async (_, code, bytes) => {
    await expect(checkModel(bytes)).rejects.toMatchObject({ code });
  });

  test("ten lines of functions that mean ten thousand million nodes are refused at once", async () => {
    const calls = (next: string): OnnxNode[] => new Array(10).fill(call(next));
    const functions = Array.from({ length: 10 }, (_, index) =>
      definition(`f${index}`, index === 9 ? [{ ...call("Relu"), domain: "" }] : calls(`f${index + 1}`)),
    );

    const bomb = writeModel({ ...withNode(clean, call("f0")), functions });

    expect(bomb.length).toBeLessThan(10_000);
    await expect(checkModel(bomb)).rejects.toMatchObject({ code: "MODEL_LIMIT", what: expect.anything() });
  });

  test("a function that calls itself is refused", async () => {
    const functions = [definition("a", [call("b")]), definition("b", [call("a")])];

    await expect(checkModel(writeModel({ ...clean, functions }))).rejects.toMatchObject({
      code: "MODEL_INVALID",
    });
  });

  test("a sparse tensor of one element and a terabyte's shape is refused", async () => {
    const values = { ...weight, name: "sparse", dims: [1], raw: new Uint8Array(4) };
    const indices = { ...weight, name: "", elementType: 7, dims: [1], raw: new Uint8Array(8) };
    const sparse = { values, indices, dims: [500_000, 500_000], rest: [] };

    const bytes = writeModel({ ...clean, graph: { ...clean.graph, sparseInitializers: [sparse] } });

    await expect(checkModel(bytes)).rejects.toMatchObject({ code: "MODEL_LIMIT" });
  });
});
