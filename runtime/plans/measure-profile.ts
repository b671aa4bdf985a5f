// Owns measuring what a model costs: paced runs with warm and cold caches, and beside busy neighbours. Knows no provider
// and no file. Invariant: whatever it opened is closed when it answers, whatever happened.

import { type Clock, sleepUntil } from "../core/clock.js";
import type { ProfileConditions } from "../core/profile.js";

/** One opened model, run on inputs of its own choice. */
export interface MeasuredModel {
  /**
   * One run; undefined when it did not come to its end. Its processor time is the process's meanwhile, which holds that of
   * every thread of the job.
   */
  run(): Promise<{ readonly runUs: number; readonly cpuUs: number } | undefined>;
  close(): Promise<void>;
}

/** What one set of conditions gave. */
export interface MeasuredRuns {
  readonly conditions: ProfileConditions;
  /** Each run's time in microseconds, in the order they ran. */
  readonly runUs: readonly number[];
  /** Mean processor time of a run; -1 beside neighbours, whose time cannot be told from it. */
  readonly cpuUs: number;
}

/** What to measure. */
export interface MeasureRequest {
  /** Opens the model once more, each time on a lane of its own: what is measured, then its neighbours. */
  readonly open: (role: "subject" | "neighbour") => Promise<MeasuredModel>;
  /** Busy neighbours beside it: one for each further core. With none, no neighbour is measured. */
  readonly neighbours: number;
  readonly clock: Clock;
  /** The contract's period: a run every so often, as it will be. */
  readonly periodUs: number;
  /** Runs of each set of conditions. */
  readonly runs: number;
  /** Default: all there are, see `FULL_CONDITIONS`. */
  readonly conditions?: readonly RunConditions[];
  /** Ends a set of conditions early, once it has taken so long and three runs have ended. Default: never. */
  readonly patienceUs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** The first runs page memory in and size arenas. */
const WARM_UP_RUNS = 3;

/** Larger than the last-level cache of the machines models run on; going through it leaves nothing of a model behind. */
const CACHE_SWEEP_BYTES = 33_554_432;
const CACHE_LINE_BYTES = 64;

/** Fewer runs say nothing. */
const LEAST_RUNS = 3;

/** Conditions but for the pace, which is the contract's. */
export type RunConditions = Omit<ProfileConditions, "periodUs">;

/** Caches and neighbours each by themselves: neither may hide in the other. */
export const FULL_CONDITIONS: readonly RunConditions[] = [
  { caches: "warm", neighbour: "none" },
  { caches: "cold", neighbour: "none" },
  { caches: "warm", neighbour: "busy" },
];

/**
 * Measures a model under each set of conditions. Undefined when a run does not come to its end.
 *
 * @throws what `open` throws; the signal's reason when it fires
 */
export async function measureRuns(request: MeasureRequest): Promise<readonly MeasuredRuns[] | undefined> {
  const { clock, conditions: sets = FULL_CONDITIONS } = request;
  const measured: MeasuredRuns[] = [];
  const subject = await request.open("subject");
  try {
    const impatientUs = clock.nowUs() + (request.patienceUs ?? Number.POSITIVE_INFINITY);
    for (let run = 0; run < WARM_UP_RUNS && (run === 0 || clock.nowUs() < impatientUs); run += 1) {
      request.signal?.throwIfAborted();
      if ((await subject.run()) === undefined) return undefined;
    }
    for (const { caches, neighbour } of sets) {
      if (neighbour === "busy" && request.neighbours === 0) continue;
      const conditions = { periodUs: request.periodUs, caches, neighbour };
      const one = await measureUnder(conditions, { request, subject });
      if (one === undefined) return undefined;
      measured.push(one);
    }
    return measured;
  } finally {
    await subject.close();
  }
}

/** How much longer a run takes beside busy neighbours, in the median; 1 when that was not measured, or is not longer. */
export function contentionOf(measured: readonly MeasuredRuns[]): number {
  const medianBeside = (neighbour: ProfileConditions["neighbour"]): number | undefined => {
    const runs = measured.find(({ conditions }) => {
      return conditions.caches === "warm" && conditions.neighbour === neighbour;
    })?.runUs;
    return runs === undefined ? undefined : [...runs].sort((a, b) => a - b)[runs.length >> 1];
  };
  const alone = medianBeside("none");
  const beside = medianBeside("busy");
  return alone === undefined || beside === undefined || alone === 0 ? 1 : Math.max(1, beside / alone);
}

async function measureUnder(
  conditions: ProfileConditions,
  { request, subject }: { request: MeasureRequest; subject: MeasuredModel },
): Promise<MeasuredRuns | undefined> {
  const { clock, periodUs, signal, runs, patienceUs = Number.POSITIVE_INFINITY } = request;
  const neighbours = new BusyNeighbours(request);
  const runUs: number[] = [];
  const cpuUs: number[] = [];
  try {
    if (conditions.neighbour === "busy") await neighbours.start();
    const sweep = conditions.caches === "cold" ? new Uint8Array(CACHE_SWEEP_BYTES) : undefined;
    const startUs = clock.nowUs();
    const isEnough = (run: number): boolean => run > LEAST_RUNS && clock.nowUs() - startUs >= patienceUs;
    for (let run = 1; run <= runs && !isEnough(run); run += 1) {
      if (sweep !== undefined) goThrough(sweep);
      await sleepUntil(startUs + run * periodUs, { clock, signal });
      signal?.throwIfAborted();
      const ended = await subject.run();
      if (ended === undefined) return undefined;
      runUs.push(ended.runUs);
      if (conditions.neighbour === "none") cpuUs.push(ended.cpuUs);
    }
  } finally {
    await neighbours.stop();
  }
  const sumUs = cpuUs.reduce((sum, us) => sum + us, 0);
  return { conditions, runUs, cpuUs: cpuUs.length === 0 ? -1 : Math.round(sumUs / cpuUs.length) };
}

function goThrough(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += CACHE_LINE_BYTES) bytes[at] = (bytes[at]! + 1) & 0xff;
}

/** The same model on other lanes, run without a pause: what shares the memory bus with a model is a model. */
class BusyNeighbours {
  private readonly models: MeasuredModel[] = [];
  private readonly runs: Promise<void>[] = [];
  private isStopping = false;

  constructor(private readonly request: Pick<MeasureRequest, "open" | "neighbours">) {}

  async start(): Promise<void> {
    while (this.models.length < this.request.neighbours) {
      const model = await this.request.open("neighbour");
      this.models.push(model);
      this.runs.push(this.keepRunning(model));
    }
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    await Promise.all(this.runs);
    for (const model of this.models) await model.close();
  }

  private async keepRunning(model: MeasuredModel): Promise<void> {
    while (!this.isStopping) if ((await model.run()) === undefined) return;
  }
}
