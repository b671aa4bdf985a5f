// Owns the promises of reading and writing ONNX files: nothing lost, nothing believed, everything bounded.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { describe, expect, test } from "vitest";
import { encodeModel, matmulChain, reluModel } from "../../../bench/harness/onnx-model.js";
import { LIMITS } from "../../../runtime/core/limits.js";
import type { OnnxGraph, OnnxModel, OnnxNode } from "../../../runtime/graphs/onnx-model.js";
import { readModel } from "../../../runtime/graphs/read-model.js";
import { writeModel } from "../../../runtime/graphs/write-model.js";

const ROAD = fileURLToPath(new URL("../../../models/road-seg/road-seg-int8.onnx", import.meta.url));
const road = new Uint8Array(readFileSync(ROAD));

/** One length-delimited field. */
function field(number: number, payload: Uint8Array): Uint8Array {
  return new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(payload).finish();
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

/** Copies every part, so that none is written back from its original bytes. */
function rebuilt<Part>(part: Part): Part {
  if (ArrayBuffer.isView(part) || typeof part !== "object" || part === null) return part;
  if (Array.isArray(part)) return part.map(rebuilt) as Part;
  return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, rebuilt(value)])) as Part;
}

function codeOf(act: () => unknown): string {
  try {
    act();
    return "no error";
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

describe("reading", () => {
  test("a real model's nodes, types, shapes and opsets are what its exporter wrote", () => {
    const model = readModel(road);

    const [input] = model.graph.inputs;
    expect(model.opsets.map(({ domain, version }) => `${domain}@${version}`)).toContain("@17");
    expect(input?.name).toBe("image");
    expect(input?.type?.shape?.map(({ size }) => size)).toEqual([1, 3, 320, 320]);
    expect(model.graph.outputs.map(({ name }) => name)).toEqual(["drivable", "lanes"]);
    expect(model.graph.nodes.length).toBeGreaterThan(50);
  });

  test("elements are views of the file, never copies", () => {
    const bytes = matmulChain({ nodes: 2, size: 8 });

    const [weight] = readModel(bytes).graph.initializers;

    expect(weight?.dims).toEqual([8, 8]);
    expect(weight?.raw?.length).toBe(256);
    expect(weight?.raw?.buffer).toBe(bytes.buffer);
  });
});

describe("writing", () => {
  test.each([
    ["a bundled model", road],
    ["a hand-written model", reluModel()],
  ])("%s read and written is the same file, byte for byte", (_, bytes) => {
    expect(Buffer.compare(writeModel(readModel(bytes)), bytes)).toBe(0);
  });

  test("a model rebuilt part by part reads as the same model", () => {
    const model = readModel(road);

    const again = readModel(writeModel(rebuilt(model)));

    expect(again).toEqual(model);
  });

  test("a renamed node leaves the bytes of all others as they are", () => {
    const model = readModel(matmulChain({ nodes: 3, size: 4 }));
    const [first, ...others] = model.graph.nodes as [OnnxNode, ...OnnxNode[]];

    const edited = writeModel({
      ...model,
      graph: { ...model.graph, nodes: [{ ...first, name: "renamed" }, ...others] },
    });
    const back = readModel(edited);

    expect(back.graph.nodes[0]?.name).toBe("renamed");
    expect(back.graph.nodes.slice(1)).toEqual(others);
    expect(back.graph.initializers).toEqual(model.graph.initializers);
  });

  test("fields nobody knows survive an edit", () => {
    const unknown = field(777, Uint8Array.of(1, 2, 3));
    const model = readModel(join(reluModel(), unknown));

    const edited = writeModel({ ...model, irVersion: 9 });

    expect(Buffer.from(edited).includes(Buffer.from(unknown))).toBe(true);
    expect(readModel(edited).irVersion).toBe(9);
  });
});

describe("hostile bytes", () => {
  test.each<[string, Uint8Array]>([
    ["nothing", new Uint8Array(0)],
    ["text", Buffer.from("this is not a model")],
    ["a file cut in the middle", road.subarray(0, road.length >> 1)],
    ["a length beyond the file", Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x07, 0)],
    ["a length of more than 32 bits", Uint8Array.of(0x3a, 0x81, 0x80, 0x80, 0x80, 0x80, 0x01, 0)],
    ["a number that never ends", new Uint8Array(64).fill(0xff)],
    ["a group", Uint8Array.of(0x3b, 0x3c)],
    ["two graphs", join(reluModel(), field(7, new Uint8Array(0)))],
    ["a graph that is a number", Uint8Array.of(0x38, 0x01)],
    ["a name that is not UTF-8", join(reluModel(), field(25, field(1, Uint8Array.of(0xff, 0xfe))))],
  ])("%s is refused as malformed", (_, bytes) => {
    expect(codeOf(() => readModel(bytes))).toBe("MODEL_INVALID");
  });

  test("a file cut anywhere is refused or read, never anything else", () => {
    const bytes = encodeModel({
      inputs: [{ name: "x", dtype: "float32", shape: ["n", 2] }],
      outputs: [{ name: "y", dtype: "float32", shape: ["n", 2] }],
      nodes: [{ op: "LeakyRelu", inputs: ["x"], outputs: ["y"], floats: { alpha: 0.5 } }],
      weights: [{ name: "w", shape: [2], data: Float32Array.of(1, 2) }],
    });

    const codes = Array.from(bytes, (_, length) => codeOf(() => readModel(bytes.subarray(0, length))));

    expect(codes.filter((code) => code !== "MODEL_INVALID" && code !== "no error")).toEqual([]);
    expect(codes.filter((code) => code === "MODEL_INVALID").length).toBeGreaterThan(bytes.length / 2);
  });

  test("graphs within graphs end at the limit, before they end the stack", () => {
    const nested = (depth: number): Uint8Array => {
      let graph = field(2, Buffer.from("innermost"));
      for (let level = 0; level < depth; level++) graph = field(1, field(5, field(6, graph)));
      return field(7, graph);
    };

    expect(codeOf(() => readModel(nested(LIMITS.graphDepth)))).toBe("no error");
    expect(codeOf(() => readModel(nested(LIMITS.graphDepth + 1)))).toBe("MODEL_LIMIT");
    expect(codeOf(() => readModel(nested(2000)))).toBe("MODEL_LIMIT");
  });

  test("types within types end at the limit", () => {
    let type = field(1, new Uint8Array(0));
    for (let level = 0; level < 2000; level++) type = field(4, field(1, type));

    const bytes = field(7, field(11, field(2, type)));

    expect(codeOf(() => readModel(bytes))).toBe("MODEL_LIMIT");
  });

  test("more nodes than any model has are refused while they are counted", () => {
    const nodes = new Uint8Array((LIMITS.graphNodes + 1) * 2);
    for (let at = 0; at < nodes.length; at += 2) nodes[at] = 0x0a;

    expect(codeOf(() => readModel(field(7, nodes)))).toBe("MODEL_LIMIT");
  });

  test("a type that is a tensor's and a sequence's at once is refused", () => {
    const type = join(field(1, new Uint8Array(0)), field(4, new Uint8Array(0)));

    expect(codeOf(() => readModel(field(7, field(11, field(2, type)))))).toBe("MODEL_INVALID");
  });
});

describe("a read model is plain, frozen data", () => {
  test("nobody can change what others may have seen", () => {
    const model: OnnxModel = readModel(reluModel());

    expect(() => {
      (model.graph as { name: string }).name = "changed";
    }).toThrow(TypeError);
    expect(() => (model.graph.nodes as OnnxNode[]).pop()).toThrow(TypeError);
    expect(Object.isFrozen((model.graph as OnnxGraph).inputs[0]?.type)).toBe(true);
  });
});
