// Owns the modelled meter: processor time times calibrated watts, where no counter can be read. Knows no budget.
// Invariant: every figure is `estimated`; what processor time cannot tell (cards, NPUs, memory) is not in it and is never zero.

import type { CpuClock } from "./cpu-time.js";
import { estimated, MOST_WATTS, type PowerFigure, type PowerMeter, unknown } from "./meter.js";
import { readRatedWatts } from "./powercap.js";
import type { SysTree } from "./sys-tree.js";

/** What a processor draws, as a straight line over its busy cores. */
export interface CpuCalibration {
  readonly idleWatts: number;
  readonly wattsPerCore: number;
  /** Where the two numbers come from, for people. */
  readonly origin: string;
}

/** Fewest pairs, and the least spread of busy cores among them, from which a line is drawn. */
const LEAST_PAIRS = 20;
const LEAST_SPREAD_CORES = 0.25;
/** Weight of the past at each new pair: some 100 pairs count, so that a change of governor or heat is followed. */
const MEMORY = 0.99;

/**
 * The calibration of a machine nobody has measured: from the package's rated power where the firmware tells it, else a
 * typical figure of the architecture, right to a factor of two or three and called so.
 */
export async function defaultCalibration(
  sysTree: SysTree,
  { cores, arch }: { readonly cores: number; readonly arch: string },
): Promise<CpuCalibration> {
  const ratedWatts = await readRatedWatts(sysTree);
  if (ratedWatts !== undefined) {
    // Client packages idle at some tenth of their rating.
    const idleWatts = ratedWatts / 10;
    const wattsPerCore = (ratedWatts - idleWatts) / cores;
    return { idleWatts, wattsPerCore, origin: `the package's rating of ${ratedWatts} W over ${cores} cores` };
  }
  // Raspberry Pi 4: 2.3 W idle to 5.2 W with four busy cores. A 15 W notebook processor: four cores.
  return arch === "arm64" || arch === "arm"
    ? { idleWatts: 2, wattsPerCore: 0.8, origin: "typical of small ARM boards, not measured here" }
    : { idleWatts: 2, wattsPerCore: 3.5, origin: "typical of notebook processors, not measured here" };
}

/** Draws the line from readings of a real meter beside the busy cores of the same moments. */
export class CalibrationFit {
  private n = 0;
  private weight = 0;
  private cores = 0;
  private watts = 0;
  private coresSquared = 0;
  private product = 0;

  /** One moment: how many cores were busy, and what the meter measured. */
  add({ busyCores, watts }: { readonly busyCores: number; readonly watts: number }): void {
    this.n += 1;
    this.weight = this.weight * MEMORY + 1;
    this.cores = this.cores * MEMORY + busyCores;
    this.watts = this.watts * MEMORY + watts;
    this.coresSquared = this.coresSquared * MEMORY + busyCores * busyCores;
    this.product = this.product * MEMORY + busyCores * watts;
  }

  /** The line, or undefined while the readings do not determine one. */
  line(meter: string): CpuCalibration | undefined {
    const meanCores = this.cores / this.weight;
    const meanWatts = this.watts / this.weight;
    const variance = this.coresSquared / this.weight - meanCores * meanCores;
    if (this.n < LEAST_PAIRS || !(variance >= LEAST_SPREAD_CORES ** 2)) return undefined;
    const wattsPerCore = (this.product / this.weight - meanCores * meanWatts) / variance;
    const idleWatts = meanWatts - wattsPerCore * meanCores;
    if (!(wattsPerCore > 0) || !(idleWatts >= 0)) return undefined;
    return { idleWatts, wattsPerCore, origin: `fitted beside ${meter} over ${this.n} readings` };
  }
}

/** The share of a moment that processor time explains. */
export interface CpuLoad {
  /** Cores of the machine that were busy on average since the reading before. */
  readonly busyCores: number;
  /** Cores that this process kept busy. */
  readonly processCores: number;
}

/** The meter of last resort, and the witness against which others are judged. */
export class ModelledMeter implements PowerMeter {
  readonly id = "model/cpu";
  readonly label = "processor time";
  readonly kind = "model";
  readonly scope = "package";
  private last: { atUs: number; machineUs: number; processUs: number } | undefined;
  private current: CpuLoad | undefined;
  private used: CpuCalibration;

  constructor(
    private readonly clock: CpuClock,
    calibration: CpuCalibration,
  ) {
    this.used = calibration;
  }

  get calibration(): CpuCalibration {
    return this.used;
  }

  /** Takes a better line from here on. */
  calibrate(calibration: CpuCalibration): void {
    this.used = calibration;
  }

  /** The load between the last two readings; undefined before them or where the machine does not tell. */
  get load(): CpuLoad | undefined {
    return this.current;
  }

  async read(atUs: number): Promise<PowerFigure> {
    const { machineUs, processUs } = await this.clock.read();
    const last = this.last;
    if (last !== undefined && atUs <= last.atUs) return this.figure();
    this.last = machineUs === undefined ? undefined : { atUs, machineUs, processUs };
    this.current = machineUs === undefined ? undefined : this.loadSince(last, { atUs, machineUs, processUs });
    return this.figure();
  }

  /** What this much processor time costs above idling, in millijoules. */
  energyMj(cpuUs: number): number {
    return (cpuUs * this.used.wattsPerCore) / 1000;
  }

  private loadSince(
    last: { atUs: number; machineUs: number; processUs: number } | undefined,
    now: { atUs: number; machineUs: number; processUs: number },
  ): CpuLoad | undefined {
    if (last === undefined) return undefined;
    const elapsedUs = now.atUs - last.atUs;
    const coresOf = (spentUs: number): number => Math.min(this.clock.cores, Math.max(0, spentUs / elapsedUs));
    const processCores = coresOf(now.processUs - last.processUs);
    // The machine's counter ticks every 10 ms, the process's does not: a part is never more than the whole.
    return { processCores, busyCores: Math.max(processCores, coresOf(now.machineUs - last.machineUs)) };
  }

  private figure(): PowerFigure {
    if (this.current === undefined) return unknown("processor time needs two readings");
    const watts = this.used.idleWatts + this.used.wattsPerCore * this.current.busyCores;
    if (watts > 0 && watts <= MOST_WATTS.package) return estimated(watts);
    return unknown(`the calibration gives ${watts} W`);
  }
}
