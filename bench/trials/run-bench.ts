// Owns a run of the bench: its loads in turn, each with every subject, in fresh processes, rows as they come. Measures nothing.
// Invariant: the null provider comes first; subjects of a load take turns; a disturbed trial is repeated once and never hidden.

import { RedlineError } from "../../runtime/core/errors.js";
import { openStore, type StoreOptions } from "../../runtime/store/store.js";
import { type ArmProcess, startArm } from "../harness/child.js";
import { turn } from "../harness/interleave.js";
import { readLoad, readMachine } from "../harness/machine.js";
import { fullRun, type LoadShape } from "./load-shape.js";
import type { BenchRow, BenchSummary, ResultRow } from "./result-rows.js";
import { foreignOf, type KeptTrial, type RowOf, resultRow, trialRow } from "./rows-of.js";
import {
  CONTROLS,
  PEERS,
  type SubjectName,
  type TrialRecord,
  type TrialRequest,
  type TrialSkip,
} from "./trial.js";
import { WARM_UP_RULE } from "./warm-up.js";

/** One load on one model. */
export interface BenchLoad {
  /** By name, name@variant or path. */
  readonly model: string;
  readonly shape: LoadShape;
  /** Measured time of each subject, all its trials together. */
  readonly seconds: number;
}

/** What to run and whom to tell. */
export interface BenchOptions {
  readonly loads: readonly BenchLoad[];
  /** Fresh processes for each subject of a load. Default 3. */
  readonly trials?: number;
  /** Beside Redline: the peers that are installed. Default false. */
  readonly peers?: boolean;
  /** Null provider and echo. Default true. */
  readonly controls?: boolean;
  /** The counts and seconds of MLPerf without early stopping. */
  readonly mlperf?: boolean;
  /** Threads of one of Redline's jobs. Default `auto`: as many as the deadline asks for. */
  readonly threads?: number | "auto";
  readonly seed?: number;
  /** Told of downloads and licences. Trials use the store of the environment. */
  readonly store?: Pick<StoreOptions, "onProgress" | "onLicence">;
  readonly onRow?: (row: BenchRow) => void;
  readonly onProgress?: (progress: BenchProgress) => void;
  /** Ends the run after the trial under way is ended; what was measured is told. */
  readonly signal?: AbortSignal;
}

/** How far a run is. */
export interface BenchProgress {
  readonly doneS: number;
  /** An estimate: starts, warm-ups and repetitions are guessed. */
  readonly totalS: number;
  readonly label: string;
}

/** Start, warm-up and end of a process, for the estimate of the remaining time. */
const OVERHEAD_S = 4;
const MOST_ATTEMPTS = 2;
const TOLD_EVERY_MS = 250;

/**
 * Runs the loads, one after the other, and answers the summary; rows go to `onRow` as they come.
 *
 * @throws RedlineError what opening the model throws.
 */
export async function runBench(options: BenchOptions): Promise<BenchSummary> {
  const run = new Date().toISOString();
  const startMs = performance.now();
  const { loads, onRow = () => {}, signal } = options;
  const { trials, peers, controls, mlperf, threads, seed } = options;
  const load = readLoad();
  onRow({
    type: "run",
    schema: 1,
    run,
    options: { trials, peers, controls, mlperf, threads, seed, loads: loads.map((load) => ({ ...load })) },
    warmUpRule: WARM_UP_RULE,
    machine: readMachine(),
    load: { ...load, loadAverage: [...load.loadAverage] },
  });
  await fetchModels(loads, options);
  const results: ResultRow[] = [];
  const progress = new Progress(options);
  for (const load of loads) {
    if (signal?.aborted === true) break;
    results.push(...(await new LoadRun({ run, load, options, progress }).measure()));
  }
  const own = results.filter(({ subject }) => subject === "redline");
  const summary: BenchSummary = {
    type: "summary",
    run,
    seconds: Math.round((performance.now() - startMs) / 100) / 10,
    results: results.length,
    areAllValid: own.length > 0 && own.every((row) => isValid(row, options)),
    verdicts: results.map(
      ({ subject, model, load, words }) => `${load.scenario} ${model} on ${subject}: ${words}`,
    ),
    isInterrupted: signal?.aborted === true,
  };
  onRow(summary);
  return summary;
}

/** A model that does not exist is told before anything is measured, and one that has to be fetched is fetched here. */
async function fetchModels(loads: readonly BenchLoad[], { store, signal }: BenchOptions): Promise<void> {
  const opened = openStore(store);
  try {
    const given = signal === undefined ? {} : { signal };
    for (const model of new Set(loads.map((load) => load.model))) await opened.resolve(model, given);
  } finally {
    await opened.close();
  }
}

/** Right answers, enough queries in time beside the misses, and of a run that is to count in full all of its queries. */
function isValid(
  { validity, wrongAnswers, latencyUs, load }: ResultRow,
  { mlperf = false }: BenchOptions,
): boolean {
  const isFull = !mlperf || latencyUs.n >= fullRun(load as LoadShape).queries;
  return isFull && wrongAnswers === 0 && (validity === null || validity.isValid);
}

/** The subjects of a load, controls first. */
export function subjectsOf({ peers = false, controls = true }: BenchOptions): SubjectName[] {
  return [...(controls ? CONTROLS : []), "redline", ...(peers ? PEERS : [])];
}

/** What a load's subjects are measured for: as asked, or as MLPerf asks. */
export function secondsOf({ shape, seconds }: BenchLoad, { mlperf = false }: BenchOptions): number {
  return mlperf ? Math.max(seconds, fullRun(shape).seconds) : seconds;
}

/** One load with all its subjects. */
class LoadRun {
  readonly #kept = new Map<SubjectName, KeptTrial[]>();
  readonly #skipped = new Set<SubjectName>();

  constructor(
    private readonly given: {
      readonly run: string;
      readonly load: BenchLoad;
      readonly options: BenchOptions;
      readonly progress: Progress;
    },
  ) {}

  async measure(): Promise<ResultRow[]> {
    const { options } = this.given;
    const { trials = 3, onRow = () => {} } = options;
    const subjects = subjectsOf(options);
    for (let trial = 0; trial < trials; trial++) {
      // The first round keeps its order, so that the null provider is the first thing that is measured.
      for (const subject of turn(subjects, trial)) {
        if (options.signal?.aborted === true) break;
        if (!this.#skipped.has(subject)) await this.#trial(subject, trial);
      }
    }
    const rows = subjects.flatMap((subject) => {
      const kept = this.#kept.get(subject);
      return kept === undefined ? [] : [resultRow(this.#of(subject), kept)];
    });
    for (const row of rows) onRow(row);
    return rows;
  }

  async #trial(subject: SubjectName, trial: number): Promise<void> {
    const { options } = this.given;
    const { onRow = () => {} } = options;
    let best: KeptTrial | undefined;
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const record = await this.#ask(subject, trial);
      if (record === undefined) return;
      if ("skipped" in record) {
        this.#skipped.add(subject);
        onRow({ type: "skip", ...this.#of(subject), why: record.skipped });
        return;
      }
      const foreign = foreignOf(record);
      onRow(trialRow(this.#of(subject), { record, foreign, trial, attempt }));
      if (best === undefined || (foreign.share ?? 0) < (best.foreign.share ?? 0)) best = { record, foreign };
      if (!foreign.isDisturbed) break;
    }
    if (best !== undefined) this.#kept.set(subject, [...(this.#kept.get(subject) ?? []), best]);
  }

  /** One attempt; undefined when it was interrupted. */
  async #ask(subject: SubjectName, trial: number): Promise<TrialRecord | TrialSkip | undefined> {
    const { load, options, progress } = this.given;
    const { trials = 3, threads = "auto", seed = 1, signal } = options;
    const seconds = secondsOf(load, options) / trials;
    const { model, shape } = load;
    const leastQueries = options.mlperf === true ? Math.ceil(fullRun(shape).queries / trials) : 0;
    const own = { seconds, leastQueries, seed: seed + trial, threads };
    const request: TrialRequest = { subject, model, shape, ...own };
    const arm = await startArm("arms/trial.js");
    progress.begin(`${shape.scenario} ${model} on ${subject}`, seconds + OVERHEAD_S);
    try {
      return await unlessAborted(arm, request, signal);
    } catch (error) {
      // A peer that cannot run the model is no reason to measure nothing.
      if (isPeer(subject)) return { skipped: firstLine(error) };
      throw asRedlineError(error, subject);
    } finally {
      progress.end();
      await arm.close();
    }
  }

  #of(subject: SubjectName): RowOf {
    const { run, load } = this.given;
    return { run, load: load.shape, model: load.model, subject };
  }
}

function unlessAborted(
  arm: ArmProcess,
  request: TrialRequest,
  signal: AbortSignal | undefined,
): Promise<TrialRecord | TrialSkip | undefined> {
  const answer = arm.ask<TrialRecord | TrialSkip>("run", request);
  if (signal === undefined) return answer;
  return new Promise((resolve, reject) => {
    const stop = (): void => resolve(undefined);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

/** A child's error comes as text; its code is in its message. */
function asRedlineError(error: unknown, subject: SubjectName): RedlineError {
  return new RedlineError("BENCH_TRIAL_FAILED", {
    what: subject,
    received: firstLine(error),
    hint: "the model may not open under this load's contract: try redline plan, or another --period-ms",
    cause: error,
  });
}

function isPeer(subject: SubjectName): boolean {
  return (PEERS as readonly SubjectName[]).includes(subject);
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n")[0] ?? text;
}

/** Tells how far a run is, by the time its parts are expected to take. */
class Progress {
  readonly #totalS: number;
  readonly #tell: (progress: BenchProgress) => void;
  #doneS = 0;
  #timer: NodeJS.Timeout | undefined;
  #current = { label: "", expectedS: 0, startMs: 0 };

  constructor(options: BenchOptions) {
    const { trials = 3 } = options;
    const subjects = subjectsOf(options).length;
    this.#totalS = options.loads.reduce(
      (sum, load) => sum + subjects * (secondsOf(load, options) + trials * OVERHEAD_S),
      0,
    );
    this.#tell = options.onProgress ?? (() => {});
  }

  begin(label: string, expectedS: number): void {
    this.#current = { label, expectedS, startMs: performance.now() };
    this.#timer = setInterval(() => this.#say(), TOLD_EVERY_MS);
    this.#say();
  }

  end(): void {
    clearInterval(this.#timer);
    this.#doneS += this.#current.expectedS;
  }

  #say(): void {
    const { label, expectedS, startMs } = this.#current;
    const withinS = Math.min(expectedS, (performance.now() - startMs) / 1000);
    // A repetition can take the run beyond what was expected of it.
    const totalS = Math.max(this.#totalS, this.#doneS + expectedS);
    this.#tell({ doneS: this.#doneS + withinS, totalS, label });
  }
}
