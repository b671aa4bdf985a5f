// Owns a file system that fails where a test says: the store's own port over another one, each call a numbered step.
// Invariant: without a plan it does exactly what the other one does.

import type { FileHandle } from "node:fs/promises";
import type { Disk } from "../../../runtime/store/disk.js";

/** An error of the system that one call gets: the next one succeeds. */
export type Refusal = "ENOSPC" | "EACCES" | "EROFS" | "EIO";

/**
 * What happens at a step. A refusal: that call fails once. `full`, `read-only`, `forbidden`: that call and every later one
 * that such a disk refuses fail. `die`: that call and every later one fail, as if the process had been killed there;
 * `tear`: the same, but a write is done by half first. `nothing`: only what the plan does meanwhile.
 */
export type Fault = Refusal | "full" | "read-only" | "forbidden" | "die" | "tear" | "nothing";

export interface Plan {
  /** Where it happens: a step, counted from 1, or the write that would take a file beyond so many bytes. */
  readonly at: number | { readonly byte: number };
  readonly fault: Fault;
  /** What else happens in the world just before that step. */
  readonly meanwhile?: () => unknown;
}

export interface FaultyDisk {
  readonly disk: Disk;
  /** The name of each step so far, in order. */
  readonly steps: readonly string[];
}

const PORT = ["mkdir", "open", "readdir", "realpath", "rename", "rm", "rmdir", "stat", "utimes"] as const;
const HANDLE = ["read", "write", "sync", "truncate", "close"];

/** What a disk refuses that has become so, and with what; of a folder that is there any disk says so first. */
const REFUSED = {
  full: { code: "ENOSPC", calls: ["mkdir", "create", "write"] },
  "read-only": {
    code: "EROFS",
    calls: ["mkdir", "create", "write", "truncate", "rename", "rm", "rmdir", "utimes"],
  },
  forbidden: {
    code: "EACCES",
    calls: ["mkdir", "create", "open", "readdir", "realpath", "rename", "rm", "rmdir", "stat", "utimes"],
  },
};

/** The error a killed process would not live to see. */
export class Killed extends Error {}

/** One call: its name, what it does, and what it does when it is torn. */
interface Call {
  readonly name: string;
  readonly act: () => unknown;
  readonly half?: () => Promise<unknown>;
  /** Where a write ends in its file. */
  readonly endByte?: number;
}

/** @param plan what happens where; null counts only */
export function faultyDisk(plan: Plan | null, inner: Disk): FaultyDisk {
  const steps: string[] = [];
  let isStruck = false;
  let wasShort = false;
  const isDue = ({ at }: Plan, { endByte = 0 }: Call) =>
    typeof at === "number" ? steps.length >= at : endByte > at.byte;
  const refuse = (code: string, name: string): never => {
    throw Object.assign(new Error(`${code}: made up at ${name}`), { code });
  };
  const step = async (call: Call) => {
    const { name, act, half } = call;
    steps.push(name);
    if (plan === null || !(isStruck || isDue(plan, call))) return act();
    const { fault } = plan;
    const isMoment = !isStruck;
    isStruck = true;
    if (isMoment) await plan.meanwhile?.();
    if (fault === "nothing") return act();
    if (fault === "die" || fault === "tear") {
      if (isMoment && fault === "tear") await half?.();
      throw new Killed(`killed at ${name}`);
    }
    if (fault === "full" || fault === "read-only" || fault === "forbidden") {
      const { code, calls } = REFUSED[fault];
      if (!calls.includes(name)) return act();
      // The last blocks of a disk take a part of a write; only the rest of it is refused.
      if (fault === "full" && name === "write" && !wasShort) {
        wasShort = true;
        return half?.();
      }
      return refuse(code, name);
    }
    return isMoment ? refuse(fault, name) : act();
  };
  const wrapped = (handle: FileHandle): FileHandle =>
    new Proxy(handle, {
      get(target, name) {
        const own = Reflect.get(target, name) as unknown;
        if (typeof own !== "function") return own;
        if (!HANDLE.includes(String(name))) return own.bind(target);
        return (...given: unknown[]) => {
          const act = () => own.apply(target, given) as Promise<unknown>;
          const [chunk, offset, length, position] = given as [Uint8Array, number, number, number];
          if (name === "write") {
            const at = plan?.at;
            const kept = typeof at === "object" ? Math.max(0, at.byte - position) : Math.floor(length / 2);
            const half = () => target.write(chunk, offset, Math.min(length, kept), position);
            return step({ name, act, half, endByte: position + length });
          }
          // A descriptor is closed even by a kill; leaving it open here would only leak it in the test.
          if (name === "close")
            return step({ name, act }).catch((error) =>
              target.close().then(() => {
                throw error;
              }),
            );
          return step({ name: String(name), act });
        };
      },
    });
  const disk = Object.fromEntries(
    PORT.map((name) => {
      const own = inner[name] as (...given: unknown[]) => Promise<unknown>;
      const call = async (...given: unknown[]) => {
        const act = () => own(...given);
        if (name === "mkdir") {
          const isThere = (await inner.stat(String(given[0])).catch(() => null)) !== null;
          return step({ name: isThere ? "mkdir of what is there" : name, act });
        }
        if (name === "open") return step({ name: given[1] === "wx" ? "create" : name, act });
        return step({ name, act });
      };
      if (name !== "open") return [name, call];
      return [name, async (...given: unknown[]) => wrapped((await call(...given)) as FileHandle)];
    }),
  );
  return { disk: disk as unknown as Disk, steps };
}
