// Owns which band the heat puts the machine in: limits per zone, hysteresis, and what an unreadable zone means. Reads nothing.
// Invariant: a band falls only when a reading says so: blindness never cools a machine down.

import { POWER_BANDS, type PowerBand } from "../core/budget.js";
import type { ThermalReading, ThermalZone } from "./thermal.js";

/** Where the bands begin, in degrees Celsius. */
export interface ThermalLimits {
  readonly yellowC: number;
  readonly redC: number;
  readonly dangerC: number;
  /** A band is left only this far below where it began. */
  readonly hysteresisC: number;
}

/**
 * For processors that tell no trip points: they slow themselves down between 80 C (small boards) and 100 C (notebooks), so
 * yellow comes before either does, and danger before the hotter one must.
 */
export const DEFAULT_LIMITS: ThermalLimits = { yellowC: 75, redC: 85, dangerC: 95, hysteresisC: 5 };

/** How far before its own trip points a zone asks for less. */
const BEFORE_PASSIVE_C = 10;
const BEFORE_CRITICAL_C = 5;
/** Zones of the processor, card or board; a radio's or a battery's heat is not ours to govern. */
const OURS = /cpu|x86_pkg|soc|gpu|npu|package|core|acpitz|big|little|cluster|tj|cv\d|board/i;
/** A reading must be seen twice before a band rises: one spike of a bus is no heat. */
const RISE_READINGS = 2;

/** A band and what put the machine there. */
export interface BandReading {
  readonly band: PowerBand;
  /** For people; empty in green. */
  readonly cause: string;
}

/** The band's memory: give it every reading, in order. */
export class ThermalBands {
  private current: BandReading = { band: "green", cause: "" };
  private rising: { readonly level: number; readonly readings: number } = { level: 0, readings: 0 };
  private readonly known = new Set<string>();

  /** @param limits Take the place of the zones' own trip points. */
  constructor(private readonly limits?: ThermalLimits) {}

  step(reading: ThermalReading): BandReading {
    const zones = reading.zones.filter((zone) => this.isGoverned(zone));
    const blind = zones.filter(({ id, celsius }) => celsius === "unknown" && this.known.has(id));
    for (const { id, celsius } of zones) if (celsius !== "unknown") this.known.add(id);
    // A zone whose file has gone was hot or cold a moment ago: that is no news of its heat either.
    const lost = [...this.known].filter((id) => !reading.zones.some((zone) => zone.id === id));
    const hottest = this.hottest(zones);
    const slowed = reading.coolers.find(
      ({ isSlowing, state }) => isSlowing && state !== "unknown" && state > 0,
    );
    const own =
      slowed === undefined || hottest.level >= 1
        ? hottest
        : { level: 1, cause: `the system slows ${slowed.type} down` };
    const isBlind = blind.length > 0 || lost.length > 0;
    return this.settle({ ...own, isBlind });
  }

  private isGoverned(zone: ThermalZone): boolean {
    if (this.known.has(zone.id)) return true;
    const { passive, hot, critical } = zone.trips;
    return OURS.test(zone.type) || passive !== undefined || hot !== undefined || critical !== undefined;
  }

  private hottest(zones: readonly ThermalZone[]): { level: number; cause: string } {
    const now = POWER_BANDS.indexOf(this.current.band);
    let worst = { level: 0, cause: "" };
    for (const zone of zones) {
      if (zone.celsius === "unknown") continue;
      const { yellowC, redC, dangerC, hysteresisC } = this.limits ?? limitsOf(zone);
      const starts = [Number.NEGATIVE_INFINITY, yellowC, redC, dangerC];
      // The limit of a band the machine is in already is lower by the hysteresis.
      const level = starts.findLastIndex(
        (start, at) => (zone.celsius as number) >= start - (at <= now ? hysteresisC : 0),
      );
      if (level > worst.level) {
        const cause = `${zone.type} is at ${zone.celsius.toFixed(1)} C (${POWER_BANDS[level]} from ${starts[level]} C)`;
        worst = { level, cause };
      }
    }
    return worst;
  }

  private settle({ level, cause, isBlind }: { level: number; cause: string; isBlind: boolean }): BandReading {
    const now = POWER_BANDS.indexOf(this.current.band);
    if (level < now && isBlind) {
      const kept = this.current.cause.replace(/; a zone can no longer be read$/, "");
      this.current = { band: this.current.band, cause: `${kept}; a zone can no longer be read` };
      return this.current;
    }
    if (level > now) {
      const readings = this.rising.readings + 1;
      // The lowest of the readings counts: what all of them have reached.
      const reached = this.rising.readings === 0 ? level : Math.min(level, this.rising.level);
      this.rising = { level: reached, readings };
      if (readings < RISE_READINGS || reached <= now) return this.current;
      this.rising = { level: 0, readings: 0 };
      this.current = { band: POWER_BANDS[reached] as PowerBand, cause };
      return this.current;
    }
    this.rising = { level: 0, readings: 0 };
    if (level < now) this.current = { band: POWER_BANDS[level] as PowerBand, cause };
    else if (cause !== "") this.current = { band: this.current.band, cause };
    return this.current;
  }
}

/** A zone's limits from its own trip points; the defaults where it has none. */
function limitsOf({ trips }: ThermalZone): ThermalLimits {
  const { passive, hot, critical } = trips;
  const ceiling = hot ?? critical;
  if (passive === undefined && ceiling === undefined) return DEFAULT_LIMITS;
  const redC = passive ?? (ceiling as number) - 2 * BEFORE_CRITICAL_C;
  const dangerC = Math.max(
    redC + 1,
    ceiling === undefined ? redC + BEFORE_PASSIVE_C : ceiling - BEFORE_CRITICAL_C,
  );
  return { yellowC: redC - BEFORE_PASSIVE_C, redC, dangerC, hysteresisC: DEFAULT_LIMITS.hysteresisC };
}
