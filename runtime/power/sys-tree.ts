// Owns reading small files below an injectable root that stands in for /sys or /proc. Knows no sensor.
// Invariant: whatever lies in a file's place (a folder, a pipe, a gigabyte, a loop of links) is a fault with a reason, never a
// throw, a wait or more than a page of memory.

import { constants } from "node:fs";
import { open, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LIMITS } from "../core/limits.js";

/** Why a file gave nothing: it is not there, this process may not read it, or reading it failed. */
export type SysFault = "absent" | "denied" | "failed";

/** What the first page of a file holds, without surrounding white space; or why it could not be read. */
export type SysText =
  | { readonly text: string; readonly fault?: undefined }
  | { readonly text?: undefined; readonly fault: SysFault; readonly reason: string };

/** A tree of small files. Paths are relative to its root. */
export interface SysTree {
  /** Names in a folder, sorted; none where it cannot be listed. At most `LIMITS.sysEntries`. */
  list(folder: string): Promise<readonly string[]>;
  read(path: string): Promise<SysText>;
  /** Writes a word; answers the reason when that is not permitted. */
  write(path: string, text: string): Promise<string | undefined>;
}

/** The tree below a folder of this machine. */
export function diskTree(root: string): SysTree {
  return {
    list: async (folder) => {
      const names = await readdir(join(root, folder)).catch(() => []);
      return names.sort(byName).slice(0, LIMITS.sysEntries);
    },
    read: (path) => readText(join(root, path)),
    write: async (path, text) => {
      try {
        // The kernel's files exist already; one that does not is not made.
        await writeFile(join(root, path), text, {
          flag: constants.O_WRONLY | constants.O_TRUNC | constants.O_NONBLOCK,
        });
        return undefined;
      } catch (error) {
        return describe(error);
      }
    },
  };
}

const ORDER = new Intl.Collator("en", { numeric: true });

/** `hwmon10` after `hwmon9`. */
function byName(a: string, b: string): number {
  return ORDER.compare(a, b);
}

async function readText(path: string): Promise<SysText> {
  let handle: Awaited<ReturnType<typeof open>> | undefined;
  try {
    // Without O_NONBLOCK a pipe in the file's place would keep a thread for ever.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const page = Buffer.alloc(LIMITS.sysFileBytes);
    const { bytesRead } = await handle.read(page, 0, page.length, null);
    return { text: page.toString("utf8", 0, bytesRead).trim() };
  } catch (error) {
    return { fault: faultOf(error), reason: describe(error) };
  } finally {
    await handle?.close().catch(() => {});
  }
}

function faultOf(error: unknown): SysFault {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT" || code === "ENOTDIR") return "absent";
  return code === "EACCES" || code === "EPERM" ? "denied" : "failed";
}

/** Node's own word for what the system answered, without the path: callers name the file themselves. */
function describe(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}

/** A whole number read from a file, or why there is none. */
export type SysNumber =
  | { readonly value: number; readonly reason?: undefined }
  | { readonly value?: undefined; readonly fault: SysFault; readonly reason: string };

/** Reads a decimal whole number, as the kernel prints every counter and sensor. */
export async function readNumber(tree: SysTree, path: string): Promise<SysNumber> {
  const { text, ...trouble } = await tree.read(path);
  if (text === undefined) {
    const { fault, reason } = trouble as { fault: SysFault; reason: string };
    return { fault, reason: `${path}: ${FAULT_WORDS[fault]} (${reason})` };
  }
  const value = /^[-+]?\d{1,20}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return { value };
  return { fault: "failed", reason: `${path}: ${JSON.stringify(text.slice(0, 24))} is no whole number` };
}

const FAULT_WORDS: Readonly<Record<SysFault, string>> = {
  absent: "it does not exist",
  denied: "no permission to read it",
  failed: "it cannot be read",
};

/** Reads one word, such as a name or a label; undefined where there is none. */
export async function readWord(tree: SysTree, path: string): Promise<string | undefined> {
  const { text } = await tree.read(path);
  if (text === undefined || text === "") return undefined;
  // A name from a broken driver is shown to people: no control characters, no end of page.
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, 64);
}
