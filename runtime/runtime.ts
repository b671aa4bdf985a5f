// The composition root: builds store, providers, scheduler and telemetry, opens sessions, closes all in reverse.
// Knows no pipeline. Invariant: whatever `composeRuntime` or `open` started is gone when `close` resolves.

import { availableParallelism } from "node:os";
import type { NativeAddon } from "./bindings/addon.js";
import { findOrtLibrary, loadNative, ortPackageVersion } from "./bindings/load.js";
import { SystemClock } from "./bindings/system-clock.js";
import type { Clock } from "./core/clock.js";
import { RedlineError } from "./core/errors.js";
import { type EventKind, eventOf } from "./core/events.js";
import type { OpenOptions } from "./open-request.js";
import { type FrozenPower, freezePower, type PowerOptions } from "./power/power-policy.js";
import type { PowerStats } from "./power/power-watch.js";
import { NativeProvider } from "./providers/ort/native-provider.js";
import { OrtNodeProvider } from "./providers/ort-node/ort-node-provider.js";
import type { Provider, ProviderName } from "./providers/provider.js";
import type { MemorySharing } from "./providers/slot-memory.js";
import { remedyForAddon, systemFamily } from "./remedies.js";
import { RuntimeAdmission } from "./runtime-admission.js";
import { RuntimePower, rulesUnder, withoutPower } from "./runtime-power.js";
import { RuntimeScheduler } from "./runtime-scheduler.js";
import { LaneAssignment } from "./scheduler/lane-assignment.js";
import { SessionOpener } from "./session-opener.js";
import { scanNonFinite } from "./sessions/input-check.js";
import { OpensUnderWay } from "./sessions/opens-under-way.js";
import type { Session, SessionStats } from "./sessions/session.js";
import { SessionRegister } from "./sessions/session-register.js";
import { openStore, type Store, type StoreOptions } from "./store/store.js";
import { EventHub } from "./telemetry/event-hub.js";
import { ProgramFirst } from "./vetting/program-first.js";
import { VettedProvider } from "./vetting/vetted-provider.js";

// More lanes of one class than this only cost threads: machines with more cores still share their memory bus.
const MOST_LANES_PER_CLASS = 4;

/** How a runtime is built. Everything has a default. */
export interface RuntimeOptions {
  /** Default: `ort`, the native host, when the addon loads; else `ort-node`, the fallback in forked processes. */
  readonly provider?: "ort" | "ort-node";
  /** Where models are kept, whether the network may be used, who is told of downloads. */
  readonly store?: StoreOptions;
  /**
   * Gives critical lanes real-time priority where the system permits it: nothing ordinary pauses a run then, and a critical
   * model that is busy for long keeps the rest of the program, JavaScript and voice included, off its processor. Lanes of an
   * earlier runtime stay as they are. Default false: critical lanes are raised above ordinary threads.
   */
  readonly realTime?: boolean;
  /** Lanes of each criticality class. Default: the number of cores, at most 4. */
  readonly lanesPerClass?: number;
  /**
   * `shared` slots lie in SharedArrayBuffers, which any worker may see; `private` ones in ordinary ArrayBuffers, for
   * hosts that refuse shared memory. Default: `shared` where the platform offers it.
   */
  readonly slotMemory?: MemorySharing;
  /**
   * `on`: the first open of a new model, or of one with other options, tries it in a process of its own (several
   * opens, its manifest's golden vectors, limits of time and memory) and remembers the verdict; what then is opened is
   * the optimised graph that was tried. `off`: a model that crashes, hangs or takes all memory does so in this process,
   * outputs are not held against golden vectors, and every open optimises anew. Default `on`.
   */
  readonly vetting?: "on" | "off";
  /**
   * Bytes that the models of all sessions may take together, counted by their files. Beyond it a session that is held back, or
   * stands on another rung, lets go of models it does not use and opens them anew when it comes back; then the least critical
   * ones go down their ladders. Never while a critical job is under way. Default: no limit.
   */
  readonly memory?: number;
  /**
   * Watches what the package draws and how hot it is, against a budget: see `stats().power`. Default: nothing is read
   * and no budget holds.
   */
  readonly power?: PowerOptions;
}

/**
 * Every model of one program, under contracts.
 *
 * @example
 * const runtime = await createRuntime();
 * const vad = await runtime.open("silero-vad", { contract: { periodMs: 32, criticality: "interactive" } });
 * console.log(vad.inputs.map((input) => input.name), runtime.stats());
 * await runtime.close();
 */
export interface Runtime extends AsyncDisposable {
  /** The process-wide monotonic clock, in microseconds: the one `capturedUs` is read from. */
  readonly clock: Clock;
  readonly store: Store;
  /** Every settle, drop, cancel, load and refusal. */
  readonly events: EventHub;
  /** Which provider runs graphs here, and why not the native host when it does not. */
  readonly provider: { readonly name: ProviderName; readonly reasons: readonly string[] };
  /**
   * Opens a model by name (`silero-vad`), by name and variant (`road-seg@int8-320`), by path, or from its bytes.
   * The first open of a model is slower: see `vetting`.
   * @throws RedlineError `CONTRACT_INVALID`, `PLAN_INFEASIBLE`, `MODEL_*`, `STORE_*`, `MANIFEST_*`, `PROVIDER_*`, or `RUNTIME_CLOSED`,
   * also when the runtime is closed while the open is under way.
   */
  open(model: string | Uint8Array, options?: OpenOptions): Promise<Session>;
  /**
   * Statistics of the last closed sessions, as they were when they closed, then of the open ones. Of closed sessions the
   * last 256 are kept, so that a program may open sessions for years.
   */
  stats(): {
    readonly sessions: readonly SessionStats[];
    /** What the package draws, its budget and where the energy went; absent unless `power` was asked for. */
    readonly power?: PowerStats;
  };
  /**
   * Another budget for the package from now on, in watts. Window, preset and bands stay as they were given.
   * @throws RedlineError `BUDGET_INVALID` for a budget that makes no sense, or on a runtime without `power`.
   */
  setPackageWatts(packageWatts: number): void;
  /**
   * Ends the opens under way, settles every job, frees every session, ends every thread and process of the runtime.
   * Idempotent.
   */
  close(): Promise<void>;
}

/**
 * Builds a runtime. Loads the native addon if it can; otherwise falls back and says so in `runtime.provider`.
 * @throws RedlineError `PROVIDER_UNAVAILABLE` when `provider: "ort"` is demanded and the addon cannot be loaded, or
 * `BUDGET_INVALID`.
 */
export async function composeRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  const power = options.power === undefined ? undefined : freezePower(options.power);
  const native =
    options.provider === "ort-node"
      ? ({ addon: null, reasons: ["ort-node was asked for"], faults: [] } as const)
      : loadNative();
  if (options.provider === "ort" && native.addon === null) {
    const remedy = remedyForAddon(native.faults, { family: systemFamily() });
    throw new RedlineError("PROVIDER_UNAVAILABLE", {
      what: "the native addon",
      received: native.reasons.join("; "),
      hint: `${remedy}; or leave \`provider\` out to use the fallback`,
    });
  }
  const runtime = new ComposedRuntime(native, options);
  if (power !== undefined) await runtime.watchPower(power);
  return runtime;
}

// An alarm of the event loop holds its clock: made inside the constructor below, a clock would hold all that the constructor can
// see, and a runtime that was dropped without being closed would never be collected.
const clockOf = (addon: NativeAddon): Clock => new SystemClock(() => addon.nowUs());
const withoutHold = (clock: Clock): Clock => new SystemClock(() => clock.nowUs(), { holdsProcess: false });

type Native = { readonly addon: NativeAddon } | { readonly addon: null; readonly reasons: readonly string[] };

class ComposedRuntime implements Runtime {
  readonly clock: Clock;
  readonly store: Store;
  readonly events = new EventHub();
  readonly provider: Runtime["provider"];
  private readonly graphs: Provider;
  private readonly nulls: Provider | undefined;
  private readonly opener: SessionOpener;
  private readonly scheduler: RuntimeScheduler;
  private readonly isRealTime: boolean;
  private readonly sessions = new SessionRegister();
  private readonly opens = new OpensUnderWay();
  private power: RuntimePower | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly native: Native,
    options: RuntimeOptions,
  ) {
    const sharing = options.slotMemory ?? (typeof SharedArrayBuffer === "undefined" ? "private" : "shared");
    this.store = openStore(options.store);
    const { addon } = native;
    const { vetting: mode = "on" } = options;
    const onVetted = ({ detail }: { detail: string }): void => this.emit("model.vet", { detail });
    const vetting = { mode, addon, root: this.store.root, onVetted, signal: this.opens.signal };
    if (addon) {
      this.clock = clockOf(addon);
      const shared = { addon, ortLibraryPath: findOrtLibrary, sharing };
      const graphs = new NativeProvider({ name: "ort", ...shared });
      const vetted = new VettedProvider(graphs, { ...vetting, ortVersion: () => graphs.libraryVersion() });
      const programs = new NativeProvider({ name: "program", ...shared });
      this.graphs = new ProgramFirst({ programs, graphs: vetted });
      this.nulls = new NativeProvider({ name: "null", ...shared });
    } else {
      this.clock = new SystemClock();
      const graphs = new OrtNodeProvider(this.clock);
      this.graphs = new VettedProvider(graphs, { ...vetting, ortVersion: async () => ortPackageVersion() });
    }
    this.provider = { name: this.graphs.name, reasons: native.addon ? [] : native.reasons };
    const { clock, events, graphs, nulls, provider, store, sessions, opens } = this;
    const cores = availableParallelism();
    const lanes = new LaneAssignment(options.lanesPerClass ?? Math.min(MOST_LANES_PER_CLASS, cores));
    const admission = new RuntimeAdmission({
      storeRoot: store.root,
      ...{ clock, lanes, nulls, cores },
      ground: { provider: provider.name, simd: addon?.simd ?? [] },
      regimes: () => addon?.probeRegimes(),
      power: () =>
        this.power && { budgetWatts: this.power.pressure().budgetWatts, calibration: this.power.calibration },
      onSettled: (told) => events.subscribe(({ status }) => (status === "" ? undefined : told())),
      signal: opens.signal,
    });
    this.scheduler = new RuntimeScheduler({
      clock: withoutHold(clock),
      events,
      providers: nulls ? [graphs, nulls] : [graphs],
      admit: (asks) => admission.port(asks),
      ...(options.memory === undefined ? {} : { memoryBytes: checkMemory(options.memory) }),
      ...(options.power === undefined ? {} : { rules: rulesUnder(freezePower(options.power)) }),
    });
    this.opener = new SessionOpener({
      providers: { graphs, nulls, reasons: provider.reasons },
      store,
      sessions,
      opens,
      events,
      clock,
      scheduler: this.scheduler,
      admission,
      hasNonFinite: addon ? (view) => addon.hasNonFinite(view) : scanNonFinite,
    });
    this.isRealTime = options.realTime === true;
    if (this.isRealTime) addon?.setRealTime(true);
    this.emit("runtime.open", { detail: this.provider.name });
  }

  /** Called once, before the runtime is handed out. */
  async watchPower(power: FrozenPower): Promise<void> {
    this.power = await RuntimePower.open({ power, clock: this.clock, events: this.events });
    this.scheduler.watchBudget(this.power);
  }

  async open(model: string | Uint8Array, options: OpenOptions = {}): Promise<Session> {
    const label = options.name ?? (typeof model === "string" ? model : "bytes");
    try {
      // A limit that nobody reads would be kept by nobody.
      if (options.contract?.energyMj !== undefined && this.power === undefined)
        throw withoutPower("CONTRACT_INVALID", "contract.energyMj");
      const session = await this.opens.run(label, () => this.opener.open(model, options));
      this.power?.announce(session.name, session.contract);
      return session;
    } catch (error) {
      const detail = error instanceof RedlineError ? error.code : "INTERNAL";
      this.emit("session.refuse", { session: label, detail });
      throw error;
    }
  }

  stats(): ReturnType<Runtime["stats"]> {
    const sessions = this.sessions.stats();
    return this.power === undefined ? { sessions } : { sessions, power: this.power.stats() };
  }

  setPackageWatts(packageWatts: number): void {
    if (this.power === undefined) throw withoutPower("BUDGET_INVALID", "power.packageWatts");
    this.power.setPackageWatts(packageWatts);
  }

  close(): Promise<void> {
    this.closing ??= this.closeAll();
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async closeAll(): Promise<void> {
    // The providers last: what an open under way uses must be there until it has given up.
    const others = [this.opens.end(), this.store.close()];
    await Promise.all([...others, ...this.sessions.open.map((session) => session.close())]);
    this.scheduler.close();
    await this.power?.close();
    await this.graphs.close();
    await this.nulls?.close();
    if (this.isRealTime) this.native.addon?.setRealTime(false);
    this.emit("runtime.close", {});
  }

  private emit(kind: EventKind, fields: { session?: string; detail?: string }): void {
    this.events.emit(eventOf({ kind, atUs: this.clock.nowUs(), ...fields }));
  }
}

function checkMemory(bytes: number): number {
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new RedlineError("PROVIDER_OPTION", {
    what: "memory",
    expected: "a whole number of bytes above 0",
    received: String(bytes),
  });
}
