// Owns the meters below class/powercap: RAPL packages and their core, uncore, dram and psys zones. Sets no limit.
// Invariant: a zone that is listed is a meter, readable or not; one that may not be read says how to change that.

import { EnergyCounter } from "./energy-counter.js";
import {
  type MeterScope,
  MOST_WATTS,
  type PowerFigure,
  type PowerMeter,
  plausible,
  unknown,
} from "./meter.js";
import { POWERCAP_FIX } from "./permission-fix.js";
import { readNumber, readWord, type SysTree } from "./sys-tree.js";

const FOLDER = "class/powercap";
const FROZEN_AFTER_US = 2_000_000;

/** Every zone with a counter of energy or power. */
export async function findPowercapMeters(tree: SysTree): Promise<PowerMeter[]> {
  const zones = (await tree.list(FOLDER)).filter((zone) => zone.includes(":"));
  const meters = await Promise.all(zones.map((zone) => meterOf(tree, zone)));
  return meters.filter((meter) => meter !== undefined);
}

async function meterOf(tree: SysTree, zone: string): Promise<PowerMeter | undefined> {
  const files = await tree.list(`${FOLDER}/${zone}`);
  const name = (await readWord(tree, `${FOLDER}/${zone}/name`)) ?? zone;
  const scope = scopeOf(name);
  const label = await labelOf(tree, { zone, name });
  if (files.includes("energy_uj")) return new ZoneMeter(tree, { zone, label, scope });
  if (files.includes("power_uw")) return powerMeter(tree, { zone, label, scope });
  return undefined;
}

/** `package-0`, or `package-0/dram` for a zone inside one: two packages have zones of the same name. */
async function labelOf(tree: SysTree, { zone, name }: { zone: string; name: string }): Promise<string> {
  const parent = zone.slice(0, zone.lastIndexOf(":"));
  if (!parent.includes(":")) return name;
  return `${(await readWord(tree, `${FOLDER}/${parent}/name`)) ?? parent}/${name}`;
}

function scopeOf(name: string): MeterScope {
  if (name.startsWith("package-")) return "package";
  if (name === "psys") return "platform";
  return name === "core" || name === "uncore" || name === "dram" ? name : "device";
}

interface Zone {
  readonly zone: string;
  readonly label: string;
  readonly scope: MeterScope;
}

class ZoneMeter implements PowerMeter {
  readonly kind = "powercap";
  readonly id: string;
  readonly label: string;
  readonly scope: MeterScope;
  private readonly path: string;
  private counter: EnergyCounter | undefined;

  constructor(
    private readonly tree: SysTree,
    { zone, label, scope }: Zone,
  ) {
    this.id = `powercap/${zone}`;
    this.label = label;
    this.scope = scope;
    this.path = `${FOLDER}/${zone}`;
  }

  async read(atUs: number): Promise<PowerFigure> {
    const energy = await readNumber(this.tree, `${this.path}/energy_uj`);
    if (energy.value === undefined) {
      this.counter?.reset();
      return unknown(energy.reason, energy.fault === "denied" ? POWERCAP_FIX : undefined);
    }
    this.counter ??= await this.openCounter();
    return this.counter.step({ atUs, uj: energy.value });
  }

  private async openCounter(): Promise<EnergyCounter> {
    const range = (await readNumber(this.tree, `${this.path}/max_energy_range_uj`)).value;
    return new EnergyCounter({
      what: `${this.path}/energy_uj`,
      rangeUj: range !== undefined && range > 0 ? range : undefined,
      mostWatts: MOST_WATTS[this.scope],
      frozenAfterUs: FROZEN_AFTER_US,
    });
  }
}

/** A zone that tells power and keeps no account of energy. */
function powerMeter(tree: SysTree, { zone, label, scope }: Zone): PowerMeter {
  const path = `${FOLDER}/${zone}/power_uw`;
  return {
    id: `powercap/${zone}`,
    label,
    kind: "powercap",
    scope,
    read: async () => {
      const power = await readNumber(tree, path);
      if (power.value !== undefined) return plausible(power.value / 1e6, { scope, what: path });
      return unknown(power.reason, power.fault === "denied" ? POWERCAP_FIX : undefined);
    },
  };
}

/**
 * The rated power of the first package in watts (its long-term constraint's maximum), which is readable where the counter is
 * not; undefined where the firmware does not say.
 */
export async function readRatedWatts(tree: SysTree): Promise<number | undefined> {
  for (const zone of await tree.list(FOLDER)) {
    if (!/:\d+$/.test(zone) || zone.split(":").length !== 2) continue;
    const rated = await readNumber(tree, `${FOLDER}/${zone}/constraint_0_max_power_uw`);
    if (rated.value !== undefined && rated.value > 0 && rated.value / 1e6 <= MOST_WATTS.package) {
      return rated.value / 1e6;
    }
  }
  return undefined;
}
