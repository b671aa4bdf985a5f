// Owns a short measurement of a graph before its session is opened: paced runs on zeros, alone and beside busy neighbours.
// Knows no contract. Invariant: it is bounded in time, and whatever it opened is closed when the answer is there.

import type { Clock } from "../core/clock.js";
import type { Settlement } from "../core/lane.js";
import { isStaticShape } from "../core/tensor.js";
import type { OpenRequest, Provider, ProviderSession } from "../providers/provider.js";
import { type MeasuredModel, type MeasuredRuns, measureRuns, type RunConditions } from "./measure-profile.js";

/** Enough for a median; what so few runs cannot say of the tail, `profileOf` adds. */
const SHORT_RUNS = 12;
/** Runs come at the contract's pace, but not more slowly than this: an open is waited for. */
const SHORT_PERIOD_US_MAX = 20_000;
/** The warm-up and each set of conditions end after this, or after the third run of a long model. */
const SHORT_PATIENCE_US = 300_000;
/** Long enough for any graph worth a deadline; a run that takes longer is stopped and has no profile. */
const RUN_LIMIT_US = 10_000_000;

/** No cold caches: the sweep would hold up the program's event loop, and spoil the caches of sessions at work. */
const ALONE: readonly RunConditions[] = [{ caches: "warm", neighbour: "none" }];
const BESIDE: readonly RunConditions[] = [...ALONE, { caches: "warm", neighbour: "busy" }];

/** What is opened to be measured, and what shall run beside it. */
export interface ShortRequest {
  /** The lane it will run on, and its threads. */
  readonly subject: Omit<OpenRequest, "onSettle" | "slots">;
  /** A request for each busy neighbour, on a lane of its own; none leaves contention unmeasured. */
  readonly neighbours: readonly Omit<OpenRequest, "onSettle" | "slots">[];
  readonly clock: Clock;
  readonly periodUs: number;
  readonly signal?: AbortSignal | undefined;
}

/** What a short measurement gave. */
export interface ShortMeasurement {
  readonly measured: readonly MeasuredRuns[];
  /** From submission to the start of each run that was made alone: how long a lane takes to wake. */
  readonly wakeUs: readonly number[];
}

/**
 * Measures a graph in about half a second; one whose run is long takes some eight of them. Undefined when it cannot be run
 * on zeros: an input of strings or without a known shape, or a run that fails.
 *
 * @throws RedlineError what the provider's `open` throws; the signal's reason when it fires
 */
export async function measureShortly(
  provider: Provider,
  request: ShortRequest,
): Promise<ShortMeasurement | undefined> {
  const { clock, periodUs, signal, subject, neighbours } = request;
  const wakeUs: number[] = [];
  let opened = 0;
  const measured = await measureRuns({
    open: async (role) => {
      if (role === "subject") return ModelUnderTest.open(provider, { request: subject, wakeUs });
      opened += 1;
      return ModelUnderTest.open(provider, { request: neighbours[opened - 1]!, wakeUs: [] });
    },
    neighbours: neighbours.length,
    clock,
    periodUs: Math.min(periodUs, SHORT_PERIOD_US_MAX),
    runs: SHORT_RUNS,
    conditions: neighbours.length === 0 ? ALONE : BESIDE,
    patienceUs: SHORT_PATIENCE_US,
    signal,
  });
  if (measured === undefined) return undefined;
  const paced = measured.find(({ conditions }) => conditions.neighbour === "none")!.runUs.length;
  const beside = measured.find(({ conditions }) => conditions.neighbour === "busy")?.runUs.length ?? 0;
  const warmUp = wakeUs.length - paced - beside;
  return { measured, wakeUs: wakeUs.slice(warmUp, warmUp + paced) };
}

/** One opened graph with a single slot, run on zeros and on the constants its manifest gives. */
class ModelUnderTest implements MeasuredModel {
  private settle: (settlement: Settlement) => void = () => {};
  private session: ProviderSession | undefined;

  private constructor(
    private readonly provider: Provider,
    private readonly given: { readonly threads: number; readonly wakeUs: number[] },
  ) {}

  static async open(
    provider: Provider,
    { request, wakeUs }: { readonly request: ShortRequest["subject"]; readonly wakeUs: number[] },
  ): Promise<ModelUnderTest> {
    const model = new ModelUnderTest(provider, { threads: request.ort?.intraOpThreads ?? 1, wakeUs });
    model.session = await provider.open({
      ...request,
      slots: 1,
      onSettle: (settlement) => model.settle(settlement),
    });
    for (const [name, value] of Object.entries(request.origin?.constants ?? {})) {
      const data = model.session.slots[0]!.inputs[name];
      if (data instanceof BigInt64Array || data instanceof BigUint64Array) data.fill(BigInt(value));
      else if (data !== undefined && !Array.isArray(data)) (data as Float32Array).fill(value);
    }
    return model;
  }

  async run(): Promise<{ runUs: number; cpuUs: number } | undefined> {
    const session = this.session!;
    if (session.inputs.some(({ dtype, shape }) => dtype === "string" || !isStaticShape(shape)))
      return undefined;
    const submittedUs = this.provider.nowUs();
    const before = process.cpuUsage();
    const settlement = await new Promise<Settlement>((resolve) => {
      this.settle = resolve;
      const deadlineUs = submittedUs + RUN_LIMIT_US;
      const jobId = this.provider.nextJobId();
      session.submit({ jobId, slot: 0, deadlineUs, latestStartUs: deadlineUs, late: "cancel" });
    });
    const { status, startedUs, settledUs } = settlement;
    if (status !== "done") return undefined;
    this.given.wakeUs.push(startedUs - submittedUs);
    const runUs = settledUs - startedUs;
    return { runUs, cpuUs: this.cpuOf(settlement, { before, runUs }) };
  }

  async close(): Promise<void> {
    await this.session!.close();
  }

  /** A lane knows its own thread's time; where there are more threads, the process's tells, within what they could use. */
  private cpuOf(
    { cpuUs }: Settlement,
    { before, runUs }: { readonly before: NodeJS.CpuUsage; readonly runUs: number },
  ): number {
    const { threads } = this.given;
    if (threads === 1 && cpuUs >= 0) return cpuUs;
    const { user, system } = process.cpuUsage(before);
    return Math.min(user + system, threads * runUs);
  }
}
