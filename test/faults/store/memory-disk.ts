// Owns a file system in memory behind the store's own port: quick to copy, and it can lose its power. What lies outside its
// folder is the real one's. Invariant: what was never flushed is what a power cut may take, and nothing else.

import path from "node:path";
import { type Disk, nodeDisk } from "../../../runtime/store/disk.js";

interface File {
  readonly kind: "file";
  bytes: Buffer;
  /** What the last flush put on the disk; null before the first. */
  flushed: Buffer | null;
  mtimeMs: number;
}
interface Folder {
  readonly kind: "folder";
  readonly entries: Map<string, Node>;
  /** The names the last flush of this folder put on the disk. */
  flushed: Map<string, Node>;
  mtimeMs: number;
}
type Node = File | Folder;

/**
 * What a power cut leaves. `names`: every rename and removal, but of each file only what was flushed, as a journal of
 * metadata leaves it. `contents`: only the names of folders that were flushed.
 */
export type PowerCut = "names" | "contents";

const newFolder = (): Folder => ({
  kind: "folder",
  entries: new Map(),
  flushed: new Map(),
  mtimeMs: Date.now(),
});

export class MemoryDisk {
  /** The folder it lies under; no real folder is called so. */
  readonly root = path.resolve("/redline-memory-disk");
  readonly disk: Disk;
  #top = newFolder();

  constructor() {
    this.disk = portOf(this);
  }

  /** A disk of its own with the same content, all of it flushed. */
  copy(): MemoryDisk {
    const other = new MemoryDisk();
    other.#top = settled(this.#top, { isCut: false });
    return other;
  }

  /** Takes the power: what was not flushed is gone. */
  cut(how: PowerCut): void {
    this.#top = settled(this.#top, { isCut: true, how });
  }

  /** Every file by its path under a folder of the root, for a look that asks the store nothing. */
  files(under = ""): Map<string, Buffer> {
    const found = new Map<string, Buffer>();
    const walk = (folder: Folder, at: string): void => {
      for (const [name, node] of folder.entries) {
        if (node.kind === "file") found.set(path.join(at, name), node.bytes);
        else walk(node, path.join(at, name));
      }
    };
    const start = this.find(path.join(this.root, under));
    if (start?.kind === "folder") walk(start, "");
    return found;
  }

  /** Puts a file there, as something outside the store would. */
  put(at: string, bytes: Uint8Array): void {
    let folder = this.#top;
    const names = this.#namesTo(at);
    for (const name of names.slice(0, -1)) {
      const next = folder.entries.get(name) ?? newFolder();
      if (next.kind === "file") throw refusal("ENOTDIR", at);
      folder.entries.set(name, next);
      folder = next;
    }
    const content = Buffer.from(bytes);
    folder.entries.set(names.at(-1) ?? "", {
      kind: "file",
      bytes: content,
      flushed: content,
      mtimeMs: Date.now(),
    });
  }

  /** Sets the time of everything in a folder back by a minute. */
  age(at: string): void {
    const folder = this.find(at);
    if (folder?.kind !== "folder") return;
    for (const node of folder.entries.values()) node.mtimeMs = Date.now() - 60_000;
  }

  has(at: string): boolean {
    return at === this.root || at.startsWith(this.root + path.sep);
  }

  find(at: string): Node | undefined {
    let node: Node | undefined = this.#top;
    for (const name of this.#namesTo(at)) {
      if (node === undefined) return undefined;
      if (node.kind === "file") throw refusal("ENOTDIR", at);
      node = node.entries.get(name);
    }
    return node;
  }

  need(at: string): Node {
    const node = this.find(at);
    if (node === undefined) throw refusal("ENOENT", at);
    return node;
  }

  needFolder(at: string): Folder {
    const node = this.need(at);
    if (node.kind === "file") throw refusal("ENOTDIR", at);
    return node;
  }

  #namesTo(at: string): string[] {
    return path.relative(this.root, at).split(path.sep).filter(Boolean);
  }
}

/** A copy of a folder as a disk holds it after a power cut, or as it is. Buffers are shared: a write makes a new one. */
function settled(folder: Folder, cut: { isCut: false } | { isCut: true; how: PowerCut }): Folder {
  const names = cut.isCut && cut.how === "contents" ? folder.flushed : folder.entries;
  const entries = new Map<string, Node>();
  for (const [name, node] of names) {
    if (node.kind === "folder") entries.set(name, settled(node, cut));
    else {
      // Blocks that were allocated and never written read as zeros.
      const bytes = cut.isCut ? (node.flushed ?? Buffer.alloc(node.bytes.length)) : node.bytes;
      entries.set(name, { kind: "file", bytes, flushed: bytes, mtimeMs: node.mtimeMs });
    }
  }
  return { kind: "folder", entries, flushed: new Map(entries), mtimeMs: folder.mtimeMs };
}

const numbers = new WeakMap<Node, number>();
let lastNumber = 0;

/** A number that no other file has. */
function numberOf(node: Node): number {
  const known = numbers.get(node) ?? ++lastNumber;
  numbers.set(node, known);
  return known;
}

function refusal(code: string, at: string): Error {
  return Object.assign(new Error(`${code}: ${at}`), { code, path: at });
}

/** The port's calls, each as the real one answers it. */
function portOf(memory: MemoryDisk): Disk {
  const parentOf = (at: string) => memory.needFolder(path.dirname(at));
  const touch = (node: Node) => {
    node.mtimeMs = Date.now();
  };
  const calls: Record<string, (at: string, ...rest: never[]) => unknown> = {
    mkdir(at: string, options?: { recursive?: boolean }) {
      const there = memory.find(at);
      if (there !== undefined) {
        if (options?.recursive && there.kind === "folder") return undefined;
        throw refusal("EEXIST", at);
      }
      const isAlone = !options?.recursive || at === memory.root;
      const first = isAlone ? undefined : calls.mkdir?.(path.dirname(at), options as never);
      const parent = parentOf(at);
      parent.entries.set(path.basename(at), newFolder());
      touch(parent);
      return first ?? at;
    },
    open(at: string, flags: string) {
      if (flags === "r") return handleOf(memory.need(at), at);
      if (flags !== "wx") throw new Error(`the store never opens a file with ${flags}`);
      if (memory.find(at) !== undefined) throw refusal("EEXIST", at);
      const parent = parentOf(at);
      const file: File = { kind: "file", bytes: Buffer.alloc(0), flushed: null, mtimeMs: Date.now() };
      parent.entries.set(path.basename(at), file);
      touch(parent);
      return handleOf(file, at);
    },
    readdir(at: string, options?: { recursive?: boolean }) {
      const list = (folder: Folder, prefix: string): string[] =>
        [...folder.entries].flatMap(([name, node]) => [
          path.join(prefix, name),
          ...(options?.recursive && node.kind === "folder" ? list(node, path.join(prefix, name)) : []),
        ]);
      return list(memory.needFolder(at), "");
    },
    realpath(at: string) {
      memory.need(at);
      return at;
    },
    rename(from: string, to: unknown) {
      const target = String(to);
      const node = memory.need(from);
      const [source, goal] = [parentOf(from), parentOf(target)];
      const there = goal.entries.get(path.basename(target));
      if (there?.kind === "folder" && node.kind === "file") throw refusal("EISDIR", target);
      if (there?.kind === "file" && node.kind === "folder") throw refusal("ENOTDIR", target);
      if (there?.kind === "folder" && there.entries.size > 0) throw refusal("ENOTEMPTY", target);
      source.entries.delete(path.basename(from));
      goal.entries.set(path.basename(target), node);
      for (const folder of [source, goal]) touch(folder);
    },
    rm(at: string, options?: { recursive?: boolean; force?: boolean }) {
      const node = memory.find(at);
      if (node === undefined) {
        if (options?.force) return;
        throw refusal("ENOENT", at);
      }
      if (node.kind === "folder" && !options?.recursive) throw refusal("ERR_FS_EISDIR", at);
      const parent = parentOf(at);
      parent.entries.delete(path.basename(at));
      touch(parent);
    },
    rmdir(at: string) {
      const folder = memory.needFolder(at);
      if (folder.entries.size > 0) throw refusal("ENOTEMPTY", at);
      const parent = parentOf(at);
      parent.entries.delete(path.basename(at));
      touch(parent);
    },
    stat(at: string) {
      const node = memory.need(at);
      const size = node.kind === "file" ? node.bytes.length : 4096;
      const { mtimeMs } = node;
      const ino = numberOf(node);
      const [isFile, isDirectory] = [() => node.kind === "file", () => node.kind === "folder"];
      return { ino, size, mtimeMs, mtime: new Date(mtimeMs), isFile, isDirectory };
    },
    utimes(at: string, _read: unknown, changed?: unknown) {
      memory.need(at).mtimeMs = changed instanceof Date ? changed.getTime() : Number(changed) * 1000;
    },
  };
  const named = Object.entries(calls).map(([name, call]) => {
    const real = nodeDisk[name as keyof Disk] as (...given: unknown[]) => Promise<unknown>;
    const answer = async (at: unknown, ...rest: unknown[]) =>
      memory.has(String(at)) ? call(String(at), ...(rest as never[])) : real(at, ...rest);
    return [name, answer];
  });
  return Object.fromEntries(named) as unknown as Disk;
}

/** An open file: it stays the same file when it is renamed or removed. */
function handleOf(node: Node, at: string) {
  const file = (): File => {
    if (node.kind === "folder") throw refusal("EISDIR", at);
    return node;
  };
  return {
    async read(into: Uint8Array, offset: number, length: number, position: number) {
      const part = file().bytes.subarray(position, position + length);
      into.set(part, offset);
      return { bytesRead: part.length, buffer: into };
    },
    async write(from: Uint8Array, offset: number, length: number, position: number) {
      const own = file();
      const bytes = Buffer.alloc(Math.max(own.bytes.length, position + length));
      bytes.set(own.bytes);
      bytes.set(from.subarray(offset, offset + length), position);
      own.bytes = bytes;
      own.mtimeMs = Date.now();
      return { bytesWritten: length, buffer: from };
    },
    async truncate(length: number) {
      file().bytes = Buffer.from(file().bytes.subarray(0, length));
    },
    async sync() {
      if (node.kind === "file") node.flushed = node.bytes;
      else node.flushed = new Map(node.entries);
    },
    async close() {},
  };
}
