// Asks whether a wrong manifest is refused by field, and a right one taken.

import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { RedlineError } from "../../../runtime/core/errors.js";
import { bundledCatalogue, modelNames } from "../../../runtime/store/catalogue.js";
import { parseManifest } from "../../../runtime/store/manifest.js";
import { manifestOf } from "./catalogue-folder.js";

const MODEL = { name: "m", bytes: new Uint8Array([1, 2, 3]), sources: ["https://example.org/m.onnx"] };
const WHERE = { path: "m/manifest.json" };

function refusal(json: unknown): RedlineError {
  try {
    parseManifest(json, WHERE);
  } catch (error) {
    if (error instanceof RedlineError) return error;
    throw error;
  }
  throw new Error("the manifest was accepted");
}

test("every manifest that ships with the package is valid, and its golden file and card exist", async () => {
  const names = await modelNames([bundledCatalogue()]);

  for (const name of names) {
    const folder = path.join(bundledCatalogue(), name);
    const manifest = parseManifest(JSON.parse(await readFile(path.join(folder, "manifest.json"), "utf8")), {
      path: name,
    });
    expect(manifest.name).toBe(name);
    expect(await readFile(path.join(folder, manifest.golden ?? ""), "utf8")).toContain('"cases"');
    expect(await readFile(path.join(folder, manifest.card ?? ""), "utf8")).toContain("# ");
  }
  expect(names).toEqual(expect.arrayContaining(["silero-vad", "silero-vad-v6"]));
});

test("a driving model may say how its image is prepared and what its outputs mean", () => {
  const image = {
    name: "image",
    dtype: "float32",
    shape: [1, 3, 320, 320],
    role: "image",
    layout: "NCHW",
    colour: "RGB",
    scale: 1 / 255,
    mean: [0, 0, 0],
    std: [1, 1, 1],
    resize: "stretch",
  };

  const manifest = parseManifest(manifestOf({ ...MODEL, manifest: { inputs: [image] } }), WHERE);

  expect(manifest.inputs[0]).toEqual(image);
});

test("a parsed manifest cannot be changed", () => {
  const manifest = parseManifest(manifestOf(MODEL), WHERE);

  expect(() => Object.assign(manifest.variants[0] ?? {}, { bytes: 1 })).toThrow(TypeError);
});

describe("a manifest that is not valid is refused by field, with what was expected and received", () => {
  const variant = { id: "fp32" };
  const cases: [name: string, json: unknown, field: string, expected: string, received: string][] = [
    [
      "an unknown field",
      { ...manifestOf(MODEL), licence: undefined, license: "MIT" },
      "license",
      "only fields",
      "unknown field",
    ],
    [
      "an unknown field of a variant",
      manifestOf({ ...MODEL, variant: { sha512: "" } }),
      "variants[0].sha512",
      "only fields",
      "sha512",
    ],
    ["a missing field", { ...manifestOf(MODEL), task: undefined }, "task", "string", "nothing"],
    ["a wrong type", manifestOf({ ...MODEL, variant: { bytes: "3" } }), "variants[0].bytes", "number", '"3"'],
    [
      "a fraction of a byte",
      manifestOf({ ...MODEL, variant: { bytes: 1.5 } }),
      "variants[0].bytes",
      "int",
      "1.5",
    ],
    ["no bytes", manifestOf({ ...MODEL, variant: { bytes: 0 } }), "variants[0].bytes", "at least 1", "0"],
    [
      "a short hash",
      manifestOf({ ...MODEL, variant: { sha256: "ab" } }),
      "variants[0].sha256",
      "64 lower-case hexadecimal digits",
      '"ab"',
    ],
    ["another schema", { ...manifestOf(MODEL), schema: 2 }, "schema", "1", "2"],
    ["no variant", { ...manifestOf(MODEL), variants: [] }, "variants", "at least 1 entries", "[]"],
    [
      "two variants of one id",
      { ...manifestOf(MODEL), variants: [1, 2].map(() => ({ ...variantOf(), ...variant })) },
      "variants[1].id",
      "used once",
      "fp32",
    ],
    [
      "an unknown element type",
      manifestOf({ ...MODEL, manifest: { inputs: [{ name: "x", dtype: "float31", shape: [] }] } }),
      "inputs[0].dtype",
      '"float32" or',
      '"float31"',
    ],
    [
      "an output that feeds no input",
      manifestOf({
        ...MODEL,
        manifest: { outputs: [{ name: "y", dtype: "float32", shape: [], feeds: "z" }] },
      }),
      "outputs[0].feeds",
      "x",
      "z",
    ],
    ["no object at all", "silero", "the whole document", "object", '"silero"'],
  ];
  test.each(cases)("%s", (_name, json, field, expected, received) => {
    const error = refusal(json);

    expect(error.code).toBe("MANIFEST_INVALID");
    expect(error.what).toBe(`m/manifest.json: ${field}`);
    expect(error.expected).toContain(expected);
    expect(error.received).toContain(received);
  });
});

describe("a source that could give other bytes tomorrow, or over an open connection, is refused", () => {
  test.each([
    "http://example.org/m.onnx",
    "ftp://example.org/m.onnx",
    "m.onnx",
    "npm:package@latest/m.onnx",
    "npm:package@^1.0.0/m.onnx",
    "npm:package@1.0.0",
    "npm:../package@1.0.0/m.onnx",
    "https:",
    "https://user:password@example.org/m.onnx",
  ])("%s", (source) => {
    const error = refusal(manifestOf({ ...MODEL, sources: [source] }));

    expect(error.code).toBe("MANIFEST_INVALID");
    expect(error.what).toBe("m/manifest.json: variants[0].sources[0]");
    expect(error.received).toBe(source);
  });
});

describe("a path that is absolute or leads out of the manifest's folder is refused", () => {
  const ways = [
    "../m.onnx",
    "a/../../m.onnx",
    "/m.onnx",
    "C:\\m.onnx",
    "C:m.onnx",
    "\\m.onnx",
    "a\\..\\..\\m.onnx",
  ];
  const fields: [field: string, make: (file: string) => unknown][] = [
    ["variants[0].file", (file) => manifestOf({ ...MODEL, variant: { file } })],
    ["variants[0].sources[0]", (file) => manifestOf({ ...MODEL, sources: [`file:${file}`] })],
    ["variants[0].sources[0]", (file) => manifestOf({ ...MODEL, sources: [`npm:p@1.0.0/x/${file}`] })],
    ["golden", (file) => manifestOf({ ...MODEL, manifest: { golden: file } })],
    ["card", (file) => manifestOf({ ...MODEL, manifest: { card: file } })],
  ];
  const cases = fields.flatMap(([field, make]) => ways.map((file) => [field, file, make(file)] as const));
  const climbing = cases.filter(
    ([, file, json]) => file.includes("..") || !JSON.stringify(json).includes("npm:"),
  );
  test.each(climbing)("%s: %s", (field, _file, json) => {
    const error = refusal(json);

    expect(error.code).toBe("MANIFEST_PATH");
    expect(error.what).toBe(`m/manifest.json: ${field}`);
  });
});

function variantOf(): Record<string, unknown> {
  const { variants } = manifestOf(MODEL) as { variants: Record<string, unknown>[] };
  return variants[0] ?? {};
}
