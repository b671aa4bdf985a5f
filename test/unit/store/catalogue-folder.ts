// Owns catalogues made for tests: manifests of models whose bytes the test chooses. Knows no server.

import { createHash } from "node:crypto";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

export interface MadeModel {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly sources: readonly string[];
  /** Fields that replace the manifest's own. */
  readonly manifest?: Record<string, unknown>;
  /** Fields that replace the variant's own. */
  readonly variant?: Record<string, unknown>;
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function makeFolder(): Promise<string> {
  return mkdtemp(path.join(os.tmpdir(), "redline-store-"));
}

export function manifestOf(model: MadeModel): Record<string, unknown> {
  const variant = {
    id: "fp32",
    precision: "fp32",
    bytes: model.bytes.length,
    sha256: sha256Of(model.bytes),
    file: `${model.name}.onnx`,
    sources: model.sources,
    ...model.variant,
  };
  return {
    schema: 1,
    name: model.name,
    version: "1.0.0",
    task: "test",
    licence: "Apache-2.0",
    provenance: "made by a test",
    variants: [variant],
    inputs: [{ name: "x", dtype: "float32", shape: [1] }],
    outputs: [{ name: "y", dtype: "float32", shape: [1] }],
    ...model.manifest,
  };
}

/** Writes `<folder>/<name>/manifest.json` for each model and answers the folder. */
export async function makeCatalogue(models: readonly MadeModel[]): Promise<string> {
  const folder = await makeFolder();
  for (const model of models) {
    await mkdir(path.join(folder, model.name));
    await writeFile(path.join(folder, model.name, "manifest.json"), JSON.stringify(manifestOf(model)));
  }
  return folder;
}

/** The error an action ends with; fails when it succeeds. */
export async function errorOf(action: Promise<unknown>): Promise<unknown> {
  const outcome = await action.then(
    () => ({ ended: "well" }) as const,
    (error: unknown) => ({ ended: "badly", error }) as const,
  );
  if (outcome.ended === "well") throw new Error("expected a refusal");
  return outcome.error;
}
