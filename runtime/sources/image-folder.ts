// Owns the order and naming of image files as frames: one file, or a folder's images sorted as a person would.
// Invariant: a file that cannot be read is delivered as a fault in its place and never ends the run.

import { readdir, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import type { Clock } from "../core/clock.js";
import { RedlineError } from "../core/errors.js";
import { missingInput } from "./broken-input.js";
import { createStamp, type FrameItem, type FrameSource, isFault } from "./frame.js";
import { decodeImage, IMAGE_EXTENSIONS } from "./image.js";

/** Whether the file name ends like an image this package reads. */
export function isImageName(name: string): boolean {
  return IMAGE_EXTENSIONS.includes(extname(name).toLowerCase());
}

/**
 * The images of a folder (not of its subfolders) as frames, sorted by name with numbers by value: 2.jpg before 10.jpg.
 * May be iterated again; every iteration starts at id 0.
 *
 * @throws RedlineError on the first iteration step: `SOURCE_MISSING` for no such folder, `SOURCE_EMPTY` for one without images.
 */
export function imageFolder(folder: string, options: { readonly clock: Clock }): FrameSource {
  return {
    async *[Symbol.asyncIterator]() {
      const names = await listImages(folder);
      yield* decodeAll(
        names.map((name) => join(folder, name)),
        options.clock,
      );
    },
  };
}

/** One image file as a source of one frame. Unlike in a folder, a file that cannot be read is thrown. */
export function imageFile(path: string, options: { readonly clock: Clock }): FrameSource {
  return {
    async *[Symbol.asyncIterator]() {
      for await (const item of decodeAll([path], options.clock)) {
        if (isFault(item)) throw item.error;
        yield item;
      }
    },
  };
}

async function listImages(folder: string): Promise<string[]> {
  let entries: string[];
  try {
    entries = await readdir(folder);
  } catch (cause) {
    throw missingInput(folder, cause);
  }
  const images: string[] = [];
  for (const name of entries) {
    if (isImageName(name) && !name.startsWith(".") && !(await isFolder(join(folder, name))))
      images.push(name);
  }
  if (images.length === 0) {
    throw new RedlineError("SOURCE_EMPTY", {
      what: folder,
      expected: `files ending in ${IMAGE_EXTENSIONS.join(" ")}`,
      received: `${entries.length} other files`,
    });
  }
  const order = new Intl.Collator("en", { numeric: true });
  return images.sort((a, b) => order.compare(a, b) || (a < b ? -1 : 1));
}

async function isFolder(path: string): Promise<boolean> {
  // A name that cannot be looked at stays in the list: reading it then gives the fault a reader can act on.
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}

async function* decodeAll(paths: readonly string[], clock: Clock): AsyncGenerator<FrameItem> {
  const stamp = createStamp(clock);
  const stems = stemsOf(paths);
  for (const [id, path] of paths.entries()) {
    const source = basename(path);
    try {
      const pixels = await decodeImage(path);
      yield { id, source, capturedUs: stamp(), ...pixels, stem: stems[id] ?? source };
    } catch (error) {
      if (!(error instanceof RedlineError)) throw error;
      yield { id, source, capturedUs: stamp(), error };
    }
  }
}

/** Names without their endings; two files that would then write to one name keep theirs. */
function stemsOf(paths: readonly string[]): string[] {
  const short = paths.map((path) => basename(path, extname(path)));
  const uses = new Map<string, number>();
  for (const stem of short) uses.set(stem, (uses.get(stem) ?? 0) + 1);
  return paths.map((path, i) => ((uses.get(short[i] ?? "") ?? 0) > 1 ? basename(path) : (short[i] ?? "")));
}
