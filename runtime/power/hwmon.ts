// Owns the meters below class/hwmon: INA3221 rails, amdgpu and other cards, energy counters, and any chip that tells power.
// Invariant: current is multiplied with voltage only on chips whose channels are known to belong together.

import { EnergyCounter } from "./energy-counter.js";
import {
  type MeterScope,
  MOST_WATTS,
  type PowerFigure,
  type PowerMeter,
  plausible,
  unknown,
} from "./meter.js";
import { HWMON_FIX } from "./permission-fix.js";
import { readNumber, readWord, type SysNumber, type SysTree } from "./sys-tree.js";

const FOLDER = "class/hwmon";
// A card that idles may not count for a while; a socket never stops.
const FROZEN_AFTER_US = 5_000_000;
const CARD_CHIPS: ReadonlySet<string> = new Set(["amdgpu", "i915", "xe", "nouveau", "nvidia"]);
/** The rails that feed a whole module: Orin NX and Nano and Xavier NX, Nano, and boards wired like them. */
const BOARD_RAIL = /^(VDD_IN|POM_5V_IN|VDD_5V_IN|5V_IN|VIN)$/i;

/** Every channel of every chip that tells power, energy, or current and voltage of one rail. */
export async function findHwmonMeters(tree: SysTree): Promise<PowerMeter[]> {
  const chips = await tree.list(FOLDER);
  return (await Promise.all(chips.map((chip) => metersOf(tree, chip)))).flat();
}

interface Channel {
  readonly id: string;
  readonly label: string;
  readonly scope: MeterScope;
}

async function metersOf(tree: SysTree, chip: string): Promise<PowerMeter[]> {
  const folder = `${FOLDER}/${chip}`;
  const files = await tree.list(folder);
  const name = (await readWord(tree, `${folder}/name`)) ?? chip;
  const channelOf = async (file: string, labelFile: string): Promise<Channel> => {
    const label = (await readWord(tree, `${folder}/${labelFile}`)) ?? `${name} ${file.split("_")[0]}`;
    return { id: `hwmon/${chip}/${file}`, label, scope: scopeOf(name, label) };
  };
  const power = powerFiles(files).map(async (file) => {
    const channel = await channelOf(file, file.replace(/_(average|input)$/, "_label"));
    return sensorMeter(channel, () => readNumber(tree, `${folder}/${file}`));
  });
  const energy = files
    .filter((file) => /^energy\d+_input$/.test(file))
    .map(async (file) => {
      const channel = await channelOf(file, file.replace("_input", "_label"));
      return counterMeter(channel, () => readNumber(tree, `${folder}/${file}`));
    });
  const rails =
    name !== "ina3221"
      ? []
      : railNumbers(files).map(async (rail) => {
          const channel = await channelOf(`curr${rail}_input`, `in${rail}_label`);
          return sensorMeter(channel, () => railMicrowatts(tree, { folder, rail }));
        });
  return Promise.all([...power, ...energy, ...rails]);
}

/** One file per channel: the average where a chip tells both, which sorts before the input. */
function powerFiles(files: readonly string[]): string[] {
  const channels = new Map<string, string>();
  for (const file of files) {
    const [, channel] = /^(power\d+)_(average|input)$/.exec(file) ?? [];
    if (channel !== undefined && !channels.has(channel)) channels.set(channel, file);
  }
  return [...channels.values()];
}

/** Channels 1 to 3 have both; 4 is the chip's own sum of currents, which is no rail. */
function railNumbers(files: readonly string[]): string[] {
  return ["1", "2", "3"].filter(
    (rail) => files.includes(`curr${rail}_input`) && files.includes(`in${rail}_input`),
  );
}

/** Millivolts times milliamperes are microwatts. */
async function railMicrowatts(
  tree: SysTree,
  { folder, rail }: { folder: string; rail: string },
): Promise<SysNumber> {
  const current = await readNumber(tree, `${folder}/curr${rail}_input`);
  const voltage = await readNumber(tree, `${folder}/in${rail}_input`);
  if (current.value === undefined) return current;
  if (voltage.value === undefined) return voltage;
  // Two negatives would make a plausible product out of two faults.
  const isNegative = current.value < 0 || voltage.value < 0;
  if (!isNegative) return { value: current.value * voltage.value };
  return { fault: "failed", reason: `${folder}: ${current.value} mA at ${voltage.value} mV is no draw` };
}

function scopeOf(chip: string, label: string): MeterScope {
  if (CARD_CHIPS.has(chip)) return "gpu";
  if (chip === "ina3221") return BOARD_RAIL.test(label) ? "board" : "rail";
  if (chip.startsWith("ina")) return "rail";
  if (chip === "power_meter") return "machine";
  if (chip === "amd_energy") return label.startsWith("Esocket") ? "package" : "core";
  return "device";
}

function sensorMeter({ id, label, scope }: Channel, read: () => Promise<SysNumber>): PowerMeter {
  return {
    id,
    label,
    kind: "hwmon",
    scope,
    read: async () => {
      const microwatts = await read();
      if (microwatts.value === undefined) return refused(microwatts);
      return plausible(microwatts.value / 1e6, { scope, what: id });
    },
  };
}

function counterMeter({ id, label, scope }: Channel, read: () => Promise<SysNumber>): PowerMeter {
  const counter = new EnergyCounter({
    what: id,
    rangeUj: undefined,
    mostWatts: MOST_WATTS[scope],
    frozenAfterUs: FROZEN_AFTER_US,
  });
  return {
    id,
    label,
    kind: "hwmon",
    scope,
    read: async (atUs) => {
      const energy = await read();
      if (energy.value !== undefined) return counter.step({ atUs, uj: energy.value });
      counter.reset();
      return refused(energy);
    },
  };
}

function refused({ fault, reason }: Extract<SysNumber, { value?: undefined }>): PowerFigure {
  return unknown(reason, fault === "denied" ? HWMON_FIX : undefined);
}
