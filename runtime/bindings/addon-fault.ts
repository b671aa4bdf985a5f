// Owns saying why a file of machine code cannot be used here, before it is loaded: loading a damaged one can end the process.
// Knows no remedy. Invariant: a fault names the file and one kind of a closed set.

import { createHash } from "node:crypto";
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { type MachineCode, readMachineCode } from "./machine-code.js";

/**
 * Why an addon is not used: switched off, not there, cut off or altered, for another system or processor, for another
 * C library, of another interface version, or refused by the system's loader.
 */
export type FaultKind = "disabled" | "absent" | "damaged" | "platform" | "libc" | "version" | "refused";

/** One place where no usable addon is. */
export interface AddonFault {
  readonly kind: FaultKind;
  /** The file, or the environment variable that keeps it out. */
  readonly path: string;
  readonly detail: string;
}

/** One place an addon may be at. */
export interface AddonPlace {
  readonly path: string;
  /** For a shipped file: what it must hash to; null when the package lists no hash for it. */
  readonly sha256?: string | null;
}

// Long enough for every header; an ELF program names its loader right after it.
const HEADER_BYTES = 4096;

/** What is wrong with a file as it lies there; null when it may be loaded. */
export function examineAddon({ path, sha256 }: AddonPlace): AddonFault | null {
  if (!existsSync(path)) return { kind: "absent", path, detail: "not there" };
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch (error) {
    return { kind: "refused", path, detail: messageOf(error) };
  }
  const fault = examineHeader(path, { code: readMachineCode(file), bytes: file.length });
  if (fault !== null || sha256 === undefined) return fault;
  const received = createHash("sha256").update(file).digest("hex");
  if (received === sha256) return null;
  const expected = sha256 === null ? "a sha256 in the package's list" : `sha256 ${sha256}`;
  return { kind: "damaged", path, detail: `expected ${expected}, received ${received}` };
}

/** The same from the header alone, for libraries too large to read at every start. */
export function examineLibrary(path: string): AddonFault | null {
  if (!existsSync(path)) return { kind: "absent", path, detail: "not there" };
  try {
    const { head, bytes } = readHead(path);
    // The C library is told by tables further on, which only musl needs to know of: glibc is what everybody ships for.
    // And a tool that edits libraries may have moved the tables of the header to the end of the file.
    const fromHead = runningLibc() === "musl" ? null : readMachineCode(head);
    const code = fromHead ?? readMachineCode(readFileSync(path));
    return examineHeader(path, { code, bytes });
  } catch (error) {
    return { kind: "refused", path, detail: messageOf(error) };
  }
}

/** What the system's loader, or the addon as it started, said. */
export function refusal(path: string, error: unknown): AddonFault {
  return { kind: "refused", path, detail: messageOf(error) };
}

/** The fault in words, the place first. */
export function reasonOf({ kind, path, detail }: AddonFault): string {
  return kind === "disabled" ? `${path} ${detail}` : `${path}: ${detail}`;
}

function examineHeader(
  path: string,
  { code, bytes }: { code: MachineCode | null; bytes: number },
): AddonFault | null {
  if (code === null) {
    return { kind: "damaged", path, detail: `${bytes} bytes that are no shared library: cut off or altered` };
  }
  if (code.platform !== process.platform || code.arch !== process.arch) {
    const expected = `${process.platform}-${process.arch}`;
    return {
      kind: "platform",
      path,
      detail: `expected a file for ${expected}, received one for ${code.platform}-${code.arch}`,
    };
  }
  if (code.bytes > bytes) {
    return { kind: "damaged", path, detail: `cut off: expected ${code.bytes} bytes, received ${bytes}` };
  }
  const libc = runningLibc();
  if (code.libc !== null && libc !== null && code.libc !== libc) {
    return { kind: "libc", path, detail: `made for ${code.libc}, and this Node runs on ${libc}` };
  }
  return null;
}

let libc: MachineCode["libc"] | undefined;

/** The C library this Node runs on, as its own program file says; null outside Linux and where it does not say. */
export function runningLibc(): MachineCode["libc"] {
  libc ??= process.platform === "linux" ? readRunningLibc() : null;
  return libc;
}

function readRunningLibc(): MachineCode["libc"] {
  try {
    // Not `process.execPath`, which may be a script in front of the program.
    return readMachineCode(readHead("/proc/self/exe").head)?.libc ?? null;
  } catch {
    return null;
  }
}

function readHead(path: string): { head: Buffer; bytes: number } {
  const descriptor = openSync(path, "r");
  try {
    const head = Buffer.alloc(HEADER_BYTES);
    const length = readSync(descriptor, head, 0, HEADER_BYTES, 0);
    return { head: head.subarray(0, length), bytes: fstatSync(descriptor).size };
  } finally {
    closeSync(descriptor);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
