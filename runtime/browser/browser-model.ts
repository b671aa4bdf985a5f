// Owns what a page hands in as a model: bytes or an address, a manifest, golden vectors; fetched, hashed, checked. Knows no graph.
// Invariant: what has a sha256 in its manifest is used only if it has it.

import { RedlineError, reasonOf } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import { DTYPES } from "../core/tensor.js";
import type { Manifest } from "../store/manifest.js";
import type { GoldenCase } from "../vetting/golden.js";
import type { CertainTensors } from "./browser-graph.js";

/** The part of a model's manifest that is read in a browser: a manifest of the store, as JSON, has it. */
export interface BrowserManifest {
  readonly name: string;
  readonly inputs: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly (number | string)[];
    readonly role?: string;
    readonly value?: number | readonly number[];
  }[];
  readonly outputs: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly (number | string)[];
    readonly role?: string;
    readonly feeds?: string;
  }[];
  readonly variants?: readonly { readonly id: string; readonly sha256?: string }[];
}

/** Bytes of an ONNX file, or where they lie. */
export type ModelSource = Uint8Array | URL | string;

/** What was handed in, read. */
export interface BrowserModel {
  readonly bytes: Uint8Array;
  readonly name: string;
  readonly variant: string;
  readonly manifest: Manifest | null;
  readonly golden: readonly GoldenCase[];
  readonly certain: CertainTensors;
}

/**
 * Reads a model.
 *
 * @throws RedlineError `MODEL_FILE_MISSING`, `MODEL_LIMIT`, `STORE_HASH_MISMATCH`, `MODEL_VARIANT_UNKNOWN` or `MANIFEST_INVALID`
 */
export async function readBrowserModel(
  source: ModelSource,
  given: {
    readonly manifest?: BrowserManifest | URL | string;
    readonly variant?: string;
    readonly golden?: object | URL | string;
  },
): Promise<BrowserModel> {
  const manifest = given.manifest === undefined ? null : checkedManifest(await jsonOf(given.manifest));
  const variants = manifest?.variants ?? [];
  const variant = given.variant === undefined ? variants[0] : variants.find(({ id }) => id === given.variant);
  if (variant === undefined && given.variant !== undefined)
    throw new RedlineError("MODEL_VARIANT_UNKNOWN", {
      what: given.variant,
      expected: variants.map(({ id }) => id).join(", ") || "a manifest with variants",
    });
  const bytes = source instanceof Uint8Array ? source : await bytesOf(source);
  if (variant?.sha256 !== undefined) await requireHash(bytes, { sha256: variant.sha256, what: variant.id });
  const golden = given.golden === undefined ? [] : checkedGolden(await jsonOf(given.golden));
  const tensors = [...(manifest?.inputs ?? []), ...(manifest?.outputs ?? [])];
  return {
    bytes,
    name: manifest?.name ?? "model",
    variant: variant?.id ?? "bytes",
    manifest: manifest as Manifest | null,
    golden: golden.filter((one) => variant === undefined || one.variant === variant.id),
    certain: {
      constants: Object.fromEntries(
        (manifest?.inputs ?? []).flatMap(({ name, value }) =>
          typeof value === "number" ? [[name, value]] : [],
        ),
      ),
      shapes: Object.fromEntries(tensors.map(({ name, shape }) => [name, shape])),
      feeds: Object.fromEntries(
        (manifest?.outputs ?? []).flatMap(({ name, feeds }) => (feeds === undefined ? [] : [[name, feeds]])),
      ),
    },
  };
}

async function bytesOf(address: URL | string): Promise<Uint8Array> {
  const body = await (await fetched(address)).arrayBuffer();
  if (body.byteLength <= LIMITS.modelBytes) return new Uint8Array(body);
  throw new RedlineError("MODEL_LIMIT", { what: String(address), expected: `${LIMITS.modelBytes} bytes` });
}

async function jsonOf(given: object | URL | string): Promise<unknown> {
  if (typeof given !== "string" && !(given instanceof URL)) return given;
  try {
    return await (await fetched(given)).json();
  } catch (error) {
    if (error instanceof RedlineError) throw error;
    throw new RedlineError("MANIFEST_INVALID", {
      what: String(given),
      expected: "JSON",
      received: reasonOf(error),
    });
  }
}

async function fetched(address: URL | string): Promise<Response> {
  let received: string;
  try {
    const response = await fetch(address);
    if (response.ok) return response;
    received = `status ${response.status}`;
  } catch (error) {
    received = reasonOf(error);
  }
  throw new RedlineError("MODEL_FILE_MISSING", { what: String(address), received });
}

/** A page without a secure context has no hashes: it is then told so, not let through. */
async function requireHash(
  bytes: Uint8Array,
  { sha256, what }: { readonly sha256: string; readonly what: string },
): Promise<void> {
  const { subtle } = globalThis.crypto;
  if (subtle === undefined)
    throw new RedlineError("STORE_HASH_MISMATCH", {
      what,
      expected: sha256,
      received: "no way to tell",
      hint: "serve the page by https or from localhost, or leave sha256 out of the manifest",
    });
  const digest = new Uint8Array(await subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  const received = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (received !== sha256)
    throw new RedlineError("STORE_HASH_MISMATCH", { what, expected: sha256, received });
}

function checkedManifest(given: unknown): BrowserManifest {
  const { name, inputs, outputs } = (given ?? {}) as Partial<BrowserManifest>;
  if (typeof name !== "string") throw invalid("manifest.name", "a name", name);
  for (const [side, tensors] of Object.entries({ inputs, outputs })) {
    if (!Array.isArray(tensors)) throw invalid(`manifest.${side}`, "a list of tensors", tensors);
    for (const tensor of tensors as BrowserManifest["inputs"]) {
      const isTensor = typeof tensor?.name === "string" && Array.isArray(tensor.shape);
      if (!isTensor) throw invalid(`manifest.${side}`, "tensors with a name and a shape", tensor);
      if (!(DTYPES as readonly string[]).includes(tensor.dtype))
        throw invalid(`manifest.${side}, ${tensor.name}`, DTYPES.join(", "), tensor.dtype);
    }
  }
  return given as BrowserManifest;
}

function checkedGolden(given: unknown): readonly GoldenCase[] {
  const { cases } = (given ?? {}) as { readonly cases?: readonly GoldenCase[] };
  const isGolden =
    Array.isArray(cases) &&
    cases.every((one) => typeof one?.inputs === "object" && typeof one.outputs === "object");
  if (!isGolden) throw invalid("golden", "a list of cases with inputs and outputs", given);
  return cases;
}

function invalid(what: string, expected: string, received: unknown): RedlineError {
  return new RedlineError("MANIFEST_INVALID", { what, expected, received: JSON.stringify(received) });
}
