// Owns reading a model's golden file from the disk, within limits and by its schema. Knows no model.

import { readFile, stat } from "node:fs/promises";
import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import { type GoldenCase, invalidGolden } from "./golden.js";

/**
 * The cases of a golden file that are meant for a variant.
 *
 * @throws RedlineError `MODEL_FILE_MISSING` or `MANIFEST_INVALID`
 */
export async function readGolden(
  file: string,
  { variant }: { readonly variant: string },
): Promise<readonly GoldenCase[]> {
  let text: string;
  try {
    const { size } = await stat(file);
    if (size > LIMITS.goldenBytes)
      throw invalidGolden(file, `at most ${LIMITS.goldenBytes} bytes`, `${size} bytes`);
    text = await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof RedlineError) throw error;
    throw new RedlineError("MODEL_FILE_MISSING", {
      what: file,
      expected: "the golden vectors its manifest names",
      received: String((error as NodeJS.ErrnoException).code ?? error),
      cause: error,
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw invalidGolden(file, "JSON", error instanceof Error ? error.message : String(error));
  }
  // Loaded here, as for manifests: the schema library costs more start-up time than the rest of the package.
  const { z } = await import("zod");
  const numbers = z.array(z.number()).max(1_000_000);
  const input = z.strictObject({
    fill: z.enum(["zero", "sine"]).optional(),
    step: z.number().positive().optional(),
    values: numbers.optional(),
    shape: z.array(z.int().min(1)).max(8).optional(),
  });
  const output = z.strictObject({
    at: z.array(z.int().min(0)).max(1_000_000),
    values: numbers,
    tolerance: z.number().min(0),
    finite: z.boolean().optional(),
  });
  const cases = z.array(
    z.strictObject({
      variant: z.string(),
      inputs: z.record(z.string(), input),
      outputs: z.record(z.string(), output),
    }),
  );
  const result = z.strictObject({ schema: z.literal(1), cases: cases.min(1).max(64) }).safeParse(json);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw invalidGolden(
      file,
      issue?.message ?? "the schema of golden files",
      issue?.path.join(".") ?? "another",
    );
  }
  return result.data.cases.filter((one) => one.variant === variant);
}
