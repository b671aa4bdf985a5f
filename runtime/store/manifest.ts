// Owns the manifest: the JSON contract of a model, its schema and its checks. Knows no disk, network or ONNX graph.
// Invariant: a parsed manifest is frozen, holds no unknown field, and no path in it leads out of its folder.

import { z } from "zod";
import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import { DTYPES } from "../core/tensor.js";
import { INSIDE, leadsOut, parseSource } from "./source.js";

const word = z
  .string()
  .regex(/^[a-z0-9]+(?:[.-][a-z0-9]+)*$/, "lower-case letters, digits, dots and hyphens");
const text = z.string().min(1).max(500);
const file = z.string().min(1).max(500);

const variantSchema = z.strictObject({
  id: word.describe("Unique in the manifest; users write model@id."),
  precision: word.describe("Number format of the weights, for example fp32 or int8."),
  bytes: z.int().min(1).max(LIMITS.modelBytes).describe("Exact size of the file."),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "64 lower-case hexadecimal digits"),
  file: file.describe("Name of the file for people and error messages."),
  sources: z
    .array(z.string().max(2000))
    .min(1)
    .max(16)
    .describe(
      "Tried in order: npm:NAME@VERSION/PATH, pypi:NAME==VERSION/PATH, hf:OWNER/REPOSITORY@REVISION/PATH, https://HOST/PATH, file:PATH.",
    ),
  accuracy: z.record(word, z.number()).optional().describe("Measured accuracy by metric."),
});

const shape = z
  .array(z.union([z.int().min(1), z.string().min(1)]))
  .max(8)
  .describe("Row-major; a name stands for a dimension unknown until run time; [] is a scalar.");

const inputSchema = z.strictObject({
  name: text,
  dtype: z.enum(DTYPES),
  shape,
  role: word.optional().describe("What a pipeline feeds it: audio, state, image."),
  value: z
    .union([z.number(), z.array(z.number())])
    .optional()
    .describe("Constant fed on every run."),
  sampleRateHz: z.int().min(1).max(LIMITS.audioRateHz).optional(),
  contextSamples: z.int().min(0).optional().describe("Samples of the previous frame in front of each frame."),
  layout: z.enum(["NCHW", "NHWC"]).optional(),
  colour: z.enum(["RGB", "BGR", "grey"]).optional(),
  scale: z.number().optional().describe("Multiplied onto each 8-bit channel value before mean and std."),
  mean: z.array(z.number()).max(4).optional().describe("Subtracted per channel, after scale."),
  std: z.array(z.number().positive()).max(4).optional().describe("Divided by per channel, after mean."),
  resize: z.enum(["stretch", "letterbox", "crop"]).optional(),
});

const outputSchema = z.strictObject({
  name: text,
  dtype: z.enum(DTYPES),
  shape,
  role: word.optional().describe("What a pipeline reads from it: probability, state, drivable-logits."),
  feeds: text.optional().describe("Input that receives this output on the next run."),
});

const gateSchema = z
  .strictObject({
    metric: word.describe("A metric of redline eval, and a key of every variant's accuracy record."),
    dataset: file
      .optional()
      .describe("The data set it is measured on: a dataset.json, or a folder with one."),
    atLeast: z.number().optional().describe("The value may not be below this."),
    atMost: z.number().optional().describe("The value may not be above this."),
    reference: z
      .number()
      .positive()
      .optional()
      .describe("What the reference model reaches on the same data."),
    ofReference: z
      .number()
      .positive()
      .max(1)
      .optional()
      .describe(
        "The share of the reference that is to be reached, as in 0.99; of an error, its reciprocal bounds it.",
      ),
  })
  .refine(({ reference, ofReference }) => (reference === undefined) === (ofReference === undefined), {
    message: "reference and ofReference together",
  });

/** The schema of a manifest. Most callers want `parseManifest`, whose errors name the field at fault. */
export const manifestSchema = z.strictObject({
  schema: z.literal(1),
  name: word.describe("Users write this name; it is also the manifest's folder in a catalogue."),
  version: z
    .string()
    .regex(/^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/, "a semantic version, as in 1.2.3"),
  task: word,
  licence: text.describe("SPDX identifier of the weights' licence."),
  provenance: text.describe("Where the weights come from."),
  variants: z.array(variantSchema).min(1).max(64).describe("The first one is the default."),
  inputs: z.array(inputSchema).min(1).max(64),
  outputs: z.array(outputSchema).min(1).max(64),
  golden: file.optional().describe("JSON file of inputs and the outputs they must give."),
  gates: z.array(gateSchema).max(64).default([]),
  card: file.optional().describe("The model card."),
  licenceFile: file
    .optional()
    .describe("The text of the weights' licence, shown and kept at the first pull."),
});

/** The JSON contract of a model: variants, tensors, pre- and post-processing, licence, sources, accuracy gates. */
export type Manifest = Frozen<z.infer<typeof manifestSchema>>;
/** One concrete artifact of a model. */
export type ManifestVariant = Manifest["variants"][number];
/** An input tensor and how a pipeline fills it. */
export type ManifestInput = Manifest["inputs"][number];
/** An output tensor and what it means. */
export type ManifestOutput = Manifest["outputs"][number];
/** A bound on one metric of every variant. */
export type ManifestGate = Manifest["gates"][number];

type Frozen<T> = T extends object ? { readonly [K in keyof T]: Frozen<T[K]> } : T;

/**
 * Checks a manifest and freezes it.
 *
 * @param json what `JSON.parse` gave
 * @param where the file it came from, for error messages
 * @throws RedlineError `MANIFEST_INVALID` naming field, expected and received; `MANIFEST_PATH` when a path in it is
 * absolute or leads out of the manifest's folder.
 *
 * @example
 * const json: unknown = JSON.parse('{ "schema": 1, "name": "silero-vad" }');
 * const manifest = parseManifest(json, { path: "models/silero-vad/manifest.json" });
 */
export function parseManifest(json: unknown, where: { readonly path: string }): Manifest {
  const result = manifestSchema.safeParse(json);
  if (!result.success) throw invalid(json, where.path, result.error.issues);
  checkPaths(result.data, where.path);
  checkReferences(result.data, where.path);
  return freeze(result.data);
}

/** The schema as a JSON Schema document, as published in `models/manifest.schema.json`. */
export function manifestJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(manifestSchema, { io: "input" });
  return { title: "Redline model manifest", ...schema };
}

function checkPaths(manifest: Manifest, at: string): void {
  const requireInside = (field: string, named: string | undefined): void => {
    if (named === undefined || !leadsOut(named)) return;
    throw new RedlineError("MANIFEST_PATH", { what: `${at}: ${field}`, expected: INSIDE, received: named });
  };
  for (const [index, variant] of manifest.variants.entries()) {
    requireInside(`variants[${index}].file`, variant.file);
    for (const [sourceIndex, received] of variant.sources.entries()) {
      const parsed = parseSource(received);
      if (!("flaw" in parsed)) continue;
      const field = `variants[${index}].sources[${sourceIndex}]`;
      const { expected } = parsed;
      if (parsed.flaw === "spelling") throw refused({ at, field, expected, received });
      throw new RedlineError("MANIFEST_PATH", { what: `${at}: ${field}`, expected, received });
    }
  }
  for (const [index, gate] of manifest.gates.entries())
    requireInside(`gates[${index}].dataset`, gate.dataset);
  requireInside("golden", manifest.golden);
  requireInside("card", manifest.card);
  requireInside("licenceFile", manifest.licenceFile);
}

function checkReferences(manifest: Manifest, at: string): void {
  const inputs = manifest.inputs.map((input) => input.name);
  const requireUnique = (values: readonly string[], fieldOf: (index: number) => string): void => {
    const repeated = values.findIndex((value, index) => values.indexOf(value) !== index);
    const received = values[repeated];
    if (received === undefined) return;
    throw refused({ at, field: fieldOf(repeated), expected: "a value used once", received });
  };
  requireUnique(
    manifest.variants.map(({ id }) => id),
    (index) => `variants[${index}].id`,
  );
  requireUnique(inputs, (index) => `inputs[${index}].name`);
  requireUnique(
    manifest.outputs.map(({ name }) => name),
    (index) => `outputs[${index}].name`,
  );
  for (const [index, output] of manifest.outputs.entries()) {
    if (output.feeds === undefined || inputs.includes(output.feeds)) continue;
    const expected = `the name of an input: ${inputs.join(", ")}`;
    throw refused({ at, field: `outputs[${index}].feeds`, expected, received: output.feeds });
  }
}

function invalid(json: unknown, at: string, issues: readonly z.core.$ZodIssue[]): RedlineError {
  const issue = mostTelling(issues);
  if (issue.code === "unrecognized_keys") {
    const [key = ""] = issue.keys;
    const field = fieldName([...issue.path, key]);
    return refused({
      at,
      field,
      expected: "only fields of the schema",
      received: `the unknown field "${key}"`,
    });
  }
  const field = fieldName(issue.path) || "the whole document";
  const received = describeValue(valueAt(json, issue.path));
  return refused({ at, field, expected: expectation(issue), received });
}

/** Of several issues, an unknown field is the one to name first: it is usually a misspelt known one that is then missing. */
function mostTelling(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue {
  const first = issues.find((issue) => issue.code === "unrecognized_keys") ?? issues[0];
  if (first === undefined)
    throw new RedlineError("INTERNAL", { what: "a refused manifest without an issue" });
  return first;
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.expected;
    case "invalid_value":
      return issue.values.map((value) => JSON.stringify(value)).join(" or ");
    case "too_small":
      return `at least ${issue.minimum}${unitOf(issue.origin)}`;
    case "too_big":
      return `at most ${issue.maximum}${unitOf(issue.origin)}`;
    default:
      return issue.message;
  }
}

function unitOf(origin: string): string {
  if (origin === "string") return " characters";
  return origin === "array" ? " entries" : "";
}

function fieldName(path: readonly PropertyKey[]): string {
  return path.reduce<string>((name, part) => {
    if (typeof part === "number") return `${name}[${part}]`;
    return name === "" ? String(part) : `${name}.${String(part)}`;
  }, "");
}

/** Inputs to which the manifest gives a value: callers may fill them, and change nothing. */
export function constantInputs(manifest: Manifest | null): Record<string, number> {
  return Object.fromEntries(
    (manifest?.inputs ?? []).flatMap(({ name, value }) => (typeof value === "number" ? [[name, value]] : [])),
  );
}

/** Outputs that are the next run's inputs, as the manifest states them: output by input. */
export function fedInputs(manifest: Manifest | null): Record<string, string> {
  return Object.fromEntries(
    (manifest?.outputs ?? []).flatMap(({ name, feeds }) => (feeds === undefined ? [] : [[name, feeds]])),
  );
}

function valueAt(json: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, part) => {
    return typeof value === "object" && value !== null ? Reflect.get(value, part) : undefined;
  }, json);
}

function describeValue(value: unknown): string {
  if (value === undefined) return "nothing";
  const json = JSON.stringify(value) ?? typeof value;
  return json.length <= 80 ? json : `${json.slice(0, 77)}...`;
}

function refused(about: { at: string; field: string; expected: string; received: string }): RedlineError {
  const { at, field, expected, received } = about;
  return new RedlineError("MANIFEST_INVALID", {
    what: `${at}: ${field}`,
    expected,
    received,
    hint: "the schema is models/manifest.schema.json",
  });
}

function freeze<T>(value: T): Frozen<T> {
  if (typeof value === "object" && value !== null) {
    for (const child of Object.values(value)) freeze(child);
    Object.freeze(value);
  }
  return value as Frozen<T>;
}
