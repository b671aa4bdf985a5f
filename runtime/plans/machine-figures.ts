// Owns what admission must know of the machine besides its models: how long a lane takes to get a job going, measured once.
// Knows no session. Invariant: a figure of another machine, Redline or power source is not answered.

import path from "node:path";
import { type Clock, sleepUntil } from "../core/clock.js";
import type { Criticality } from "../core/contract.js";
import type { Settlement } from "../core/lane.js";
import { quantilesOfRuns } from "../core/profile.js";
import type { Provider, ProviderSession } from "../providers/provider.js";
import { nodeDisk, onDisk } from "../store/disk.js";
import { readSealed, writeSealed } from "../store/sealed.js";
import type { ProfileSurroundings } from "./profile-key.js";

/** The figures of one machine. */
export interface MachineFigures {
  readonly schema: 1;
  readonly surroundings: ProfileSurroundings;
  /** From the submission of a critical job that takes no time to its settlement, with every core busy below it: p99. */
  readonly dispatchUs: number;
  readonly samples: number;
}

/** The figures in a store's folder: <root>/profiles/machine.json. */
export class MachineStore {
  private readonly at: string;

  constructor(root: string) {
    this.at = path.join(root, "profiles", "machine.json");
  }

  /** The figures, if they hold here and now. */
  async find(now: ProfileSurroundings): Promise<MachineFigures | undefined> {
    const record = await readSealed<MachineFigures>(nodeDisk, this.at);
    if (record.state !== "ok" || record.body.schema !== 1) return undefined;
    const { machine, runtimeVersion, powerSource } = record.body.surroundings;
    const isHere =
      machine === now.machine && runtimeVersion === now.runtimeVersion && powerSource === now.powerSource;
    return isHere ? record.body : undefined;
  }

  /** Forgets the figures, so that they are measured anew. Throws `STORE_WRITE_FAILED`. */
  async forget(): Promise<void> {
    await onDisk(this.at, () => nodeDisk.rm(this.at, { force: true }));
  }

  /** Throws `STORE_WRITE_FAILED`. */
  async write(figures: MachineFigures): Promise<void> {
    await writeSealed(nodeDisk, this.at, { body: figures, temporaries: path.dirname(this.at) });
  }
}

/** Jobs that are timed: of fewer a p99 would be a guess. */
const DISPATCH_JOBS = 100;
const DISPATCH_PERIOD_US = 3000;
/** A background run as it is interrupted: longer than one of the kernel's ticks, so that every job meets one. */
const BACKGROUND_RUN_US = 10_000;
const NO_LIMIT_US = 10_000_000;

/**
 * Times critical jobs that take no time while a background lane keeps each core busy: the wake of a lane, the preemption of
 * what ran, the timer, and whatever slice a fair scheduler still gives to the lower thread. Takes a third of a second.
 *
 * @throws the signal's reason when it fires
 */
export async function measureDispatch(
  nulls: Provider,
  given: { readonly cores: number; readonly clock: Clock; readonly signal?: AbortSignal | undefined },
): Promise<Pick<MachineFigures, "dispatchUs" | "samples">> {
  const { cores, clock, signal } = given;
  const opened: NullLane[] = [];
  const hogs: Promise<void>[] = [];
  let isStopping = false;
  const keepBusy = async (lane: NullLane): Promise<void> => {
    while (!isStopping) await lane.run();
  };
  const open = async (criticality: Criticality, busyUs: number): Promise<NullLane> => {
    const laneIndex = opened.filter((lane) => lane.criticality === criticality).length;
    const lane = await NullLane.open(nulls, { criticality, laneIndex, busyUs });
    opened.push(lane);
    return lane;
  };
  try {
    const subject = await open("critical", 0);
    for (let core = 0; core < cores; core += 1)
      hogs.push(keepBusy(await open("background", BACKGROUND_RUN_US)));
    const startUs = clock.nowUs();
    const samplesUs: number[] = [];
    for (let job = 1; job <= DISPATCH_JOBS; job += 1) {
      await sleepUntil(startUs + job * DISPATCH_PERIOD_US, { clock, signal });
      signal?.throwIfAborted();
      samplesUs.push(await subject.run());
    }
    const { p99Us, samples } = quantilesOfRuns(samplesUs);
    return { dispatchUs: p99Us, samples };
  } finally {
    isStopping = true;
    await Promise.all(hogs);
    for (const lane of opened) await lane.close();
  }
}

/** One session without a model on a lane of its own. */
class NullLane {
  private settle: (settlement: Settlement) => void = () => {};
  private session: ProviderSession | undefined;

  private constructor(
    private readonly nulls: Provider,
    readonly criticality: Criticality,
  ) {}

  static async open(
    nulls: Provider,
    given: { readonly criticality: Criticality; readonly laneIndex: number; readonly busyUs: number },
  ): Promise<NullLane> {
    const { criticality, laneIndex, busyUs } = given;
    const lane = new NullLane(nulls, criticality);
    lane.session = await nulls.open({
      graph: null,
      criticality,
      laneIndex,
      slots: 1,
      statedShapes: {},
      isInline: false,
      null: { busyUs },
      onSettle: (settlement) => lane.settle(settlement),
    });
    return lane;
  }

  /** One job; answers the time from its submission to its settlement. */
  async run(): Promise<number> {
    const submittedUs = this.nulls.nowUs();
    const deadlineUs = submittedUs + NO_LIMIT_US;
    const settlement = await new Promise<Settlement>((resolve) => {
      this.settle = resolve;
      const jobId = this.nulls.nextJobId();
      this.session!.submit({ jobId, slot: 0, deadlineUs, latestStartUs: deadlineUs, late: "cancel" });
    });
    return settlement.settledUs - submittedUs;
  }

  async close(): Promise<void> {
    await this.session!.close();
  }
}
