// Owns the list of every meter of a machine. Knows no budget.
// Invariant: at most LIMITS.powerMeters; a kind of meter that fails to be found leaves the others.

import { LIMITS } from "../core/limits.js";
import { findBatteryMeters } from "./battery.js";
import { findHwmonMeters } from "./hwmon.js";
import type { PowerMeter } from "./meter.js";
import { type CommandRunner, findNvidiaMeters } from "./nvidia.js";
import { findPowercapMeters } from "./powercap.js";
import type { SysTree } from "./sys-tree.js";

/** Every meter below `/sys`, and the cards that `nvidia-smi` lists when a runner is given. */
export async function findMeters(
  tree: SysTree,
  { run }: { readonly run?: CommandRunner | undefined } = {},
): Promise<PowerMeter[]> {
  const found = await Promise.all([
    findPowercapMeters(tree),
    findHwmonMeters(tree),
    findBatteryMeters(tree),
    run === undefined ? [] : findNvidiaMeters(run),
  ]);
  return found.flat().slice(0, LIMITS.powerMeters);
}

/** Devices that draw power no meter here tells: cards without a sensor, and NPUs. */
export async function findUnmetered(tree: SysTree, meters: readonly PowerMeter[]): Promise<string[]> {
  const [cards, npus] = await Promise.all([tree.list("class/drm"), tree.list("class/accel")]);
  const gpus = cards.filter((name) => /^card\d+$/.test(name));
  const hasCardMeter = meters.some(({ scope }) => scope === "gpu" || scope === "uncore");
  return [...(hasCardMeter ? [] : gpus), ...npus.filter((name) => /^accel\d+$/.test(name))];
}
