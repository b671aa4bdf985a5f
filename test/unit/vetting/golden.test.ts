// Golden vectors: what their file may say, and what is held against it.

import { writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { halfToNumber, numberToHalf } from "../../../runtime/core/half.js";
import type { TensorSpec } from "../../../runtime/core/tensor.js";
import { checkGolden, goldenInputs, zeroInputs } from "../../../runtime/vetting/golden.js";
import { readGolden } from "../../../runtime/vetting/read-golden.js";
import { makeFolder } from "../store/catalogue-folder.js";

const X: TensorSpec = { name: "x", dtype: "float32", shape: [2] };

async function goldenFile(content: unknown): Promise<string> {
  const file = path.join(await makeFolder(), "golden.json");
  await writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

const CASE = {
  variant: "fp32",
  inputs: { x: { values: [1, 2] } },
  outputs: { y: { at: [0], values: [3], tolerance: 0.1 } },
};

test("the cases of one variant are read", async () => {
  const file = await goldenFile({ schema: 1, cases: [CASE, { ...CASE, variant: "int8" }] });

  expect(await readGolden(file, { variant: "int8" })).toHaveLength(1);
});

test.each([
  ["no JSON", "{"],
  ["another schema", { schema: 2, cases: [CASE] }],
  ["no case", { schema: 1, cases: [] }],
  ["an unknown field", { schema: 1, cases: [{ ...CASE, extra: 1 }] }],
])("a golden file with %s is refused", async (_, content) => {
  await expect(readGolden(await goldenFile(content), { variant: "fp32" })).rejects.toMatchObject({
    code: "MANIFEST_INVALID",
  });
});

test("a golden file that is missing is named", async () => {
  const file = path.join(await makeFolder(), "none.json");

  await expect(readGolden(file, { variant: "fp32" })).rejects.toMatchObject({
    code: "MODEL_FILE_MISSING",
    what: file,
  });
});

test.each(["float32", "float16", "int8", "uint8", "int32", "int64", "bool"] as const)(
  "inputs of %s are filled with the values given",
  (dtype) => {
    const [input] = goldenInputs({ ...CASE, inputs: { x: { values: [0, 1] } } }, [{ ...X, dtype }]);

    const one = dtype === "float16" ? 0x3c00 : 1;
    expect([...(input?.data ?? [])].map(Number)).toEqual([0, one]);
  },
);

test("a sine is 0.5 + 0.5 sin(i step), and an open shape is taken from the case", () => {
  const golden = { ...CASE, inputs: { x: { fill: "sine", step: 0.3, shape: [3] } } } as const;

  const [input] = goldenInputs(golden, [{ ...X, shape: ["n"] }]);

  expect(input?.data).toEqual(Float32Array.from([0, 1, 2], (i) => 0.5 + 0.5 * Math.sin(i * 0.3)));
});

test.each([
  ["too few values", { x: { values: [1] } }],
  ["no such input", {}],
])("%s for an input is an error of the golden file", (_, inputs) => {
  expect(() => goldenInputs({ ...CASE, inputs }, [X])).toThrow(
    expect.objectContaining({ code: "MANIFEST_INVALID" }),
  );
});

describe("an output", () => {
  const check = (data: readonly number[], golden: object = {}) =>
    checkGolden(
      { ...CASE, outputs: { y: { ...CASE.outputs.y, ...golden } } },
      { outputs: { y: { data: Float32Array.from(data), shape: [data.length] } }, label: "m" },
    );

  test("within its tolerance passes, whatever its other elements are", () => {
    expect(() => check([3.05, Number.NaN])).not.toThrow();
  });

  test.each([
    ["outside its tolerance", [3.2], {}],
    ["that is NaN", [Number.NaN], {}],
    ["with fewer elements", [], {}],
    ["not finite where all must be", [3, Number.POSITIVE_INFINITY], { finite: true }],
  ])("%s is refused by name", (_, data, golden) => {
    expect(() => check(data, golden)).toThrow(
      expect.objectContaining({ code: "MODEL_GOLDEN", what: expect.stringContaining("m, output y[") }),
    );
  });

  test("the graph lacks is refused", () => {
    expect(() => checkGolden(CASE, { outputs: {}, label: "m" })).toThrow(
      expect.objectContaining({ code: "MODEL_GOLDEN" }),
    );
  });
});

test("zeros fit every fixed shape, and nothing else", () => {
  expect(zeroInputs([X])?.[0]?.data).toEqual(new Float32Array(2));
  expect(zeroInputs([{ ...X, shape: ["n"] }])).toBeUndefined();
  expect(zeroInputs([{ ...X, dtype: "string" }])).toBeUndefined();
});

test("every half is its own nearest half, and ties go to even", () => {
  for (let bits = 0; bits < 0x10000; bits += 1) {
    const value = halfToNumber(bits);
    if (!Number.isNaN(value)) expect(numberToHalf(value)).toBe(bits);
  }

  expect(numberToHalf(1 + 2 ** -11)).toBe(0x3c00);
  expect(numberToHalf(1 + 3 * 2 ** -11)).toBe(0x3c02);
  expect(numberToHalf(65_520)).toBe(0x7c00);
  expect(numberToHalf(Number.NaN)).toBe(0x7e00);
});
