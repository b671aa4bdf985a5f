// Owns the one figure the budget is held against: which meters make up the package, and what stands in when they fail.
// Invariant: a figure names the meters it comes from; a fallback is taken at once, a return only after the meter has proved itself.

import { CalibrationFit, type ModelledMeter } from "./cpu-model.js";
import { type PowerFigure, type PowerMeter, sumFigures, unknown } from "./meter.js";
import { SensorTrust } from "./sensor-trust.js";

/** The package's figure and where it was taken. */
export interface PackageReading {
  readonly figure: PowerFigure;
  /** The meters behind the figure, for people; empty when it is unknown. */
  readonly from: string;
  /** Better sources that could not be used, and why. */
  readonly refused: readonly { readonly from: string; readonly reason: string; readonly fix?: string }[];
}

/** Good readings in a row before a source that had failed is used again. */
const PROVEN_READINGS = 5;
/** A meter that has not answered by then is treated as failed until it does. */
const MOST_WAIT_MS = 1_000;

/** Meters that together are the package. */
interface Source {
  readonly from: string;
  readonly read: (atUs: number) => Promise<PowerFigure>;
  readonly trust: SensorTrust;
  goodInARow: number;
  hasFailed: boolean;
}

/** Reads the package through the best source that can be believed; the modelled meter is the last. */
export class PackageMeter {
  private readonly sources: readonly Source[];
  private readonly fit = new CalibrationFit();

  constructor(
    meters: readonly PowerMeter[],
    private readonly model: ModelledMeter,
  ) {
    this.sources = sourcesOf(meters).map(({ from, read }) => ({
      from,
      read: onTime(read),
      trust: new SensorTrust(from),
      goodInARow: 0,
      hasFailed: false,
    }));
  }

  /** One figure. Never throws. */
  async read(atUs: number): Promise<PackageReading> {
    const modelled = await this.model.read(atUs);
    const busyCores = this.model.load?.busyCores;
    const refused: { from: string; reason: string; fix?: string }[] = [];
    for (const source of this.sources) {
      const raw = await source.read(atUs);
      const figure = proven(source, source.trust.judge({ atUs, figure: raw, busyCores }));
      if (figure.watts === "unknown") {
        const { reason, fix } = figure;
        refused.push({ from: source.from, reason, ...(fix === undefined ? {} : { fix }) });
        continue;
      }
      if (busyCores !== undefined) this.learn({ busyCores, watts: figure.watts, from: source.from });
      return { figure, from: source.from, refused };
    }
    const from = modelled.watts === "unknown" ? "" : `${this.model.label}: ${this.model.calibration.origin}`;
    return { figure: modelled, from, refused };
  }

  /** While a counter can be read the model is fitted to it, so that it is right when it is needed. */
  private learn({ busyCores, watts, from }: { busyCores: number; watts: number; from: string }): void {
    this.fit.add({ busyCores, watts });
    const line = this.fit.line(from);
    if (line !== undefined) this.model.calibrate(line);
  }
}

function proven(source: Source, figure: PowerFigure): PowerFigure {
  if (figure.watts === "unknown") {
    // A counter's first reading is no failure.
    if (source.goodInARow > 0) source.hasFailed = true;
    source.goodInARow = 0;
    return figure;
  }
  source.goodInARow += 1;
  if (!source.hasFailed) return figure;
  if (source.goodInARow < PROVEN_READINGS) {
    return unknown(`${source.from} answers again, ${source.goodInARow} of ${PROVEN_READINGS} readings`);
  }
  source.hasFailed = false;
  return figure;
}

/** Rails that together feed a module which has no rail for the whole: Jetson AGX Orin, Jetson AGX Xavier. */
const RAIL_SETS: readonly (readonly string[])[] = [
  ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"],
  ["GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"],
];

/** Counters of the processor first, then a board's own supply. A battery is no package: it feeds the screen as well. */
function sourcesOf(meters: readonly PowerMeter[]): { from: string; read: Source["read"] }[] {
  const packages = meters.filter(({ kind, scope }) => kind === "powercap" && scope === "package");
  const sockets = meters.filter(({ kind, scope }) => kind === "hwmon" && scope === "package");
  const board = meters.filter(({ scope }) => scope === "board").slice(0, 1);
  const rails = meters.filter(({ scope }) => scope === "rail");
  const sets = RAIL_SETS.map((labels) => labels.map((label) => rails.find((rail) => rail.label === label)));
  const whole = sets
    .map((set) => set.filter((rail) => rail !== undefined))
    .filter((set, index) => set.length === sets[index]?.length);
  return [
    ...(packages.length === 0 ? [] : [packageSource(packages)]),
    ...[sockets, board, ...whole]
      .filter((group) => group.length > 0)
      .map((group) => ({
        from: `hwmon ${group.map(({ label }) => label).join(" + ")}`,
        read: async (atUs: number) => sumFigures(await Promise.all(group.map((meter) => meter.read(atUs)))),
      })),
  ];
}

/** One package may be listed twice, through registers and through memory: either will do, both would count it double. */
function packageSource(zones: readonly PowerMeter[]): { from: string; read: Source["read"] } {
  const labels = [...new Set(zones.map(({ label }) => label))];
  const packages = labels.map((label) => zones.filter((zone) => zone.label === label));
  return {
    from: `powercap ${labels.join(" + ")}`,
    read: async (atUs) => {
      const figures = packages.map(async (same) => {
        const each = await Promise.all(same.map((zone) => zone.read(atUs)));
        return each.find(({ watts }) => watts !== "unknown") ?? (each[0] as PowerFigure);
      });
      return sumFigures(await Promise.all(figures));
    },
  };
}

/** A bus that hangs keeps one read waiting, not the governor: until it answers the source counts as failed. */
function onTime(read: Source["read"]): Source["read"] {
  let pending: Promise<PowerFigure> | undefined;
  return async (atUs) => {
    if (pending !== undefined) return unknown("the last reading has not come back yet");
    let timer: NodeJS.Timeout | undefined;
    const answer = read(atUs)
      .catch((error: unknown) => unknown(`reading it failed: ${String(error)}`))
      .finally(() => {
        pending = undefined;
      });
    pending = answer;
    const late = new Promise<PowerFigure>((settle) => {
      timer = setTimeout(() => settle(unknown(`no answer within ${MOST_WAIT_MS} ms`)), MOST_WAIT_MS);
      timer.unref();
    });
    return Promise.race([answer, late]).finally(() => clearTimeout(timer));
  };
}
