// Owns which other files a model may read: plain files inside its own folder, within their size. Reads no element.
// Invariant: a path is judged after every symbolic link in it has been followed; doubt is a refusal.

import { realpath, stat } from "node:fs/promises";
import path from "node:path";
import { RedlineError } from "../core/errors.js";
import { bytesOf, type OnnxTensor } from "./onnx-model.js";

/** A file beside the model that holds constants. */
export interface ExternalFile {
  /** As the model says it. */
  readonly location: string;
  /** Where it truly is. */
  readonly path: string;
  readonly bytes: number;
}

/** A piece that is searched in a moment. */
const PIECE_BYTES = 4 << 20;
const MARK = "location";

/**
 * Whether a model may refer to other files at all: each reference holds its key as plain text. Answered by a search through
 * the bytes, piece by piece, for callers who would read the graph for nothing else.
 */
export async function mentionsFiles(model: Uint8Array): Promise<boolean> {
  const bytes = Buffer.from(model.buffer, model.byteOffset, model.byteLength);
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    if (at > 0) await new Promise(setImmediate);
    // Pieces overlap by the mark, which may lie across their edge.
    if (bytes.subarray(at, at + PIECE_BYTES + MARK.length).includes(MARK)) return true;
  }
  return false;
}

/**
 * Finds the files that a model's constants lie in. A model given as bytes has no folder (`modelPath` is null) and may
 * refer to none.
 *
 * @throws RedlineError `MODEL_EXTERNAL_PATH`, naming the tensor and the path
 */
export async function findExternalData(
  tensors: readonly OnnxTensor[],
  modelPath: string | null,
): Promise<ExternalFile[]> {
  const files = new Map<string, ExternalFile>();
  for (const tensor of tensors) {
    const { external } = tensor;
    if (external === null) continue;
    const { location } = external;
    if (modelPath === null) throw refusal(tensor, "a model from bytes refers to no other file");
    const file = files.get(location) ?? (await locate(tensor, { location, modelPath }));
    files.set(location, file);
    requireRoom(tensor, file);
  }
  return [...files.values()];
}

async function locate(
  tensor: OnnxTensor,
  at: { readonly location: string; readonly modelPath: string },
): Promise<ExternalFile> {
  const { location, modelPath } = at;
  if (!isPlainRelative(location)) throw refusal(tensor, "a relative path inside the model's folder");
  const given = path.join(path.dirname(modelPath), ...location.split("/"));
  try {
    const real = await realpath(given);
    // The folder the model is named in, and the one it truly lies in: caches link both model and data into one place.
    const folders = [await realpath(path.dirname(modelPath)), path.dirname(await realpath(modelPath))];
    if (!folders.some((folder) => isInside(real, folder))) {
      throw refusal(tensor, "a file inside the model's folder, links followed");
    }
    const entry = await stat(real);
    if (!entry.isFile()) throw refusal(tensor, "a plain file");
    return Object.freeze({ location, path: real, bytes: entry.size });
  } catch (cause) {
    if (cause instanceof RedlineError) throw cause;
    throw refusal(tensor, "a file that can be read", cause);
  }
}

/**
 * No root, drive, stream, backslash, `..` or unprintable character: what leads out on one system must be refused on
 * all. The asterisk keeps out ONNX Runtime's own mark for "this is an address in memory".
 */
function isPlainRelative(location: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these are to be kept out.
  if (location === "" || /[\u0000-\u001f\u007f\\:*?"<>|]/.test(location)) return false;
  return location.split("/").every((part) => part !== "" && part !== ".." && part.trim() === part);
}

function isInside(file: string, folder: string): boolean {
  const relative = path.relative(folder, file);
  return relative !== "" && !path.isAbsolute(relative) && relative.split(path.sep)[0] !== "..";
}

function requireRoom(tensor: OnnxTensor, file: ExternalFile): void {
  const { offset, length } = tensor.external as NonNullable<OnnxTensor["external"]>;
  const needed = bytesOf(tensor);
  if (length !== null && needed !== null && length !== needed) {
    throw refusal(tensor, `${needed} bytes, as its shape and type take`, `${length} bytes`);
  }
  const end = offset + (length ?? needed ?? 0);
  if (end > file.bytes) throw refusal(tensor, `at least ${end} bytes`, `${file.bytes} bytes`);
}

function refusal(tensor: OnnxTensor, expected: string, received?: unknown): RedlineError {
  const location = JSON.stringify(tensor.external?.location);
  return new RedlineError("MODEL_EXTERNAL_PATH", {
    what: `${location}, for ${tensor.name}`,
    expected,
    ...(typeof received === "string" ? { received } : { cause: received }),
    hint: "keep a model's data file beside it, as it was exported",
  });
}
