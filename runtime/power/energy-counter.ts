// Owns turning readings of an energy counter into power: wrap-around, resets, and counters that stand still. Reads no file.
// Invariant: a power is answered only when the two readings allow one explanation; else unknown with the reason.

import { measured, type PowerFigure, unknown } from "./meter.js";

/** What is known about one counter. */
export interface CounterRules {
  /** For messages. */
  readonly what: string;
  /** The largest value before it starts again at zero, in microjoules; undefined where the kernel does not say. */
  readonly rangeUj: number | undefined;
  /** More than this cannot be drawn. */
  readonly mostWatts: number;
  /** A counter that has not moved for so long is frozen: whatever runs this code draws something. */
  readonly frozenAfterUs: number;
}

/** One counter's memory: give it every reading, in order. */
export class EnergyCounter {
  private last: { readonly atUs: number; readonly uj: number } | undefined;
  private figure: PowerFigure;

  constructor(private readonly rules: CounterRules) {
    this.figure = unknown(`${rules.what}: a counter needs two readings`);
  }

  /** The average power since the reading before. */
  step({ atUs, uj }: { readonly atUs: number; readonly uj: number }): PowerFigure {
    const last = this.last;
    const { what } = this.rules;
    if (last === undefined || uj < 0) {
      this.last = uj < 0 ? undefined : { atUs, uj };
      this.figure = unknown(uj < 0 ? `${what} is negative` : `${what}: a counter needs two readings`);
      return this.figure;
    }
    const elapsedUs = atUs - last.atUs;
    if (elapsedUs <= 0) return this.figure;
    if (uj === last.uj) return this.standStill(elapsedUs);
    this.last = { atUs, uj };
    this.figure = this.between(last.uj, { uj, elapsedUs });
    return this.figure;
  }

  /** Forgets the reading before: after a gap in which the counter could not be read. */
  reset(): void {
    this.last = undefined;
  }

  /** Counters tick every millisecond or so: an unchanged value is a short wait first, and a fault after a while. */
  private standStill(elapsedUs: number): PowerFigure {
    if (elapsedUs < this.rules.frozenAfterUs) {
      const isKnown = this.figure.watts !== "unknown";
      return isKnown ? this.figure : unknown(`${this.rules.what} has not moved yet`);
    }
    const seconds = (elapsedUs / 1e6).toFixed(1);
    this.figure = unknown(`${this.rules.what} has not moved for ${seconds} s`);
    return this.figure;
  }

  private between(fromUj: number, { uj, elapsedUs }: { uj: number; elapsedUs: number }): PowerFigure {
    const { what, rangeUj, mostWatts } = this.rules;
    if (rangeUj !== undefined && elapsedUs * mostWatts >= rangeUj) {
      return unknown(`${what} was read too seldom: it may have wrapped more than once`);
    }
    if (uj < fromUj && rangeUj === undefined) return unknown(`${what} went back from ${fromUj} to ${uj}`);
    if (rangeUj !== undefined && (fromUj > rangeUj || uj > rangeUj)) {
      return unknown(`${what} is beyond its own range of ${rangeUj}`);
    }
    const spentUj = uj < fromUj ? uj + (rangeUj as number) - fromUj : uj - fromUj;
    // Microjoules per microsecond are watts.
    const watts = spentUj / elapsedUs;
    if (watts > mostWatts) return unknown(`${what} says ${watts.toFixed(0)} W: it jumped or was reset`);
    return measured(watts);
  }
}
