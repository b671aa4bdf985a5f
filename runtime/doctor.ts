// Owns the examination of this machine: what works, what does not, why, and what to type. Prints nothing, changes nothing.
// Invariant: every finding says what was found; one that is not `ok` says why and, where there is one, the remedy.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type NativeAddon, ORT_API_VERSION } from "./bindings/addon.js";
import { reasonOf } from "./bindings/addon-fault.js";
import { loadKernels } from "./bindings/kernels.js";
import { findOrtLibrary, loadNative, remedyForLibrary } from "./bindings/load.js";
import { CRITICALITIES } from "./core/contract.js";
import { RedlineError } from "./core/errors.js";
import { sharedOps } from "./ops/shared-ops.js";
import { examinePower } from "./power-check.js";
import { remedyFor, remedyForAddon, systemFamily } from "./remedies.js";
import { composeRuntime, type RuntimeOptions } from "./runtime.js";
import { isMicrophoneInstalled, MICROPHONE_PACKAGE } from "./sources/microphone.js";
import { openStore, type VariantState } from "./store/store.js";
import { tryChild } from "./vetting/trial-start.js";
import { vettedModels, vettingOf } from "./vetting/vetted-models.js";

/** How well one thing works: fully, with something lost, or not at all. */
export type FindingState = "ok" | "limited" | "missing";

/** One thing the examination looked at. */
export interface Finding {
  readonly check: string;
  readonly state: FindingState;
  /** What was found, as a sentence. */
  readonly found: string;
  /** Why it is not `ok`; empty when it is. */
  readonly reasons: readonly string[];
  /** What to type or do on this operating system. */
  readonly fix?: string;
}

/** What `redline doctor` knows about a machine. */
export interface DoctorReport {
  readonly platform: string;
  /** Whether the main job, both pipelines side by side, can run here. */
  readonly canRun: boolean;
  readonly findings: readonly Finding[];
}

/** Where to look, for machines and tests that differ from the usual. */
export interface DoctorOptions extends Pick<RuntimeOptions, "provider" | "store"> {
  /** Stands in for `/sys`. */
  readonly sysRoot?: string;
  /** The ffmpeg program. Default: `ffmpeg`, found on the PATH. */
  readonly ffmpeg?: string;
}

/** The models of the main job: `redline run` without options. */
export const MAIN_JOB_MODELS = ["silero-vad", "road-seg"] as const;

/** The findings without which the main job cannot run. */
const ESSENTIAL = new Set(["node", "inference", ...MAIN_JOB_MODELS.map((model) => `model ${model}`)]);

/**
 * Examines this machine: loads the addon and ONNX Runtime, tries the thread priorities, runs one job, reads the store.
 * Downloads nothing. Never throws for something that is missing: that is a finding.
 *
 * @example
 * const report = await examine();
 * for (const { check, state, found, fix } of report.findings) console.log(check, state, found, fix ?? "");
 */
export async function examine(options: DoctorOptions = {}): Promise<DoctorReport> {
  const native = options.provider === "ort-node" ? withoutAddon() : loadNative();
  const findings: Finding[] = [
    nodeFinding(),
    addonFinding(native),
    await libraryFinding(native.addon),
    acceleratorFinding(),
    simdFinding(native.addon),
    opsFinding(),
    priorityFinding(native.addon),
    await vettingFinding(native.addon),
    await inferenceFinding(options),
    ...(await storeFindings(options)),
    await powerFinding(options),
    await ffmpegFinding(options),
    microphoneFinding(),
  ];
  const canRun = findings.every(({ check, state }) => state !== "missing" || !ESSENTIAL.has(check));
  return { platform: `${process.platform}-${process.arch}`, canRun, findings };
}

type Native = ReturnType<typeof loadNative>;

function withoutAddon(): Native {
  return { addon: null, reasons: ["the fallback was asked for"], faults: [] };
}

function fix(remedy: Parameters<typeof remedyFor>[0]): string {
  return remedyFor(remedy, { family: systemFamily() });
}

function nodeFinding(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const isEnough = major > 20 || (major === 20 && minor >= 19);
  const found = `Node ${process.versions.node} on ${process.platform}-${process.arch}`;
  if (isEnough) return { check: "node", state: "ok", found, reasons: [] };
  const reasons = ["Redline needs Node 20.19 or newer"];
  return { check: "node", state: "missing", found, reasons, fix: "install Node 22 from nodejs.org" };
}

function addonFinding(native: Native): Finding {
  if (native.addon !== null) {
    const found = `native host, interface ${native.addon.interfaceVersion}, ${native.path}`;
    // A place that was tried first and passed over is told even when a later one served.
    const passed = native.passed.filter(({ kind }) => kind !== "absent");
    return { check: "addon", state: "ok", found, reasons: passed.map(reasonOf) };
  }
  const found =
    "no native host: models run through onnxruntime-node in a process of their own, without thread priorities";
  const remedy = remedyForAddon(native.faults, { family: systemFamily() });
  return { check: "addon", state: "limited", found, reasons: native.reasons, fix: remedy };
}

async function libraryFinding(addon: NativeAddon | null): Promise<Finding> {
  const check = "onnxruntime";
  try {
    const path = findOrtLibrary();
    if (addon === null) return { check, state: "ok", found: `library at ${path}`, reasons: [] };
    const { version, providers, isReused } = await addon.loadOrt(path, ORT_API_VERSION);
    const origin = isReused ? "a copy already in the process" : path;
    return {
      check,
      state: "ok",
      found: `ONNX Runtime ${version} (${providers.join(", ")}), ${origin}`,
      reasons: [],
    };
  } catch (error) {
    const reasons = [messageOf(error)];
    const hint = error instanceof RedlineError ? error.hint : undefined;
    const found = "no ONNX Runtime library that can be used";
    return { check, state: "missing", found, reasons, fix: hint ?? remedyForLibrary(messageOf(error)) };
  }
}

/** What `onnxruntime-node-install=skip` leaves out: the library lists these providers even when their files are absent. */
function acceleratorFinding(): Finding {
  const check = "accelerators";
  let folder = "";
  try {
    folder = dirname(findOrtLibrary());
  } catch {
    return { check, state: "limited", found: "none: there is no ONNX Runtime library", reasons: [] };
  }
  // The npm package's script knows CUDA and TensorRT for this one platform; the CPU is all there is elsewhere.
  const isServed = process.platform === "linux" && process.arch === "x64";
  if (!isServed)
    return { check, state: "ok", found: "CPU; no other provider is used on this platform", reasons: [] };
  const absent = ["cuda", "tensorrt"].filter(
    (name) => !existsSync(join(folder, `libonnxruntime_providers_${name}.so`)),
  );
  if (absent.length === 0)
    return { check, state: "ok", found: "CUDA and TensorRT libraries are installed", reasons: [] };
  const reasons = [
    `${absent.join(" and ")}: not in the npm package; its install script would download them, and is skipped by onnxruntime-node-install=skip`,
  ];
  return { check, state: "limited", found: "CPU only", reasons, fix: fix("cuda") };
}

function simdFinding(addon: NativeAddon | null): Finding {
  const model = cpus()[0]?.model.trim() || "unknown processor";
  const found = `${addon === null ? "unknown without the addon" : addon.simd.join(", ") || "none"} (${model}, ${cpus().length} cores)`;
  return { check: "simd", state: addon === null ? "limited" : "ok", found, reasons: [] };
}

/** What the fused ops may run in; which of them runs each form is measured at its first use. */
function opsFinding(): Finding {
  const check = "ops";
  const names = sharedOps().implementations.filter((name) => name !== "reference");
  const found = `${names.join(", ") || "TypeScript alone"}: before and after networks`;
  if (names.some((name) => name.startsWith("native"))) return { check, state: "ok", found, reasons: [] };
  const reasons = loadKernels().passed.map(({ flavour, reason }) => `wasm ${flavour}: ${reason}`);
  return { check, state: "limited", found, reasons: ["native ops need the addon", ...reasons] };
}

function priorityFinding(addon: NativeAddon | null): Finding {
  const check = "priority";
  if (addon === null) {
    const reasons = ["thread priorities need the native host"];
    return { check, state: "limited", found: "no priorities", reasons, fix: fix("compiler") };
  }
  const regimes = addon.probeRegimes();
  const found = CRITICALITIES.map((name) => `${name}: ${regimes[name]}`).join(", ");
  if (regimes.critical === "raised") return { check, state: "ok", found, reasons: [] };
  const distinct = new Set(CRITICALITIES.map((name) => regimes[name])).size;
  const reasons = [
    distinct === CRITICALITIES.length
      ? "raising a thread needs a privilege; classes still preempt each other by lower priorities"
      : "this system does not let classes have different priorities",
  ];
  return { check, state: "limited", found, reasons, fix: fix("priority") };
}

/** Where new models are tried before this process opens them. */
async function vettingFinding(addon: NativeAddon | null): Promise<Finding> {
  const check = "vetting";
  const { startMs, reason } = await tryChild({ addon });
  if (startMs !== null) {
    const found = `new models are tried in the child program, which was ready in ${startMs.toFixed(0)} ms`;
    return { check, state: "ok", found, reasons: [] };
  }
  const found = "new models are tried in a Node fork, which starts more slowly and cannot stop a run";
  return { check, state: "limited", found, reasons: [reason], fix: fix("compiler") };
}

/** One real run: the bundled driving model on an empty picture, through whatever provider a user would get. */
async function inferenceFinding(options: DoctorOptions): Promise<Finding> {
  const check = "inference";
  try {
    await using runtime = await composeRuntime({
      store: { ...options.store, offline: true },
      ...(options.provider === undefined ? {} : { provider: options.provider }),
    });
    const session = await runtime.open("road-seg");
    const inputs = Object.fromEntries(
      session.inputs.map(({ name, shape }) => [name, new Float32Array(shape.reduce<number>(multiply, 1))]),
    );
    const outcome = await session.run(inputs);
    outcome.release();
    if (outcome.status !== "done") {
      const reasons = [
        `${outcome.status} / ${outcome.reason}`,
        ...(outcome.message ? [outcome.message] : []),
      ];
      return { check, state: "missing", found: "a first run did not finish", reasons };
    }
    const milliseconds = ((outcome.settledUs - outcome.startedUs) / 1000).toFixed(1);
    const found = `${session.model}@${session.variant} ran on ${session.device} in ${milliseconds} ms by ${runtime.provider.name}`;
    return { check, state: "ok", found, reasons: [] };
  } catch (error) {
    const hint = error instanceof RedlineError ? error.hint : undefined;
    const finding = {
      check,
      state: "missing",
      found: "no model could be run",
      reasons: [messageOf(error)],
    } as const;
    return hint === undefined ? finding : { ...finding, fix: hint };
  }
}

function multiply(product: number, dimension: number | string): number {
  return typeof dimension === "number" ? product * dimension : product;
}

async function storeFindings(options: DoctorOptions): Promise<Finding[]> {
  await using store = openStore(options.store);
  const where = `${store.root}${store.isOffline ? ", offline" : ""}`;
  try {
    const states = await store.verify();
    const damaged = states.filter(({ state }) => state === "damaged");
    const ready = states.filter(({ state }) => state === "ok").length;
    const health: Finding = {
      check: "store",
      state: damaged.length === 0 ? "ok" : "limited",
      found: `${where}: ${ready} of ${states.length} files ready, ${damaged.length} damaged`,
      reasons: damaged.map(({ path }) => `${path} does not have its sha256`),
      ...(damaged.length === 0 ? {} : { fix: "redline models verify --repair" }),
    };
    const models = MAIN_JOB_MODELS.map((model) => {
      const mine = states.filter((state) => state.model === model);
      // After a rollback the catalogue's version need not be here: the kept one is used.
      const usable = mine.find((one) => one.state === "ok" && one.variantId === mine[0]?.variantId);
      return modelFinding({ model, first: usable ?? mine[0], isOffline: store.isOffline });
    });
    return [health, ...models, await verdictFinding(store.root, states)];
  } catch (error) {
    return [{ check: "store", state: "limited", found: where, reasons: [messageOf(error)] }];
  }
}

/** How the models of the main job stand with vetting, and every refusal that is remembered. */
async function verdictFinding(root: string, states: readonly VariantState[]): Promise<Finding> {
  const check = "verdicts";
  const verdicts = await vettedModels({ root });
  const words = MAIN_JOB_MODELS.flatMap((model) => {
    const first = states.find((one) => one.model === model && one.state === "ok");
    return first === undefined ? [] : [`${model} ${vettingOf(first, verdicts).state}`];
  });
  const refused = verdicts.filter(({ state, isCurrent }) => state === "refused" && isCurrent);
  const found = words.length === 0 ? "no model is here to be tried" : words.join(", ");
  if (refused.length === 0) return { check, state: "ok", found, reasons: [] };
  const reasons = refused.map(({ model, code, path }) => `${model} was refused, ${code}: ${path}`);
  const again = "delete that file to have the model tried again";
  return { check, state: "limited", found: `${found}; ${refused.length} refused`, reasons, fix: again };
}

function modelFinding(given: {
  model: string;
  first: { readonly state: string; readonly path: string; readonly bytes: number } | undefined;
  isOffline: boolean;
}): Finding {
  const { model, first, isOffline } = given;
  const check = `model ${model}`;
  if (first?.state === "ok") return { check, state: "ok", found: first.path, reasons: [] };
  const reasons = [first === undefined ? "the catalogue has no such model" : `its file is ${first.state}`];
  if (first === undefined || isOffline) {
    const advice = `on a machine with a network: redline models export DIR ${model}; here: redline models import DIR`;
    return { check, state: "missing", found: "not usable", reasons, fix: advice };
  }
  const found = "not in the store yet; its first use fetches it";
  return { check, state: "limited", found, reasons, fix: `redline models pull ${model}` };
}

/** The meters of energy and power; the modelled one is always there and is no finding. */
async function powerFinding({ sysRoot }: DoctorOptions): Promise<Finding> {
  const check = "power";
  const survey = await examinePower(sysRoot === undefined ? {} : { sysRoot });
  const { source, batteryPercent } = survey.supply;
  const meters = survey.meters.filter(({ kind }) => kind !== "model");
  const readable = meters.filter(({ watts }) => watts !== "unknown");
  const charge = batteryPercent === undefined ? "" : ` (battery ${batteryPercent.toFixed(0)} %)`;
  const { figure, from } = survey.package;
  const draw =
    figure.watts === "unknown" ? "unknown" : `${figure.watts.toFixed(1)} W ${figure.source} by ${from}`;
  const found = `${source}${charge}; ${readable.length} of ${meters.length} power meters readable; package ${draw}`;
  if (source !== "unknown" && figure.source === "measured") return { check, state: "ok", found, reasons: [] };
  const closed = meters.find(({ fix }) => fix !== undefined);
  const reasons = [
    ...(source === "unknown" ? ["the system lists no power supply"] : []),
    ...(meters.length === 0
      ? ["the system has no power meter: figures are estimated from processor time"]
      : []),
    ...meters
      .filter(({ watts }) => watts === "unknown")
      .slice(0, 3)
      .map(({ reason }) => reason),
  ];
  return {
    check,
    state: "limited",
    found,
    reasons,
    ...(closed?.fix === undefined ? {} : { fix: closed.fix }),
  };
}

async function ffmpegFinding(options: DoctorOptions): Promise<Finding> {
  const check = "ffmpeg";
  try {
    const { stdout } = await promisify(execFile)(options.ffmpeg ?? "ffmpeg", ["-version"], {
      timeout: 10_000,
    });
    return { check, state: "ok", found: stdout.split("\n")[0] ?? "present", reasons: [] };
  } catch {
    const reasons = [
      "no ffmpeg on the PATH: MP4 and other clips cannot be read; images, Y4M and raw frames can",
    ];
    return { check, state: "limited", found: "absent", reasons, fix: fix("ffmpeg") };
  }
}

function microphoneFinding(): Finding {
  const check = "microphone";
  if (isMicrophoneInstalled())
    return { check, state: "ok", found: `${MICROPHONE_PACKAGE} is installed`, reasons: [] };
  const reasons = ["it is an optional package, needed only to listen to a microphone"];
  return { check, state: "limited", found: "absent", reasons, fix: `npm install ${MICROPHONE_PACKAGE}` };
}

function messageOf(error: unknown): string {
  return error instanceof Error || error instanceof RedlineError ? error.message : String(error);
}
