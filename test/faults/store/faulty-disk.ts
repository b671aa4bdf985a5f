// Owns a file system that fails where a test says: the store's own port over the real one, each call a numbered step.
// Invariant: without a plan it does exactly what the real one does.

import files from "node:fs/promises";
import type { Disk } from "../../../runtime/store/disk.js";

/**
 * What happens at a step. A code: that call fails once. `die`: that call and every later one fail, as if the process had
 * been killed there; `tear`: the same, but a write is done by half first.
 */
export type Fault = "ENOSPC" | "EACCES" | "EROFS" | "EIO" | "die" | "tear";

export interface FaultyDisk {
  readonly disk: Disk;
  /** The name of each step so far, in order. */
  readonly steps: readonly string[];
}

const PORT = ["mkdir", "open", "readdir", "realpath", "rename", "rm", "rmdir", "stat", "utimes"] as const;
const HANDLE = ["read", "write", "sync", "truncate", "close"] as const;

/** The error a killed process would not live to see. */
export class Killed extends Error {}

/** @param plan the step to fail, counted from 1; null counts only */
export function faultyDisk(plan: { readonly at: number; readonly fault: Fault } | null): FaultyDisk {
  const steps: string[] = [];
  const step = async (name: string, given: { act: () => unknown; half?: () => Promise<unknown> }) => {
    steps.push(name);
    const isDead = plan?.fault === "die" || plan?.fault === "tear";
    if (plan === null || steps.length < plan.at || (steps.length > plan.at && !isDead)) return given.act();
    if (steps.length === plan.at && plan.fault === "tear") await given.half?.();
    if (isDead) throw new Killed(`killed at ${name}`);
    throw Object.assign(new Error(`${plan.fault}: made up at ${name}`), { code: plan.fault });
  };
  const wrapped = (handle: files.FileHandle): files.FileHandle =>
    new Proxy(handle, {
      get(target, name) {
        const own = Reflect.get(target, name) as unknown;
        if (typeof own !== "function") return own;
        if (!HANDLE.includes(name as (typeof HANDLE)[number])) return own.bind(target);
        return (...given: unknown[]) => {
          const act = () => own.apply(target, given) as Promise<unknown>;
          const [chunk, offset, length, position] = given as [Uint8Array, number, number, number];
          const half = () => target.write(chunk, offset, Math.floor(length / 2), position);
          if (name === "write") return step("write", { act, half });
          // A descriptor is closed even by a kill; leaving it open here would only leak it in the test.
          if (name === "close")
            return step("close", { act }).catch((error) =>
              target.close().then(() => {
                throw error;
              }),
            );
          return step(String(name), { act });
        };
      },
    });
  const disk = Object.fromEntries(
    PORT.map((name) => {
      const own = files[name] as (...given: unknown[]) => Promise<unknown>;
      const call = (...given: unknown[]) => step(name, { act: () => own(...given) });
      if (name !== "open") return [name, call];
      return [name, async (...given: unknown[]) => wrapped((await call(...given)) as files.FileHandle)];
    }),
  );
  return { disk: disk as unknown as Disk, steps };
}
