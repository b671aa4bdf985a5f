// Owns profiling and planning of one model on this machine: opens it the way a user would, measures, keeps, chooses.
// Knows no command line. Invariant: a plan rests on profiles that hold here and now, and names what it could not use.

import { availableParallelism } from "node:os";
import { loadNative } from "./bindings/load.js";
import { type Contract, freezeContract } from "./core/contract.js";
import { RedlineError } from "./core/errors.js";
import type { ProfiledChoice, ProfileKey } from "./core/profile.js";
import { isStaticShape } from "./core/tensor.js";
import { choosePlan, type PlanRow, planRows } from "./plans/choose-plan.js";
import { MachineStore } from "./plans/machine-figures.js";
import { machineModel } from "./plans/machine-model.js";
import { type MeasuredModel, measureRuns } from "./plans/measure-profile.js";
import { profiledVariant } from "./plans/profile-book.js";
import { modelSha256, profileSurroundings } from "./plans/profile-key.js";
import {
  type PassedRecord,
  type ProfileRecord,
  ProfileStore,
  profileOf,
  profileRecord,
} from "./plans/profile-store.js";
import { composeRuntime, type Runtime } from "./runtime.js";
import type { MachineModel } from "./scheduler/admission/admission-task.js";
import type { Session } from "./sessions/session.js";
import type { ResolvedModel, Store, StoreOptions } from "./store/store.js";

/** What to profile, and how long. */
export interface ProfileOptions {
  /** Only the period and the criticality matter: runs come so often, at that class's priority. */
  readonly contract: Contract;
  /** Runs of each set of conditions. Default 100: at least a thousandth of slow runs wants more, see `wcetMs`. */
  readonly runs?: number;
  /** Numbers of threads to measure. Default: one, doubled up to the cores. */
  readonly threads?: readonly number[];
  /** Measures spinning threads too, where there are several. Default false. */
  readonly spin?: boolean;
  readonly store?: StoreOptions;
  readonly signal?: AbortSignal;
  /** Told of each way to run the model when it has been measured. */
  readonly onProfile?: (row: ProfileRow) => void;
}

/** One way to run a model, as measured. */
export interface ProfileRow {
  readonly model: string;
  readonly variant: string;
  readonly device: string;
  readonly threads: number;
  readonly spin: boolean;
  /** With cold caches, paced, alone. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The longest run seen, or the fitted p99.9 where that is longer: what admission counts with. */
  readonly wcetMs: number;
  /** How much longer a run takes beside busy neighbours on the other cores, in the median. */
  readonly contention: number;
  readonly cpuMs: number;
  readonly energyMj: number | "unknown";
  readonly samples: number;
}

/** What to plan for. */
export interface PlanOptions {
  readonly contract: Contract;
  readonly store?: StoreOptions;
}

/** A plan for one model, alone on this machine. */
export interface PlanReport {
  /** The chosen way first, then every other with the number that lost. */
  readonly rows: readonly PlanRow[];
  readonly isFeasible: boolean;
  /** Profiles that were not used, and why. */
  readonly passed: readonly PassedRecord[];
}

const DEFAULT_RUNS = 100;

/** No run of a profile is cut short: one that takes longer than this has no place under a contract. */
const PATIENCE_MS = 60_000;

/**
 * Measures every variant of a model (or the one that is named) in each number of threads, and keeps what it found.
 *
 * @throws RedlineError `MODEL_UNSUITABLE` for a model that cannot be run on zeros, and whatever opening it throws
 *
 * @example
 * await profileModel("silero-vad", { contract: { periodMs: 32 }, runs: 20 });
 */
export async function profileModel(model: string, options: ProfileOptions): Promise<readonly ProfileRow[]> {
  const contract = freezeContract(options.contract);
  const runtime = await composeRuntime(options.store ? { store: options.store } : {});
  try {
    const profiles = new ProfileStore(runtime.store.root);
    await new MachineStore(runtime.store.root).forget();
    await learnMachine(runtime);
    const rows: ProfileRow[] = [];
    for (const name of await variantNames(runtime.store, model, options.signal)) {
      const resolved = await runtime.store.resolve(name, options.signal ? { signal: options.signal } : {});
      const key = await keyOf(runtime, resolved);
      for (const choice of choicesOf(resolved.variantId, options)) {
        const record = await measure(runtime, { name, choice, key, periodUs: contract.periodUs, options });
        await profiles.write(record);
        const row = rowOf(record);
        options.onProfile?.(row);
        rows.push(row);
      }
    }
    return rows;
  } finally {
    await runtime.close();
  }
}

/**
 * Chooses among the profiles of a model: deadline first, then energy, then accuracy.
 *
 * @throws RedlineError `MODEL_UNSUITABLE` when no profile of it holds on this machine
 *
 * @example
 * const { rows } = await planModel("silero-vad", { contract: { periodMs: 32 } });
 * console.log(rows[0]?.choice, rows[0]?.verdict);
 */
export async function planModel(model: string, options: PlanOptions): Promise<PlanReport> {
  const contract = freezeContract(options.contract);
  const runtime = await composeRuntime(options.store ? { store: options.store } : {});
  try {
    const { store } = runtime;
    const profiles = new ProfileStore(store.root);
    const holding: { record: ProfileRecord; accuracy: number | "unknown" }[] = [];
    const passed: PassedRecord[] = [];
    for (const name of await variantNames(store, model)) {
      const resolved = await store.resolve(name);
      const found = await profiles.find(await keyOf(runtime, resolved));
      holding.push(...found.holding.map((record) => ({ record, accuracy: accuracyOf(resolved) })));
      passed.push(...found.passed);
    }
    if (holding.length === 0) throw noProfile(model, passed);
    const measured = holding.map(({ record, accuracy }) => ({ ...profileOf(record), accuracy }));
    const machine = await machineHere(runtime);
    const plan = choosePlan({
      name: model,
      contract,
      laneIndex: 0,
      candidates: measured,
      promised: [],
      machine,
    });
    return { rows: planRows(plan), isFeasible: plan.chosen !== undefined, passed };
  } finally {
    await runtime.close();
  }
}

/** A promise makes a runtime learn what its machine adds to every job, and keep it. */
async function learnMachine(runtime: Runtime): Promise<void> {
  if (runtime.provider.name !== "ort") return;
  const contract = { periodMs: 1000, criticality: "critical" } as const;
  await (await runtime.open("null", { provider: "null", contract })).close();
}

/** The machine as the analysis sees it, with nothing promised on it. */
async function machineHere(runtime: Runtime): Promise<MachineModel> {
  await learnMachine(runtime);
  const figures = await new MachineStore(runtime.store.root).find(
    await profileSurroundings(groundOf(runtime)),
  );
  return machineModel({
    cores: availableParallelism(),
    platform: process.platform,
    regimes: runtime.provider.name === "ort" ? loadNative().addon?.probeRegimes() : undefined,
    contention: 1,
    dispatchUs: figures?.dispatchUs ?? 0,
    powerMw: "unlimited",
  });
}

function groundOf({ provider }: Runtime) {
  return { provider: provider.name, simd: loadNative().addon?.simd ?? [] };
}

/** `model@variant` for each variant of a manifest; the name itself when it says which, or is a path. */
async function variantNames(store: Store, model: string, signal?: AbortSignal): Promise<string[]> {
  if (model.includes("@")) return [model];
  const { manifest } = await store.resolve(model, signal ? { signal } : {});
  return manifest === null ? [model] : manifest.variants.map(({ id }) => `${manifest.name}@${id}`);
}

function choicesOf(variant: string, { threads, spin }: ProfileOptions): ProfiledChoice[] {
  const cores = availableParallelism();
  const doubled = Array.from({ length: Math.floor(Math.log2(cores)) + 1 }, (_, power) => 2 ** power);
  return (threads ?? doubled).flatMap((count) => {
    const choice = { variant, device: "cpu", threads: count, spin: false };
    return spin === true && count > 1 ? [choice, { ...choice, spin: true }] : [choice];
  });
}

async function measure(
  runtime: Runtime,
  given: { name: string; choice: ProfiledChoice; key: ProfileKey; periodUs: number; options: ProfileOptions },
): Promise<ProfileRecord> {
  const { name, choice, key, periodUs, options } = given;
  const { threads, spin } = choice;
  const contract = { ...options.contract, deadlineMs: PATIENCE_MS, late: "keep" } as const;
  const measured = await measureRuns({
    open: async () => {
      const session = await runtime.open(name, {
        contract,
        admit: "best-effort",
        slots: 1,
        threads,
        ort: { spin },
      });
      return modelOf(session);
    },
    neighbours: Math.max(0, Math.floor(availableParallelism() / threads) - 1),
    clock: runtime.clock,
    periodUs,
    runs: options.runs ?? DEFAULT_RUNS,
    signal: options.signal,
  });
  const energyMj = "unknown" as const;
  if (measured !== undefined)
    return profileRecord({ length: "full", model: name, key, choice, measured, energyMj });
  throw new RedlineError("MODEL_UNSUITABLE", {
    what: name,
    expected: "a model whose runs on zeros come to their end",
    received: "one that has strings or open shapes as inputs, or whose run failed",
  });
}

/** A session, run on the zeros that its slot holds from the start. */
function modelOf(session: Session): MeasuredModel {
  const canRun = session.inputs.every(({ dtype, shape }) => dtype !== "string" && isStaticShape(shape));
  return {
    run: async () => {
      const slot = canRun ? session.reserve() : null;
      if (slot === null) return undefined;
      const before = process.cpuUsage();
      const outcome = await slot.run();
      const { user, system } = process.cpuUsage(before);
      outcome.release();
      const { status, startedUs, settledUs } = outcome;
      const hasRun = status === "done" || status === "late";
      return hasRun ? { runUs: settledUs - startedUs, cpuUs: user + system } : undefined;
    },
    close: () => session.close(),
  };
}

function rowOf(record: ProfileRecord): ProfileRow {
  const { profile, contention } = profileOf(record);
  const { variant, device, threads, spin } = profile.choice;
  return {
    model: record.model,
    variant,
    device,
    threads,
    spin,
    p50Ms: profile.p50Us / 1000,
    p99Ms: profile.p99Us / 1000,
    wcetMs: profile.wcetUs / 1000,
    contention,
    cpuMs: profile.cpuUs < 0 ? -1 : profile.cpuUs / 1000,
    energyMj: profile.energyMj,
    samples: profile.samples,
  };
}

/** What a profile of this file holds for, here and now. */
async function keyOf(runtime: Runtime, { variant, path }: ResolvedModel): Promise<ProfileKey> {
  const surroundings = await profileSurroundings(groundOf(runtime));
  return { ...surroundings, modelSha256: variant?.sha256 ?? (await modelSha256(path)) };
}

function accuracyOf({ manifest, variant }: ResolvedModel): number | "unknown" {
  return manifest === null || variant === null ? "unknown" : profiledVariant(manifest, variant).accuracy;
}

function noProfile(model: string, passed: readonly PassedRecord[]): RedlineError {
  const reasons = passed.map(({ because }) => because).join("; ");
  return new RedlineError("MODEL_UNSUITABLE", {
    what: model,
    expected: "a profile measured on this machine",
    received: passed.length === 0 ? "none" : `only ones that do not hold: ${reasons}`,
    hint: `redline profile ${model}`,
  });
}
