// Owns measured profiles on disk: <root>/profiles/<name>.json, raw samples beside the fitted figures. Measures nothing.
// Invariant: what it answers holds here and now; an expired or damaged record is not answered, and says why.

import path from "node:path";
import {
  expiredBecause,
  type Profile,
  type ProfiledChoice,
  type ProfileKey,
  quantilesOfRuns,
} from "../core/profile.js";
import { namesIn, nodeDisk } from "../store/disk.js";
import { readSealed, sha256Of, writeSealed } from "../store/sealed.js";
import { contentionOf, type MeasuredRuns } from "./measure-profile.js";

/** One choice as it was measured. */
export interface ProfileRecord {
  readonly schema: 1;
  /** For people: `road-seg@int8-320`. */
  readonly model: string;
  readonly key: ProfileKey;
  readonly choice: ProfiledChoice;
  readonly measured: readonly MeasuredRuns[];
  readonly energyMj: number | "unknown";
}

/** A record that is not used, and why. */
export interface PassedRecord {
  readonly path: string;
  readonly because: string;
}

/** The records of one model that hold, and those that do not. */
export interface FoundProfiles {
  readonly holding: readonly ProfileRecord[];
  readonly passed: readonly PassedRecord[];
}

/** Profiles in a store's folder. */
export class ProfileStore {
  private readonly folder: string;

  constructor(root: string) {
    this.folder = path.join(root, "profiles");
  }

  /** Writes a record over an earlier one of the same model and choice. Throws `STORE_WRITE_FAILED`. */
  async write(record: ProfileRecord): Promise<string> {
    const { modelSha256 } = record.key;
    const { variant, device, threads, spin } = record.choice;
    const name = sha256Of(JSON.stringify([modelSha256, variant, device, threads, spin]));
    const at = path.join(this.folder, `${modelSha256.slice(0, 16)}-${name.slice(0, 16)}.json`);
    await writeSealed(nodeDisk, at, { body: record, temporaries: this.folder });
    return at;
  }

  /** The records of one model's file that hold here and now. */
  async find(now: ProfileKey): Promise<FoundProfiles> {
    const names = await namesIn(nodeDisk, this.folder);
    const holding: ProfileRecord[] = [];
    const passed: PassedRecord[] = [];
    for (const name of names.sort()) {
      if (!name.startsWith(now.modelSha256.slice(0, 16)) || !name.endsWith(".json")) continue;
      const at = path.join(this.folder, name);
      const record = await readSealed<ProfileRecord>(nodeDisk, at);
      const because =
        record.state === "ok" ? expiredBecause(record.body, now) : `its record is ${record.state}`;
      if (because === "" && record.state === "ok") holding.push(record.body);
      else passed.push({ path: at, because });
    }
    return { holding, passed };
  }
}

/**
 * What admission and planner count with: cold caches and no neighbour, as contention is a factor of its own. The two are
 * measured apart so that neither hides in the other.
 */
export function profileOf(record: ProfileRecord): { readonly profile: Profile; readonly contention: number } {
  const { key, choice, energyMj, measured } = record;
  const runs =
    measured.find(({ conditions }) => conditions.caches === "cold" && conditions.neighbour === "none") ??
    measured[0]!;
  const profile = { key, choice, conditions: runs.conditions, ...quantilesOfRuns(runs.runUs) };
  return { profile: { ...profile, cpuUs: runs.cpuUs, energyMj }, contention: contentionOf(measured) };
}
