// Owns the budget: turns figures of the package into one pressure, as a pure state machine. Reads no sensor, moves no session.
// Invariant: the pressure changes at most ten times a second; headroom is offered only while a believed figure says so, and a
// blind governor offers none.

import type { FigureSource, PowerAsk, PowerBand, PowerPressure } from "../core/budget.js";
import type { SupplyReading } from "./battery.js";
import { DrawWindow } from "./draw-window.js";
import type { PowerFigure } from "./meter.js";
import { askFor, type FrozenPower, type PowerPreset, SupplyPolicy } from "./power-policy.js";

/** One reading of the machine. */
export interface GovernorInput {
  readonly atUs: number;
  /** The average draw since the step before. */
  readonly figure: PowerFigure;
  /** What the heat asks for. */
  readonly band: PowerBand;
  readonly supply: SupplyReading;
}

/** Ten times a second; a timer that is a little early is not made to wait for its next turn. */
const LEAST_PUBLISH_US = 95_000;
/**
 * The draw is kept this far under the budget, or six deviations of the window's average where it is noisier: two for not
 * knowing the mean better than that, four for the highest of many windows.
 */
const LEAST_GUARD = 0.03;
const MOST_GUARD = 0.2;
const GUARD_DEVIATIONS = 6;
/** Headroom begins this much further below, and four fifths of it are offered: a rung's cost is known to a quarter. */
const HYSTERESIS = 0.03;
const OFFERED = 0.8;
/** A change of load is believed once it has lasted an eighth of the window and two readings. */
const STEP_SHARE = 0.125;
const STEP_DEVIATIONS = 4;
const STEP_READINGS = 2;
/** A level younger than the window is known less well: so many deviations more before it becomes a demand. */
const YOUNG_DEVIATIONS = 3;
/**
 * Windows without a demand before headroom is offered; doubled each time that an offer led to a new demand, up to eight: a burst
 * looks like an offer that was too much, and a machine that has seen many of them must come back all the same.
 */
const CALM_WINDOWS = 2;
const MOST_PATIENCE = 4;
/** The highest average counts for so many windows: noise that slow is a change of load. */
const PEAK_WINDOWS = 4;
/** Windows without a figure after which the machine is treated as warm, and the memory of the noise. */
const BLIND_WINDOWS = 3;
const NOISE_MEMORY = 0.9;

/** Keeps the package under its budget by saying what must be saved. */
export class PowerGovernor {
  private readonly window: DrawWindow;
  private readonly supplies: SupplyPolicy;
  private power: FrozenPower;
  private preset: PowerPreset;
  private published: PowerPressure;
  private publishedAtUs = Number.NEGATIVE_INFINITY;
  private atUs = Number.NEGATIVE_INFINITY;
  private source: FigureSource = "unknown";
  /** Since when the load is what it is: readings from before a step of it say nothing about now. */
  private levelSinceUs = 0;
  /** Since when the figures come from the meter of now. */
  private meterSinceUs = 0;
  private blindSinceUs: number | undefined;
  private isSaving = false;
  private calmSinceUs = 0;
  private readonly peak = new RecentPeak();
  private patience = 1;
  /** The last offer, and the draw above which it would have been a demand instead. */
  private offer = { atUs: Number.NEGATIVE_INFINITY, demandAboveWatts: Number.POSITIVE_INFINITY };
  private lastWatts: number | undefined;
  private variance = 0;
  private readingUs = 100_000;
  /** The average before the machine left green: what the bands take their share of where no budget is set. */
  private greenWatts: number | undefined;

  constructor(power: FrozenPower) {
    this.power = power;
    this.preset = power.preset;
    this.window = new DrawWindow(power.windowUs);
    this.supplies = new SupplyPolicy(power);
    const budgetWatts = power.packageWatts;
    this.published = freeze({
      atUs: 0,
      watts: "unknown",
      budgetWatts,
      saveWatts: 0,
      band: "green",
      source: "unknown",
    });
  }

  pressure(): PowerPressure {
    return this.published;
  }

  ask(): PowerAsk {
    return askFor({ preset: this.preset, band: this.published.band });
  }

  /** Another budget from the next step on; Infinity takes it away. The window stays what it was. */
  setBudget(packageWatts: number): void {
    this.power = { ...this.power, packageWatts };
  }

  /** Takes one reading and answers the pressure, which is a new one at most ten times a second. */
  step(input: GovernorInput): PowerPressure {
    const { atUs } = input;
    if (!(atUs > this.atUs)) return this.published;
    this.take(input);
    this.atUs = atUs;
    if (atUs - this.publishedAtUs < LEAST_PUBLISH_US) return this.published;
    this.publishedAtUs = atUs;
    this.published = this.judge(input);
    return this.published;
  }

  /** Adds the reading to the window, or notes that there is none. */
  private take({ atUs, figure }: GovernorInput): void {
    const { watts } = figure;
    if (watts === "unknown" || !Number.isFinite(watts) || watts < 0) {
      this.blindSinceUs ??= atUs;
      this.lastWatts = undefined;
      return;
    }
    const wasBlind = this.blindSinceUs !== undefined && atUs - this.blindSinceUs > this.power.windowUs;
    // Figures of different meters do not compare, and after a long gap nothing is known of the time between.
    if (this.source !== figure.source || wasBlind) this.startAnew({ atUs, source: figure.source });
    this.blindSinceUs = undefined;
    const fromUs = Math.max(this.atUs, this.meterSinceUs, atUs - this.power.windowUs);
    if (fromUs < atUs) {
      this.window.add({ fromUs, toUs: atUs, watts });
      this.learnNoise({ watts, elapsedUs: atUs - fromUs });
    }
    this.lastWatts = watts;
  }

  private startAnew({ atUs, source }: { atUs: number; source: FigureSource }): void {
    this.window.clear();
    this.source = source;
    this.meterSinceUs = Number.isFinite(this.atUs) ? this.atUs : atUs;
    this.levelSinceUs = this.meterSinceUs;
    this.calmSinceUs = atUs;
    this.peak.clear();
    this.lastWatts = undefined;
    this.variance = 0;
  }

  /** Half the squared difference of neighbours is the variance of one reading; steps of the load are clipped out of it. */
  private learnNoise({ watts, elapsedUs }: { watts: number; elapsedUs: number }): void {
    this.readingUs = NOISE_MEMORY * this.readingUs + (1 - NOISE_MEMORY) * elapsedUs;
    if (this.lastWatts === undefined) return;
    const floor = (0.01 * watts) ** 2;
    const squared = Math.min((watts - this.lastWatts) ** 2 / 2, 9 * Math.max(this.variance, floor));
    this.variance = NOISE_MEMORY * this.variance + (1 - NOISE_MEMORY) * squared;
  }

  private deviationOver(spanUs: number): number {
    return Math.sqrt((this.variance * this.readingUs) / Math.max(spanUs, this.readingUs));
  }

  private judge(input: GovernorInput): PowerPressure {
    const { atUs, supply } = input;
    const { preset, share } = this.supplies.step(supply);
    this.preset = preset;
    const band = this.bandOf(input);
    const average = this.averageSince(this.meterSinceUs, atUs);
    const isBlind = this.blindSinceUs !== undefined;
    if (band === "green" && average !== undefined && !isBlind) this.greenWatts = average;
    const budgetWatts = this.budgetIn({ band, share });
    const saveWatts = isBlind ? this.saveBlind(atUs) : this.saveAt({ atUs, budgetWatts, band });
    const isKnown = average !== undefined && !isBlind;
    return freeze({
      atUs,
      watts: isKnown ? average : "unknown",
      budgetWatts,
      saveWatts,
      band,
      source: isKnown ? this.source : "unknown",
    });
  }

  private averageSince(sinceUs: number, atUs: number): number | undefined {
    return this.window.average({ atUs, spanUs: Math.min(this.power.windowUs, atUs - sinceUs) });
  }

  /** A machine whose draw nobody knows is treated as warm. */
  private bandOf({ atUs, band }: GovernorInput): PowerBand {
    const blindUs = this.blindSinceUs === undefined ? 0 : atUs - this.blindSinceUs;
    const isLong = blindUs > BLIND_WINDOWS * this.power.windowUs;
    return isLong && band === "green" && Number.isFinite(this.power.packageWatts) ? "yellow" : band;
  }

  private budgetIn({ band, share }: { band: PowerBand; share: number }): number {
    const { packageWatts, bandShares } = this.power;
    if (Number.isFinite(packageWatts)) return packageWatts * share * bandShares[band];
    if (band === "green" || this.greenWatts === undefined) return Number.POSITIVE_INFINITY;
    return this.greenWatts * bandShares[band];
  }

  /** What was asked for may still be under way for one window; after it a blind demand would never be met. */
  private saveBlind(atUs: number): number {
    const isFresh = atUs - (this.blindSinceUs as number) < this.power.windowUs;
    this.calmSinceUs = atUs;
    return isFresh ? Math.max(0, this.published.saveWatts) : 0;
  }

  private saveAt(given: { atUs: number; budgetWatts: number; band: PowerBand }): number {
    const { atUs, budgetWatts, band } = given;
    // Without a budget everything may climb while it is cool; in a band whose cool draw nobody saw, the band alone speaks.
    if (budgetWatts === Number.POSITIVE_INFINITY) return band === "green" ? Number.NEGATIVE_INFINITY : 0;
    const { windowUs } = this.power;
    const leastUs = Math.max(windowUs * STEP_SHARE, STEP_READINGS * this.readingUs);
    this.noteStep({ atUs, leastUs, budgetWatts });
    const heldUs = atUs - this.levelSinceUs;
    const level = this.averageSince(this.levelSinceUs, atUs);
    // Too little is known of the new load: what was asked stands, and no headroom.
    if (level === undefined || heldUs < leastUs) return Math.max(0, this.published.saveWatts);
    const noise = (GUARD_DEVIATIONS * this.deviationOver(windowUs)) / budgetWatts;
    const guardWatts = Math.min(MOST_GUARD, Math.max(LEAST_GUARD, noise)) * budgetWatts;
    const targetWatts = budgetWatts - guardWatts;
    const demandAboveWatts = budgetWatts - guardWatts / 2;
    const youngWatts = YOUNG_DEVIATIONS * (this.deviationOver(heldUs) - this.deviationOver(windowUs));
    if (level > (this.isSaving ? targetWatts : demandAboveWatts + Math.max(0, youngWatts))) {
      this.demand({ atUs, level });
      return level - targetWatts;
    }
    if (this.isSaving) {
      this.isSaving = false;
      this.calmSinceUs = atUs;
      this.peak.clear();
    }
    const headroomWatts = this.headroom({
      atUs,
      level,
      ceilingWatts: targetWatts - HYSTERESIS * budgetWatts,
    });
    if (headroomWatts === 0) return 0;
    this.offer = { atUs, demandAboveWatts };
    return -headroomWatts;
  }

  /** Two levels that lie further apart than noise are an old load and a new one. */
  private noteStep({
    atUs,
    leastUs,
    budgetWatts,
  }: {
    atUs: number;
    leastUs: number;
    budgetWatts: number;
  }): void {
    const step = this.window.split({ sinceUs: this.levelSinceUs, atUs, leastUs });
    if (step === undefined) return;
    const apart = Math.max(STEP_DEVIATIONS * this.deviationOver(leastUs), LEAST_GUARD * budgetWatts);
    if (Math.abs(step.afterWatts - step.beforeWatts) <= apart) return;
    this.levelSinceUs = step.atUs;
  }

  /** An offer has led to a demand only where the draw would be too much for the budget of the offer as well. */
  private demand({ atUs, level }: { atUs: number; level: number }): void {
    const isRecent = atUs - this.offer.atUs <= BLIND_WINDOWS * this.power.windowUs;
    if (!this.isSaving && isRecent && level > this.offer.demandAboveWatts) {
      this.patience = Math.min(MOST_PATIENCE, this.patience * 2);
    }
    this.isSaving = true;
  }

  /**
   * What may still be spent. Only a demand ends a calm: a load that swings steps up and down all the time, and its highest
   * average over a window is what it needs.
   */
  protected headroom(given: { atUs: number; level: number; ceilingWatts: number }): number {
    const { atUs, level, ceilingWatts } = given;
    const { windowUs } = this.power;
    const calmUs = atUs - this.calmSinceUs;
    const average = calmUs < windowUs ? undefined : this.averageSince(this.calmSinceUs, atUs);
    if (average === undefined) return 0;
    const peakWatts = this.peak.take({ atUs, watts: average, spanUs: PEAK_WINDOWS * windowUs });
    const leastCalmUs = CALM_WINDOWS * windowUs * this.patience;
    // The average shows a climb late, the level at once.
    const roomWatts = ceilingWatts - Math.max(peakWatts, level);
    if (calmUs < leastCalmUs || roomWatts <= 0) return 0;
    // Patience is forgotten as slowly as it was learnt.
    if (calmUs > 4 * leastCalmUs) {
      this.patience = Math.max(1, this.patience / 2);
      this.calmSinceUs = atUs - CALM_WINDOWS * windowUs * this.patience;
    }
    return OFFERED * roomWatts;
  }
}

/** The highest value of the last one to two spans. */
class RecentPeak {
  private sinceUs = Number.NEGATIVE_INFINITY;
  private before = 0;
  private now = 0;

  take({ atUs, watts, spanUs }: { atUs: number; watts: number; spanUs: number }): number {
    if (atUs - this.sinceUs >= spanUs) {
      this.before = this.now;
      this.now = 0;
      this.sinceUs = atUs;
    }
    this.now = Math.max(this.now, watts);
    return Math.max(this.now, this.before);
  }

  clear(): void {
    this.sinceUs = Number.NEGATIVE_INFINITY;
    this.before = 0;
    this.now = 0;
  }
}

function freeze(pressure: PowerPressure): PowerPressure {
  return Object.freeze(pressure);
}
