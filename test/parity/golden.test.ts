// Every variant of every model gives, on this processor, the outputs recorded in its golden vectors.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../runtime/bindings/package-root.js";
import { elementCount, type TensorData, viewOf } from "../../runtime/core/tensor.js";
import { createRuntime } from "../../runtime/index.js";

interface Case {
  readonly variant: string;
  readonly inputs: Readonly<Record<string, { fill?: "zero" | "sine"; step?: number; values?: number[] }>>;
  readonly outputs: Readonly<Record<string, { at: number[]; values: number[]; tolerance: number }>>;
}

const runtime = await createRuntime();
afterAll(() => runtime.close());

const MODELS = join(packageRoot(), "models");
const models = readdirSync(MODELS).filter((model) => existsSync(goldenOf(model)));

function goldenOf(model: string): string {
  return join(MODELS, model, "golden", `${model}.json`);
}

const cases = models.flatMap((model) => {
  const golden = JSON.parse(readFileSync(goldenOf(model), "utf8")) as { cases: Case[] };
  return golden.cases.map((one, index) => ({ ...one, model, index }));
});

test("golden vectors exist for the voice and the driving model, int8 and fp32", () => {
  const variants = cases.map(({ model, variant }) => `${model}@${variant}`);

  for (const name of ["silero-vad@fp32", "road-seg@int8-320", "road-seg@fp32-320"]) {
    expect(variants).toContain(name);
  }
});

describe.each(cases)("$model@$variant, case $index", ({ model, variant, inputs, outputs }) => {
  test("gives its recorded outputs through the native host", async () => {
    const session = await runtime.open(`${model}@${variant}`);
    const filled = session.inputs.map(({ name, dtype, shape }) => {
      const length = elementCount(shape as number[]);
      const data = viewOf(dtype as "float32", new ArrayBuffer(length * 8), { byteOffset: 0, length });
      const { fill = "values", step = 0, values = [] } = inputs[name]!;
      for (let at = 0; at < length; at += 1) {
        const value = { zero: 0, sine: 0.5 + 0.5 * Math.sin(at * step), values: values[at] ?? Number.NaN }[
          fill
        ];
        (data as { [at: number]: number | bigint })[at] = dtype === "int64" ? BigInt(value) : value;
      }
      return [name, data as TensorData];
    });

    const outcome = await session.run(Object.fromEntries(filled));

    if (outcome.status !== "done") throw new Error(`${outcome.status} / ${outcome.reason}`);
    expect(runtime.provider.name).toBe("ort");
    for (const [name, { at, values, tolerance }] of Object.entries(outputs)) {
      const data = outcome.outputs[name]!.data as Float32Array;
      const largest = Math.max(...at.map((index, position) => Math.abs(data[index]! - values[position]!)));
      expect(at.length, name).toBe(values.length);
      expect(largest, name).toBeLessThanOrEqual(tolerance);
    }
    outcome.release();
    await session.close();
  });
});
