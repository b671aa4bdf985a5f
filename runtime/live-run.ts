// Owns the main job: a voice and a driving pipeline side by side in real time, and the verdict on each contract.
// Knows no terminal and no arithmetic of a verdict. Invariant: every frame due after the warm-up is counted once, those never submitted as dropped.

import { cpus } from "node:os";
import { join } from "node:path";
import { type ContractRecord, ContractTally } from "./contract-record.js";
import { sleepUntil } from "./core/clock.js";
import type { Contract } from "./core/contract.js";
import { RedlineError } from "./core/errors.js";
import type { LadderStep } from "./core/rung.js";
import { elementCount } from "./core/tensor.js";
import type { RoadEvent } from "./driving/road-event.js";
import { watchRoad } from "./driving/watch-road.js";
import { LivePower, type PowerGoal, type PowerRecord } from "./live-power.js";
import { openPromiseFirst } from "./open-promise-first.js";
import type { OpenOptions } from "./open-request.js";
import type { Runtime } from "./runtime.js";
import type { Session } from "./sessions/session.js";
import { openAudio } from "./sources/audio-input.js";
import { paceAudio, repeatAudio } from "./sources/audio-pace.js";
import { openFrames } from "./sources/frame-input.js";
import { paced } from "./sources/paced.js";
import { bundledCatalogue } from "./store/catalogue.js";
import type { GateRules } from "./voice/energy-gate.js";
import { listen, type VoiceEvent } from "./voice/listen.js";
import { SPEECH_RATE_HZ } from "./voice/resample.js";

/** What runs, on what input, for how long. Everything has a default; the inputs' are the bundled samples. */
export interface LiveRunOptions {
  readonly runtime: Runtime;
  /** Length of the measurement in seconds. Default 20. */
  readonly seconds?: number;
  /** A WAV file, played over and over, or `mic`. */
  readonly audio?: string;
  /** A folder of images, a Y4M file or a clip, played over and over. */
  readonly frames?: string;
  /** The voice-activity model. Default `silero-vad`. */
  readonly voiceModel?: string;
  /** The driving model, by name or path. Default `road-seg`. */
  readonly drivingModel?: string;
  /** Default: 32 ms period and deadline, interactive. */
  readonly voiceContract?: Contract;
  /** Default: 50 ms period and deadline, critical. */
  readonly drivingContract?: Contract;
  /** Threads of one driving job. Default: `auto`, as many as its deadline asks for. */
  readonly drivingThreads?: number | "auto";
  /** Default: on. */
  readonly gate?: GateRules | "off";
  /** Adds a background session that runs the driving model in a closed loop, to see what contracts are worth. */
  readonly hog?: "off" | "driving-model";
  /**
   * `promised`: contracts are asked for as promises, and where one cannot be shown that session runs as best effort, or all do
   * where it would disturb the others in its own class: `promises` says so. `best-effort`: nothing is asked. Default
   * `promised`.
   */
  readonly admit?: "promised" | "best-effort";
  /**
   * What the package may draw: watts, or a share of what the same load draws without a budget, which is measured first. The
   * runtime must watch power. The background session then has a ladder to pay with. Default: no budget.
   */
  readonly power?: PowerGoal;
  /** Ends the run early; what was measured so far is reported. */
  readonly signal?: AbortSignal;
  /** Told of everything the pipelines find, as it happens. Must not throw. */
  readonly onEvent?: (event: LiveEvent) => void;
}

/** A pipeline's event and the session it came from. */
export type LiveEvent = { readonly session: string; readonly event: VoiceEvent | RoadEvent };

/** Whether a session's contract was a promise. */
export interface PromiseRecord {
  readonly session: string;
  readonly promise: "promised" | "best-effort";
  /** The arithmetic of the promise, or of what kept it from being one. */
  readonly because: string;
}

/** The machine and the way models ran on it. */
export interface MachineRecord {
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly provider: string;
  /** Processor time of the whole process as a share of one core since the warm-up. */
  readonly processCpuShare: number;
}

/** The state of a live run, now or at its end. */
export interface LiveRunReport {
  readonly contracts: readonly ContractRecord[];
  /** What was promised, in the order of the contracts; the verdicts count either way. */
  readonly promises: readonly PromiseRecord[];
  /** The background session, if there is one: it has no promise to keep. */
  readonly background: readonly ContractRecord[];
  readonly machine: MachineRecord;
  /** The budget and what became of it, where `power` was given. */
  readonly power?: PowerRecord;
  readonly seconds: number;
  readonly kept: boolean;
}

/** A run under way. */
export interface LiveRun {
  /** The record so far; cheap enough to ask several times a second. */
  report(): LiveRunReport;
  /** Resolves with the final record, or rejects with what ended a pipeline early. */
  readonly finished: Promise<LiveRunReport>;
}

const VOICE_CONTRACT: Contract = { periodMs: 32, deadlineMs: 32, criticality: "interactive" };
const DRIVING_CONTRACT: Contract = { periodMs: 50, deadlineMs: 50, criticality: "critical", late: "cancel" };

/** What the background session can do without, least first. */
const HOG_LADDER: readonly LadderStep[] = [{ rate: 1 / 2 }, { rate: 1 / 4 }, "off"];

/** Runs before the measurement: a first run pages memory in and sizes arenas, and is no sign of the ones after it. */
export const WARM_UP_RUNS = 5;

/**
 * Starts both pipelines in real time. Resolves when both sessions are open and warm and the first frames are due.
 *
 * Errors: those of `runtime.open`, and of the sources while running (through `finished`).
 *
 * @example
 * const run = await startLiveRun({ runtime, seconds: 5 });
 * const { contracts, kept } = await run.finished;
 * console.log(kept, contracts.map(({ session, misses, n }) => `${session}: ${misses} of ${n}`));
 */
export async function startLiveRun(options: LiveRunOptions): Promise<LiveRun> {
  await lookAtInputs(options);
  const sessions = await openSessions(options, options.admit ?? "promised");
  const { voice, driving, hog } = sessions;
  await warmUp([voice, driving, ...(hog === undefined ? [] : [hog])]);
  return new SideBySide(options, sessions);
}

interface Sessions {
  readonly voice: Session;
  readonly driving: Session;
  readonly hog: Session | undefined;
  readonly promises: readonly PromiseRecord[];
}

/**
 * Opens what the run needs. Where a session without a promise would have to leave its class, or one would break what is
 * promised to another, nothing is promised to anybody: the run shows what its classes are worth.
 */
async function openSessions(
  options: LiveRunOptions,
  admit: NonNullable<LiveRunOptions["admit"]>,
): Promise<Sessions> {
  const { runtime, drivingModel = "road-seg", voiceModel = "silero-vad", signal } = options;
  const opened: Session[] = [];
  const promises: PromiseRecord[] = [];
  const open = async (model: string, given: OpenOptions): Promise<Session> => {
    const all = signal === undefined ? given : { ...given, signal };
    const { session, refused } =
      admit === "promised" && given.contract !== undefined
        ? await openPromiseFirst(runtime, model, all)
        : { session: await runtime.open(model, { ...all, admit: "best-effort" }), refused: undefined };
    opened.push(session);
    const { promise, because } = session.plan;
    if (given.contract !== undefined)
      promises.push({ session: session.name, promise, because: refused ?? because });
    return session;
  };
  const startOver = async (because: string): Promise<Sessions> => {
    for (const session of opened) await session.close();
    const sessions = await openSessions(options, "best-effort");
    return { ...sessions, promises: sessions.promises.map((record) => ({ ...record, because })) };
  };
  const voice = await open(voiceModel, {
    name: "voice",
    contract: options.voiceContract ?? VOICE_CONTRACT,
    inline: "when-short",
  });
  try {
    const driving = await open(drivingModel, {
      name: "driving",
      contract: options.drivingContract ?? DRIVING_CONTRACT,
      threads: options.drivingThreads ?? "auto",
    });
    const { plan, contract } = driving;
    if (admit === "promised" && plan.laneClass !== contract.criticality)
      return startOver(promises.at(-1)!.because);
    if (options.hog !== "driving-model") return { voice, driving, hog: undefined, promises };
    const payer = options.power === undefined ? {} : { ladder: HOG_LADDER };
    return { voice, driving, hog: await open(drivingModel, { name: "hog", ...payer }), promises };
  } catch (error) {
    const isRefusal = error instanceof RedlineError && error.code === "PLAN_INFEASIBLE";
    // What stands in the way of a run that asks for nothing was promised to somebody else.
    if (isRefusal && admit === "promised") return startOver(error.what ?? error.code);
    throw error;
  }
}

/** The two pipelines while they run. */
class SideBySide implements LiveRun {
  readonly finished: Promise<LiveRunReport>;
  readonly #options: LiveRunOptions;
  readonly #tallies: ReadonlyMap<string, ContractTally>;
  readonly #hogName: string | undefined;
  readonly #promises: readonly PromiseRecord[];
  readonly #startedUs: number;
  readonly #startedCpu = process.cpuUsage();
  readonly #stop = new AbortController();
  #power: LivePower | undefined;
  #endedUs: number | undefined;
  #endedCpu: NodeJS.CpuUsage | undefined;

  constructor(options: LiveRunOptions, sessions: Sessions) {
    this.#options = options;
    this.#startedUs = options.runtime.clock.nowUs();
    const all = [sessions.voice, sessions.driving, ...(sessions.hog === undefined ? [] : [sessions.hog])];
    this.#tallies = new Map(all.map((session) => [session.name, new ContractTally(session)]));
    this.#hogName = sessions.hog?.name;
    this.#promises = sessions.promises;
    this.finished = this.#run(sessions);
  }

  report(): LiveRunReport {
    const { runtime } = this.#options;
    const elapsedUs = Math.max(1, (this.#endedUs ?? runtime.clock.nowUs()) - this.#startedUs);
    const records = [...this.#tallies.values()].map((tally) => tally.read(elapsedUs));
    const contracts = records.filter(({ session }) => session !== this.#hogName);
    const { user, system } = this.#endedCpu ?? process.cpuUsage(this.#startedCpu);
    return {
      contracts,
      promises: this.#promises,
      background: records.filter(({ session }) => session === this.#hogName),
      machine: {
        platform: `${process.platform}-${process.arch}`,
        cpu: cpus()[0]?.model.trim() ?? "unknown",
        cores: cpus().length,
        node: process.versions.node,
        provider: runtime.provider.name,
        processCpuShare: (user + system) / elapsedUs,
      },
      ...(this.#power === undefined ? {} : { power: this.#power.record() }),
      seconds: elapsedUs / 1e6,
      kept: contracts.every(({ kept }) => kept),
    };
  }

  async #run(sessions: Sessions): Promise<LiveRunReport> {
    const { runtime, signal, seconds = 20, power } = this.#options;
    const stop = (): void => this.#stop.abort();
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted === true) stop();
    const alarm = runtime.clock.setAlarm(this.#startedUs + Math.round(seconds * 1e6), stop);
    const unsubscribe = runtime.events.subscribe((event) =>
      this.#tallies.get(event.session)?.counters.count(event),
    );
    let lost: Error | undefined;
    const onLost = (error: Error): void => {
      lost = error;
      stop();
    };
    try {
      if (power !== undefined) this.#power = new LivePower(runtime, power, { seconds, onLost });
      // One pipeline that ends, by an error or a live source that went away, ends the run.
      await Promise.all([
        this.#listen(sessions.voice).finally(stop),
        this.#drive(sessions.driving).finally(stop),
        ...(sessions.hog === undefined ? [] : [this.#burn(sessions.hog)]),
      ]);
    } finally {
      alarm.cancel();
      this.#power?.end();
      signal?.removeEventListener("abort", stop);
      unsubscribe();
      this.#endedUs = runtime.clock.nowUs();
      this.#endedCpu = process.cpuUsage(this.#startedCpu);
    }
    if (lost !== undefined) throw lost;
    return this.report();
  }

  async #listen(session: Session): Promise<void> {
    const { runtime, audio = sample("voice.wav"), gate, onEvent } = this.#options;
    const { clock } = runtime;
    const { signal } = this.#stop;
    const source =
      audio === "mic"
        ? openAudio(audio, { clock })
        : paceAudio(
            repeatAudio(() => openAudio(audio, { clock })),
            { clock, signal },
          );
    const options = {
      session,
      source,
      clock,
      signal,
      mode: "live",
      ...(gate === undefined ? {} : { gate }),
    } as const;
    for await (const event of listen(options)) onEvent?.({ session: session.name, event });
  }

  async #drive(session: Session): Promise<void> {
    const { runtime, frames = sample("drive"), onEvent } = this.#options;
    const { clock } = runtime;
    const tally = this.#tallies.get(session.name)!;
    const { periodUs } = session.contract;
    const camera = paced(await openFrames(frames, { clock }), { clock, periodUs, loop: true });
    tally.camera = camera;
    for await (const event of watchRoad({
      session,
      source: camera,
      clock,
      pace: "live",
      signal: this.#stop.signal,
    })) {
      // A frame that stands on no rung never reached the session: the supervisor refused it.
      if (event.type === "frame" && event.rung === null) tally.refused += 1;
      onEvent?.({ session: session.name, event });
    }
  }

  /**
   * Runs the session again as soon as it has settled, until the run ends. A job that is left out takes as long as the last
   * one that ran, so that half the rate is half the load and a suspended session waits.
   */
  async #burn(session: Session): Promise<void> {
    const { clock } = this.#options.runtime;
    const { signal } = this.#stop;
    const inputs = emptyInputs(session);
    let ranUs = 1000;
    while (!signal.aborted) {
      const outcome = await session.run(inputs, { signal });
      outcome.release();
      if (outcome.startedUs >= 0) ranUs = outcome.settledUs - outcome.startedUs;
      else await sleepUntil(clock.nowUs() + ranUs, { clock, signal });
    }
  }
}

/** Reads the first frame and chunk: a wrong input ends the run before it starts, and decoders are loaded when it does. */
async function lookAtInputs({
  runtime,
  audio = sample("voice.wav"),
  frames = sample("drive"),
}: LiveRunOptions): Promise<void> {
  const { clock } = runtime;
  for await (const _ of await openFrames(frames, { clock })) break;
  if (audio === "mic") return;
  for await (const _ of openAudio(audio, { clock })) break;
}

async function warmUp(sessions: readonly Session[]): Promise<void> {
  for (const session of sessions) {
    const inputs = emptyInputs(session);
    for (let run = 0; run < WARM_UP_RUNS; run++) (await session.run(inputs)).release();
  }
}

/** Inputs of zeros, with the constants of the manifest, in its shapes; without one in the graph's, open dimensions as one. */
function emptyInputs(session: Session) {
  return Object.fromEntries(
    session.inputs.map(({ name, dtype, shape: ofGraph }) => {
      const described = session.manifest?.inputs.find((input) => input.name === name);
      const shape = (described?.shape ?? ofGraph).map((size) => (typeof size === "number" ? size : 1));
      const length = elementCount(shape);
      if (dtype === "float32") return [name, { data: new Float32Array(length), shape }];
      if (dtype === "int64") {
        const value = typeof described?.value === "number" ? described.value : SPEECH_RATE_HZ;
        return [name, { data: new BigInt64Array(length).fill(BigInt(value)), shape }];
      }
      throw new RedlineError("MODEL_UNSUITABLE", {
        what: `input ${name} of ${session.model}`,
        expected: "float32 or int64",
        received: dtype,
      });
    }),
  );
}

function sample(name: string): string {
  return join(bundledCatalogue(), "samples", name);
}
