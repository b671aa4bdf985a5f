// Owns the kernel's preference between speed and energy, per processor policy: reads it, sets it where permitted, puts it back.
// Invariant: what was there before the first change is what is there after `restore`.

import type { PowerAsk } from "../core/budget.js";
import { readWord, type SysTree } from "./sys-tree.js";

const FOLDER = "devices/system/cpu/cpufreq";

/** What the processors prefer now. */
export interface CpuPreferenceReading {
  /** The word of each policy that has one, for example `balance_performance`. */
  readonly words: Readonly<Record<string, string>>;
}

/** Sets the preference of every policy that knows the word. */
export class CpuPreference {
  private readonly before = new Map<string, string>();

  constructor(private readonly tree: SysTree) {}

  async read(): Promise<CpuPreferenceReading> {
    const words: Record<string, string> = {};
    for (const policy of await this.policies()) {
      const word = await readWord(this.tree, fileOf(policy));
      if (word !== undefined) words[policy] = word;
    }
    return { words };
  }

  /** Asks for a word; answers the reasons of policies that did not take it, none where all did. */
  async prefer(word: PowerAsk["cpuPreference"]): Promise<string[]> {
    const reasons: string[] = [];
    for (const policy of await this.policies()) {
      const known = await this.tree.read(`${FOLDER}/${policy}/energy_performance_available_preferences`);
      const now = await readWord(this.tree, fileOf(policy));
      if (now === undefined || known.text?.split(/\s+/).includes(word) !== true) {
        reasons.push(`${policy} does not know ${word}`);
        continue;
      }
      if (now === word) continue;
      const refusal = await this.tree.write(fileOf(policy), word);
      if (refusal === undefined) {
        if (!this.before.has(policy)) this.before.set(policy, now);
      } else reasons.push(`${policy}: ${refusal}`);
    }
    return reasons;
  }

  /** Puts back what was there before. */
  async restore(): Promise<void> {
    for (const [policy, word] of this.before) await this.tree.write(fileOf(policy), word);
    this.before.clear();
  }

  private async policies(): Promise<string[]> {
    return (await this.tree.list(FOLDER)).filter((name) => /^policy\d+$/.test(name));
  }
}

function fileOf(policy: string): string {
  return `${FOLDER}/${policy}/energy_performance_preference`;
}
