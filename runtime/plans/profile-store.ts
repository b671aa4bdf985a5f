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
import { readSealed, type Sealed, sha256Of, writeSealed } from "../store/sealed.js";
import { contentionOf, type MeasuredRuns } from "./measure-profile.js";

/** Raised when a record's fields change their meaning: older ones then have expired. */
const PROFILE_SCHEMA = 2;

/** One choice as it was measured. */
export interface ProfileRecord {
  readonly schema: typeof PROFILE_SCHEMA;
  /** `short`: a few runs with warm caches, made when a session was opened. `full`: what `redline profile` measures. */
  readonly length: "short" | "full";
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

  /**
   * Writes a record over an earlier one of the same model, choice and source of power: a machine goes back and forth
   * between mains and battery. Throws `STORE_WRITE_FAILED`.
   */
  async write(record: ProfileRecord): Promise<string> {
    const { modelSha256, powerSource } = record.key;
    const { variant, device, threads, spin } = record.choice;
    const name = sha256Of(JSON.stringify([modelSha256, variant, device, threads, spin, powerSource]));
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
      const because = passedBecause(record, now);
      if (because === "" && record.state === "ok") holding.push(record.body);
      else passed.push({ path: at, because });
    }
    return { holding, passed };
  }

  /** The most that any model profiled here and now is slowed down by busy neighbours; 1 when none has been. */
  async largestContention(now: Omit<ProfileKey, "modelSha256">): Promise<number> {
    let most = 1;
    for (const name of await namesIn(nodeDisk, this.folder)) {
      if (!PROFILE_NAME.test(name)) continue;
      const record = await readSealed<ProfileRecord>(nodeDisk, path.join(this.folder, name));
      if (record.state !== "ok") continue;
      const { modelSha256 } = record.body.key;
      if (passedBecause(record, { ...now, modelSha256 }) === "")
        most = Math.max(most, contentionOf(record.body.measured));
    }
    return most;
  }
}

/** The first digits of the model's sha256, then those of the choice's. */
const PROFILE_NAME = /^[0-9a-f]{16}-[0-9a-f]{16}\.json$/;

function passedBecause(record: Sealed<ProfileRecord>, now: ProfileKey): string {
  if (record.state !== "ok") return `its record is ${record.state}`;
  const { schema } = record.body;
  if (schema !== PROFILE_SCHEMA) return `it is of schema ${schema}, not ${PROFILE_SCHEMA}`;
  return expiredBecause(record.body, now);
}

/** A record of runs made now. */
export function profileRecord(given: Omit<ProfileRecord, "schema">): ProfileRecord {
  return { schema: PROFILE_SCHEMA, ...given };
}

/**
 * What few runs cannot show: the tail of one run reaches 1.5 times its median on an otherwise idle machine, see
 * `RUN_SHARE_MAX`.
 */
const SHORT_TAIL = 1.5;

/**
 * What admission and planner count with: cold caches and no neighbour, as contention is a factor of its own. The two are
 * measured apart so that neither hides in the other. A short measurement has no cold runs and no tail: its worst run is
 * at least 1.5 times its median.
 */
export function profileOf(record: ProfileRecord): { readonly profile: Profile; readonly contention: number } {
  const { key, choice, energyMj, measured, length } = record;
  const runs =
    measured.find(({ conditions }) => conditions.caches === "cold" && conditions.neighbour === "none") ??
    measured[0]!;
  const quantiles = quantilesOfRuns(runs.runUs);
  const tailUs = length === "short" ? Math.ceil(SHORT_TAIL * quantiles.p50Us) : 0;
  const wcetUs = Math.max(quantiles.wcetUs, tailUs);
  const profile = { key, choice, conditions: runs.conditions, ...quantiles, wcetUs };
  return { profile: { ...profile, cpuUs: runs.cpuUs, energyMj }, contention: contentionOf(measured) };
}
