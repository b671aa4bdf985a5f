// The lines exchanged with the child program, and what is hashed around a model.

import { expect, test } from "vitest";
import {
  fieldOf,
  fieldsOf,
  formatLine,
  joinList,
  parseLine,
  splitList,
} from "../../../runtime/vetting/line.js";
import { vettingKey } from "../../../runtime/vetting/vetting-key.js";

test("a line carries any text, and lists of any texts, there and back", () => {
  const nasty = "a b=c,d%\n~é\0";
  const text = formatLine({
    verb: "open",
    id: 7,
    fields: [
      ["path", nasty],
      ["entry", joinList([nasty, 3])],
    ],
  });

  const line = parseLine(text.slice(0, -1));

  expect(text.match(/\n/g)).toHaveLength(1);
  expect([line.verb, line.id, fieldOf(line, "path")]).toEqual(["open", 7, nasty]);
  expect(splitList(fieldOf(line, "entry"))).toEqual([nasty, "3"]);
});

test("a name that occurs twice keeps its order", () => {
  expect(fieldsOf(parseLine("run 1 input=a input=b"), "input")).toEqual(["a", "b"]);
});

test.each(["", "beat", "beat x", "ran 1 field", "ran 1 =x", "ran 1 a=%zz"])("%j is no line", (text) => {
  expect(() => parseLine(text)).toThrow();
});

const PARTS = {
  modelSha256: "m",
  external: [],
  goldenSha256: null,
  variant: "fp32",
  certain: { constants: {}, shapes: {} },
  ort: { intraOpThreads: 1 },
  ortVersion: "1.30.0",
  provider: "ort",
  machine: "linux x64",
} as const;

test.each([
  ["the model", { modelSha256: "n" }],
  ["a file beside it", { external: [["weights", "w"]] }],
  ["the golden vectors", { goldenSha256: "g" }],
  ["the variant", { variant: "int8" }],
  ["a constant input", { certain: { constants: { sr: 16_000 }, shapes: {} } }],
  ["an option", { ort: { intraOpThreads: 2 } }],
  ["a configuration entry", { ort: { configEntries: { a: "b" } } }],
  ["ONNX Runtime", { ortVersion: "1.31.0" }],
  ["the provider", { provider: "ort-node" }],
  ["the machine", { machine: "linux x64 avx512" }],
] as const)("a verdict does not outlive a change of %s", (_, change) => {
  expect(vettingKey({ ...PARTS, ...change })).not.toBe(vettingKey(PARTS));
});

test("options that say the default, come in another order or only write files leave the verdict as it is", () => {
  const ort = { configEntries: { b: "2", a: "1" } };
  const same = {
    configEntries: { a: "1", b: "2" },
    graphOptimization: "all",
    spin: false,
    profilePrefix: "p",
    optimizedModelPath: "o",
  } as const;

  expect(vettingKey({ ...PARTS, ort: same })).toBe(vettingKey({ ...PARTS, ort }));
});
