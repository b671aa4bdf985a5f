// Owns what a profile holds for, here and now: this machine, this provider, this Redline, this source of power.
// Knows no profile. Invariant: whatever changes what a run costs, and can be told without running, is part of the key.

import { createRequire } from "node:module";
import { availableParallelism, release } from "node:os";
import type { ProfileKey } from "../core/profile.js";
import { readSupply } from "../power/battery.js";
import { diskTree } from "../power/sys-tree.js";
import type { ProviderName } from "../providers/provider.js";
import { hashBytes, readHashed } from "../vetting/model-bytes.js";
import { machineFingerprint } from "../vetting/vetting-key.js";

/** What is the same for every model. */
export type ProfileSurroundings = Omit<ProfileKey, "modelSha256">;

/** Which provider runs graphs, and what its machine code found of the processor. */
export interface ProfileGround {
  readonly provider: ProviderName;
  /** Empty where there is no addon to tell. */
  readonly simd: readonly string[];
}

/** Reads the surroundings: the supply may have changed since the last time. */
export async function profileSurroundings({ provider, simd }: ProfileGround): Promise<ProfileSurroundings> {
  const { source } = await readSupply(diskTree("/sys"));
  const { version } = createRequire(import.meta.url)("redline-rt/package.json") as { version: string };
  const processor = machineFingerprint(simd);
  return {
    machine: `${processor}, ${availableParallelism()} cores, ${release()}, ${provider}`,
    runtimeVersion: version,
    powerSource: source,
  };
}

/** The hash of a model that no manifest vouches for. */
export async function modelSha256(graph: string | Uint8Array): Promise<string> {
  return (typeof graph === "string" ? await readHashed(graph) : await hashBytes(graph)).sha256;
}
