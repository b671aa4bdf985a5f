// Owns a pretended machine under a power budget: loads that answer late, draw unevenly and are believed to cost what they
// nearly cost. Invariant: time is virtual and every number comes from the seed.

import type { PowerPressure } from "../../runtime/core/budget.js";
import type { Rng } from "../../runtime/core/rng.js";
import { estimated, measured, type PowerFigure } from "../../runtime/power/meter.js";

/** One load that can be shed. */
export interface PlantLoad {
  readonly watts: number;
  /** What the reader of the pressure believes it costs. */
  readonly believedWatts: number;
}

export interface PlantOptions {
  /** What cannot be shed: critical sessions and idling. */
  readonly floorWatts: number;
  /** Least important first. */
  readonly loads: readonly PlantLoad[];
  readonly windowUs: number;
  /** From a decision to its effect. */
  readonly delayUs: number;
  /** Half the width of the draw's own noise, and of the meter's, as shares. */
  readonly drawNoise: number;
  readonly meterNoise: number;
}

export const TICK_US = 100_000;

/** Sheds and climbs once a window as a scheduler would, and remembers what was really drawn. */
export class PowerPlant {
  /** The real draw of each tick. */
  readonly drawn: number[] = [];
  readonly moves: { readonly atUs: number; readonly loads: number }[] = [];
  private wanted: number;
  private effective: number;
  private readonly pending: { readonly atUs: number; readonly loads: number }[] = [];
  private movedUs = Number.NEGATIVE_INFINITY;
  atUs = 0;

  constructor(
    private readonly options: PlantOptions,
    private readonly rng: Rng,
  ) {
    this.wanted = options.loads.length;
    this.effective = this.wanted;
  }

  /** Loads that run, of the most important down. */
  get running(): number {
    return this.wanted;
  }

  /** One tick: the draw, and what a meter says of it. */
  tick(source: "measured" | "estimated" = "measured"): PowerFigure {
    this.atUs += TICK_US;
    while (this.pending[0] !== undefined && this.pending[0].atUs < this.atUs) {
      this.effective = (this.pending.shift() as { loads: number }).loads;
    }
    const { floorWatts, loads, drawNoise, meterNoise } = this.options;
    const shed = loads.length - this.effective;
    const steady = loads.slice(shed).reduce((sum, { watts }) => sum + watts, floorWatts);
    const watts = steady * this.around(drawNoise);
    this.drawn.push(watts);
    return (source === "measured" ? measured : estimated)(watts * this.around(meterNoise));
  }

  /** What a reader of the pressure does: no more than one move a window, as much as is asked, never more than is offered. */
  obey({ saveWatts }: PowerPressure): void {
    if (this.atUs - this.movedUs < this.options.windowUs) return;
    const { loads, delayUs } = this.options;
    const before = this.wanted;
    let left = saveWatts;
    while (left > 0 && this.wanted > 0) {
      left -= (loads[loads.length - this.wanted] as PlantLoad).believedWatts;
      this.wanted -= 1;
    }
    const next = loads[loads.length - this.wanted - 1];
    if (saveWatts < 0 && next !== undefined && next.believedWatts <= -saveWatts) this.wanted += 1;
    if (this.wanted === before) return;
    this.movedUs = this.atUs;
    this.pending.push({ atUs: this.atUs + delayUs, loads: this.wanted });
    this.moves.push({ atUs: this.atUs, loads: this.wanted });
  }

  /** The highest average over any window that begins at or after an instant. */
  highestAverage({ fromUs, windowUs }: { readonly fromUs: number; readonly windowUs: number }): number {
    const width = Math.round(windowUs / TICK_US);
    const first = Math.ceil(fromUs / TICK_US);
    let sum = 0;
    let highest = Number.NEGATIVE_INFINITY;
    for (let index = first; index < this.drawn.length; index += 1) {
      sum += this.drawn[index] as number;
      if (index - width >= first) sum -= this.drawn[index - width] as number;
      if (index - first + 1 >= width) highest = Math.max(highest, sum / width);
    }
    return highest;
  }

  private around(halfWidth: number): number {
    return 1 + halfWidth * (2 * this.rng.next() - 1);
  }
}
