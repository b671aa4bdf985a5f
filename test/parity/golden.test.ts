// Every variant of every model gives, on this processor, the outputs recorded in its golden vectors.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../runtime/bindings/package-root.js";
import { createRuntime } from "../../runtime/index.js";
import { checkGolden, goldenInputs } from "../../runtime/vetting/golden.js";
import { readGolden } from "../../runtime/vetting/read-golden.js";

// Unvetted: vetting holds models against the same vectors, and would refuse what this is to see.
const runtime = await createRuntime({ vetting: "off" });
afterAll(() => runtime.close());

const MODELS = join(packageRoot(), "models");
const models = readdirSync(MODELS).filter((model) => existsSync(goldenOf(model)));

function goldenOf(model: string): string {
  return join(MODELS, model, "golden", `${model}.json`);
}

async function casesOf(model: string) {
  const manifest = JSON.parse(readFileSync(join(MODELS, model, "manifest.json"), "utf8")) as {
    variants: { id: string }[];
  };
  const all = manifest.variants.map(async ({ id: variant }) => {
    const cases = await readGolden(goldenOf(model), { variant });
    return cases.map((one, index) => ({ one, model, variant, index }));
  });
  return (await Promise.all(all)).flat();
}

const cases = (await Promise.all(models.map(casesOf))).flat();

test("golden vectors exist for the voice and the driving model, int8 and fp32", () => {
  const variants = cases.map(({ model, variant }) => `${model}@${variant}`);

  for (const name of ["silero-vad@fp32", "road-seg@int8-320", "road-seg@fp32-320"]) {
    expect(variants).toContain(name);
  }
});

describe.each(cases)("$model@$variant, case $index", ({ one, model, variant }) => {
  test("gives its recorded outputs through the native host", async () => {
    // A program is held against the same vectors when it opens: here ONNX Runtime is.
    const session = await runtime.open(`${model}@${variant}`, { provider: "ort" });
    const inputs = goldenInputs(one, session.inputs);
    const named = session.inputs.map(({ name }, index) => [name, inputs[index]!.data]);

    const outcome = await session.run(Object.fromEntries(named));

    if (outcome.status !== "done") throw new Error(`${outcome.status} / ${outcome.reason}`);
    expect(runtime.provider.name).toBe("ort");
    expect(Object.keys(one.outputs)).not.toEqual([]);
    checkGolden(one, { outputs: outcome.outputs, label: `${model}@${variant}` });
    outcome.release();
    await session.close();
  });
});
