// Asks whether the bundled catalogue's npm sources hold what their manifests say, on the user's own registry.

import { readFile } from "node:fs/promises";
import path from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { RedlineError } from "../../../runtime/core/errors.js";
import { bundledCatalogue } from "../../../runtime/store/catalogue.js";
import type { ManifestInput } from "../../../runtime/store/manifest.js";
import { openStore, type ResolvedModel } from "../../../runtime/store/store.js";
import { makeFolder } from "../../unit/store/catalogue-folder.js";

interface GoldenInput {
  readonly fill?: "zero" | "sine";
  readonly step?: number;
  readonly values?: readonly number[];
}
interface GoldenOutput {
  readonly at: readonly number[];
  readonly values: readonly number[];
  readonly tolerance: number;
}
interface Golden {
  readonly cases: readonly {
    readonly variant: string;
    readonly inputs: Record<string, GoldenInput>;
    readonly outputs: Record<string, GoldenOutput>;
  }[];
}

const store = openStore({ root: path.join(await makeFolder(), "store"), offline: false });

afterAll(() => store.close());

test.for(["silero-vad", "silero-vad-v6"])(
  "%s comes from the registry and gives its golden outputs",
  async (name, { skip }) => {
    const resolved = await store.resolve(name).catch(networkTrouble);
    if (resolved instanceof RedlineError) return skip(`no npm registry can be reached: ${resolved.message}`);
    const golden = JSON.parse(await readFile(goldenPath(resolved), "utf8")) as Golden;

    const session = await ort.InferenceSession.create(resolved.path, { intraOpNumThreads: 1 });
    const gaps: { gap: number; tolerance: number }[] = [];
    for (const { inputs, outputs } of golden.cases) {
      const feeds = Object.fromEntries(
        (resolved.manifest?.inputs ?? []).map((input) => [
          input.name,
          tensorOf(input, inputs[input.name] ?? {}),
        ]),
      );
      const results = await session.run(feeds);
      for (const [output, { at, values, tolerance }] of Object.entries(outputs)) {
        const data = results[output]?.data as Float32Array;
        gaps.push(
          ...at.map((index, i) => ({ gap: Math.abs((data[index] ?? NaN) - (values[i] ?? NaN)), tolerance })),
        );
      }
    }

    expect(gaps.length).toBeGreaterThan(40);
    expect(gaps.filter(({ gap, tolerance }) => !(gap <= tolerance))).toEqual([]);
  },
);

/** Passes a registry that cannot be reached; one that answers without the file is a failure. */
function networkTrouble(error: unknown): RedlineError {
  const isTrouble = error instanceof RedlineError && error.code === "STORE_SOURCE_FAILED";
  if (isTrouble && !/404|holds no file/.test(error.message)) return error;
  throw error;
}

function goldenPath({ model, manifest }: ResolvedModel): string {
  return path.join(bundledCatalogue(), model, manifest?.golden ?? "");
}

function tensorOf(input: ManifestInput, golden: GoldenInput): ort.Tensor {
  const shape = input.shape.map(Number);
  const count = shape.reduce((product, size) => product * size, 1);
  const element = (index: number) => {
    if (golden.fill === "sine") return 0.5 + 0.5 * Math.sin(index * (golden.step ?? NaN));
    return golden.fill === "zero" ? 0 : (golden.values?.[index] ?? NaN);
  };
  const values = Array.from({ length: count }, (_, index) => element(index));
  return input.dtype === "int64"
    ? new ort.Tensor("int64", BigInt64Array.from(values, BigInt), shape)
    : new ort.Tensor("float32", Float32Array.from(values), shape);
}
