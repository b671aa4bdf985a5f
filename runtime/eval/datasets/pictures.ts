// Owns the items of pictures with masks. Knows no model.
// Invariant: a label is delivered only at its picture's size and with two values; every picture or mask that is there gives one item.

import { existsSync } from "node:fs";
import { RedlineError, reasonOf } from "../../core/errors.js";
import { decodeImage } from "../../sources/image.js";
import { sha256Of } from "../../store/sealed.js";
import type { SizedMask } from "../metrics/distance.js";
import type { FiledDataset } from "./dataset-manifest.js";
import { fileOf, hashFile, idsOf } from "./files-by-id.js";
import type { DatasetItem, ItemFault, ItemFaultKind } from "./item.js";

type Head = "drivable" | "lanes";

/** The masks a manifest names: head and pattern. */
function maskPatterns({ manifest }: FiledDataset): (readonly [Head, string])[] {
  const { drivable, lanes } = manifest.masks ?? {};
  const named = [["drivable", drivable] as const, ["lanes", lanes] as const];
  return named.flatMap(([head, pattern]) => (pattern === undefined ? [] : [[head, pattern] as const]));
}

/** The ids of a set of pictures: those of its pictures and those of its masks. */
export async function pictureIds(filed: FiledDataset): Promise<string[]> {
  const { manifest, folder } = filed;
  const { images = "" } = manifest;
  const masks = maskPatterns(filed).map(([, pattern]) => pattern);
  const found = await Promise.all([images, ...masks].map((pattern) => idsOf(pattern, folder)));
  // A pattern such as {id}.png takes masks that lie beside the pictures for pictures of their own: they are not.
  const [ofImages = [], ...ofMasks] = found;
  const maskFiles = new Set(
    masks.flatMap((pattern, index) => (ofMasks[index] ?? []).map((id) => fileOf(pattern, { folder, id }))),
  );
  const pictures = ofImages.filter((id) => !maskFiles.has(fileOf(images, { folder, id })));
  const isPictureOf = new Set(pictures);
  const pictureFiles = new Set(pictures.map((id) => fileOf(images, { folder, id })));
  const orphans = masks.flatMap((pattern, index) =>
    (ofMasks[index] ?? []).filter(
      (id) => !isPictureOf.has(id) && !pictureFiles.has(fileOf(pattern, { folder, id })),
    ),
  );
  return [...new Set([...pictures, ...orphans])].sort();
}

/** The picture of an id with its masks, or why there is none. `seen` holds the pictures before it: hash to id. */
export async function readPicture(
  filed: FiledDataset,
  { id, seen }: { readonly id: string; readonly seen: Map<string, string> },
): Promise<DatasetItem> {
  const { manifest, folder } = filed;
  const path = fileOf(manifest.images ?? "", { folder, id });
  if (!existsSync(path)) return fault(id, "missing-input", `${path} is not there`);
  const files = maskPatterns(filed).map(
    ([head, pattern]) => [head, fileOf(pattern, { folder, id })] as const,
  );
  const missing = files.find(([, file]) => !existsSync(file));
  if (missing !== undefined) return fault(id, "missing-label", `${missing[1]} is not there`);
  try {
    const hash = await hashFile(path);
    const twin = seen.get(hash);
    if (twin !== undefined) return fault(id, "duplicate", `the same picture as ${twin}`);
    seen.set(hash, id);
    const picture = await decodeImage(path);
    const label: Partial<Record<Head, SizedMask>> = {};
    const hashes = [hash];
    for (const [head, file] of files) {
      const mask = await readMask(file);
      if ("fault" in mask) return { ...mask, id };
      if (mask.width !== picture.width || mask.height !== picture.height) {
        const received = `${mask.width}x${mask.height}`;
        return fault(
          id,
          "wrong-size",
          `${file} is ${received}, its picture ${picture.width}x${picture.height}`,
        );
      }
      label[head] = mask;
      hashes.push(await hashFile(file));
    }
    return { id, sha256: sha256Of(hashes.join()), input: { kind: "image", ...picture }, label };
  } catch (error) {
    if (!(error instanceof RedlineError)) throw error;
    return fault(id, "unreadable", reasonOf(error));
  }
}

/** A mask as 0 and 1; with more than two values it is no mask of one class. */
async function readMask(path: string): Promise<SizedMask | ItemFault> {
  const { width, height, data } = await decodeImage(path);
  const mask = new Uint8Array(width * height);
  let claimed: number | undefined;
  for (let i = 0; i < mask.length; i++) {
    const value = data[3 * i]!;
    if (value === 0) continue;
    claimed ??= value;
    if (value !== claimed) {
      return fault("", "bad-label", `${path} holds 0, ${claimed} and ${value}: a mask has two values`);
    }
    mask[i] = 1;
  }
  return { width, height, data: mask };
}

function fault(id: string, kind: ItemFaultKind, message: string): ItemFault {
  return { id, fault: kind, message };
}
