// Owns the loop that reads the machine, feeds the governor and keeps the account. Decides nothing itself.
// Invariant: at most one round of readings is under way; nothing of it outlives `close`; a reading that fails is a figure that
// says so, never a throw.

import type { BudgetSource, PowerAsk, PowerPressure } from "../core/budget.js";
import type { Alarm, Clock } from "../core/clock.js";
import { readSupply, type SupplyReading } from "./battery.js";
import { type CpuCalibration, defaultCalibration, ModelledMeter } from "./cpu-model.js";
import { CpuPreference } from "./cpu-preference.js";
import { type CpuClock, machineCpuClock } from "./cpu-time.js";
import { EnergyAccountant, type EnergyFigure, type EnergyStats, type SpentJob } from "./energy-accountant.js";
import { PowerGovernor } from "./governor.js";
import { findMeters } from "./machine-meters.js";
import { PackageMeter, type PackageReading } from "./package-meter.js";
import type { FrozenPower } from "./power-policy.js";
import { diskTree, type SysTree } from "./sys-tree.js";
import { readThermal } from "./thermal.js";
import { type BandReading, ThermalBands } from "./thermal-band.js";

/** Where the machine's files are, for tests and for machines that mount them elsewhere. */
export interface PowerPlaces {
  /** Stands in for `/sys`. */
  readonly sysRoot?: string;
  /** Stands in for `/proc`. */
  readonly procRoot?: string;
}

/** What a watch is made of. */
export interface PowerWatchOptions extends PowerPlaces {
  readonly clock: Clock;
  readonly power: FrozenPower;
  /** Stands in for the processors of this machine. */
  readonly cpu?: CpuClock;
  /** Told when the band, the meter or its source changes, in words. */
  readonly onChange?: (detail: string) => void;
}

/** The power of a runtime, as `stats()` tells it. */
export interface PowerStats {
  readonly pressure: PowerPressure;
  readonly ask: PowerAsk;
  /** The meters behind the figure, for people; empty while it is unknown. */
  readonly from: string;
  /** Better meters that could not be used, and why. */
  readonly refused: PackageReading["refused"];
  readonly supply: SupplyReading;
  /** Why the band is what it is; empty in green. */
  readonly bandCause: string;
  readonly energy: EnergyStats;
}

/** Ten readings a window, ten a second at most, one at least: the governor publishes no faster. */
const READINGS_PER_WINDOW = 10;
const LEAST_PERIOD_US = 100_000;
const MOST_PERIOD_US = 1_000_000;
/** Heat and supplies change in seconds. */
const SLOW_PERIOD_US = 1_000_000;

/** Watches a machine until it is closed. */
export class PowerWatch implements BudgetSource {
  private readonly governor: PowerGovernor;
  private readonly bands: ThermalBands;
  private readonly accountant: EnergyAccountant;
  private readonly preference: CpuPreference;
  private preferred: PowerAsk["cpuPreference"] | undefined;
  private readonly periodUs: number;
  private supply: SupplyReading = { source: "unknown", batteryPercent: undefined };
  private band: BandReading = { band: "green", cause: "" };
  private reading: PackageReading = {
    figure: { watts: "unknown", source: "unknown", reason: "" },
    from: "",
    refused: [],
  };
  private readUs: number | undefined;
  private slowUs = Number.NEGATIVE_INFINITY;
  private said = "";
  private alarm: Alarm | undefined;
  private round: Promise<void> | undefined;
  private isClosed = false;

  private constructor(
    private readonly options: PowerWatchOptions,
    private readonly machine: {
      readonly sys: SysTree;
      readonly meter: PackageMeter;
      readonly model: ModelledMeter;
    },
  ) {
    const { power } = options;
    this.governor = new PowerGovernor(power);
    this.bands = new ThermalBands(power.limits);
    this.preference = new CpuPreference(machine.sys);
    this.accountant = new EnergyAccountant(() => machine.model.calibration);
    this.periodUs = Math.min(MOST_PERIOD_US, Math.max(LEAST_PERIOD_US, power.windowUs / READINGS_PER_WINDOW));
  }

  /** Finds the meters of the machine, takes a first reading and goes on until `close`. */
  static async start(options: PowerWatchOptions): Promise<PowerWatch> {
    const sys = diskTree(options.sysRoot ?? "/sys");
    const cpu = options.cpu ?? machineCpuClock(options.procRoot);
    const typical = await defaultCalibration(sys, { cores: cpu.cores, arch: process.arch });
    const model = new ModelledMeter(cpu, options.power.calibration ?? typical);
    const meter = new PackageMeter(await findMeters(sys), model);
    const watch = new PowerWatch(options, { sys, meter, model });
    await watch.readOnce();
    watch.wait();
    return watch;
  }

  /** Another budget from the next reading on. */
  setPackageWatts(packageWatts: number): void {
    this.governor.setBudget(packageWatts);
  }

  pressure(): PowerPressure {
    return this.governor.pressure();
  }

  ask(): PowerAsk {
    return this.governor.ask();
  }

  /** What processor time is taken to cost now, and what the machine draws without it. */
  get calibration(): CpuCalibration {
    return this.machine.model.calibration;
  }

  /** Announces a session to the account. */
  open(session: string, promise: { readonly energyMj?: number | undefined } = {}): void {
    this.accountant.open(session, promise);
  }

  /** Counts one job and answers what it took. */
  settle(job: SpentJob): EnergyFigure {
    return this.accountant.settle(job);
  }

  overspent(): ReadonlyMap<string, string> {
    return this.accountant.overspent();
  }

  stats(): PowerStats {
    return {
      pressure: this.pressure(),
      ask: this.ask(),
      from: this.reading.from,
      refused: this.reading.refused,
      supply: this.supply,
      bandCause: this.band.cause,
      energy: this.accountant.stats(),
    };
  }

  /** Ends the loop; resolves when the last round has. Idempotent. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.alarm?.cancel();
    await this.round;
    await this.preference.restore();
  }

  private wait(): void {
    if (this.isClosed) return;
    this.alarm = this.options.clock.setAlarm(this.options.clock.nowUs() + this.periodUs, () => {
      this.round = this.readOnce().then(() => this.wait());
    });
  }

  private async readOnce(): Promise<void> {
    const { sys, meter, model } = this.machine;
    const atUs = this.options.clock.nowUs();
    if (atUs - this.slowUs >= SLOW_PERIOD_US) {
      this.slowUs = atUs;
      const [supply, thermal] = await Promise.all([readSupply(sys), readThermal(sys)]);
      this.supply = supply;
      this.band = this.bands.step(thermal);
    }
    this.reading = await meter.read(atUs);
    const { figure } = this.reading;
    if (this.readUs !== undefined) {
      const busyCores = model.load?.busyCores;
      this.accountant.meter({ elapsedUs: atUs - this.readUs, figure, busyCores });
    }
    this.readUs = atUs;
    const pressure = this.governor.step({ atUs, figure, band: this.band.band, supply: this.supply });
    this.tell(pressure);
    await this.prefer();
  }

  /** Where it was asked for and is permitted the processors follow; where not, nothing is lost but that. */
  private async prefer(): Promise<void> {
    const { cpuPreference } = this.governor.ask();
    if (!this.options.power.setsCpuPreference || cpuPreference === this.preferred) return;
    this.preferred = cpuPreference;
    await this.preference.prefer(cpuPreference);
  }

  private tell({ band, source }: PowerPressure): void {
    const { from, refused } = this.reading;
    const why = this.band.cause === "" ? "" : ` (${this.band.cause})`;
    const lost = refused.map((one) => `; ${one.from}: ${one.reason}`).join("");
    // Seconds and temperatures change with every reading; what matters is which band and which meter.
    const key = `${band} ${source} ${from.split(":")[0]}`;
    if (key === this.said) return;
    const isFirst = this.said === "";
    this.said = key;
    if (!isFirst)
      this.options.onChange?.(`${band}${why}, ${source}${from === "" ? "" : ` by ${from}`}${lost}`);
  }
}
