// Owns the cheap question asked before the model: can there be speech in this frame at all? Knows no model.
// Invariant: opens on doubt; a frame is judged from its level and the level of the quietest recent frame only.

import { LEVEL_FIELDS, type LevelPlan, planLevel } from "../ops/level-plan.js";
import type { Ops } from "../ops/ops.js";

/**
 * When the gate opens and closes. The defaults are measured on the development recordings; the table and the
 * reasoning are in docs/decisions/0030-energy-gate.md.
 */
export interface GateRules {
  /** Opens this far above the noise floor, in dB. Default 6. */
  readonly openAboveDb?: number;
  /** May close only below this distance from the noise floor, in dB. Default 5. */
  readonly closeBelowDb?: number;
  /** Frames that must all ask to close before it closes. Default 8 (0.26 s). */
  readonly hangoverFrames?: number;
  /** Frames kept while closed and run first when it opens, so that a soft onset is not lost. Default 4 (128 ms). */
  readonly preRollFrames?: number;
  /** The noise floor is the quietest frame of this many. Default 64 (2 s): longer than a syllable, shorter than a change of scene. */
  readonly floorFrames?: number;
}

/**
 * The floor is never below this level in dB of full scale: 16-bit sound of that level toggles its last bits, and
 * no speech is in it. Digital silence would otherwise make every dither pattern look loud.
 */
const LOWEST_FLOOR_DB = -80;

/**
 * First-difference pre-emphasis. Road and engine noise lies below 200 Hz, where it would hide the onset of a soft
 * consonant; the filter weighs the spectrum the way speech models of all kinds do (0.97).
 */
const PRE_EMPHASIS = 0.97;

/** One frame's verdict. */
export interface GateReading {
  readonly isOpen: boolean;
  /** Level of the pre-emphasised frame in dB of full scale. */
  readonly levelDb: number;
  readonly floorDb: number;
}

/**
 * An adaptive energy gate.
 *
 * @example
 * const gate = new EnergyGate(ops);
 * if (gate.judge(frame.samples, { isHeld: false }).isOpen) await vad.run(frame.samples);
 */
export class EnergyGate {
  readonly preRollFrames: number;
  readonly #ops: Ops;
  readonly #openAboveDb: number;
  readonly #closeBelowDb: number;
  readonly #hangoverFrames: number;
  readonly #levels: Float64Array;
  #judged = 0;
  #isOpen = true;
  #quietFrames = 0;
  #lastSample = 0;
  #plan: LevelPlan | undefined;
  readonly #stats = new Float64Array(LEVEL_FIELDS.count);

  constructor(ops: Ops, rules: GateRules = {}) {
    this.#ops = ops;
    this.#openAboveDb = rules.openAboveDb ?? 6;
    this.#closeBelowDb = rules.closeBelowDb ?? 5;
    this.#hangoverFrames = rules.hangoverFrames ?? 8;
    this.preRollFrames = rules.preRollFrames ?? 4;
    this.#levels = new Float64Array(rules.floorFrames ?? 64).fill(Infinity);
  }

  /** Judges the next frame. `isHeld` keeps the gate open: the model itself still hears speech, or is in doubt. */
  judge(samples: Float32Array, { isHeld }: { readonly isHeld: boolean }): GateReading {
    const levelDb = this.#level(samples);
    this.#levels[this.#judged % this.#levels.length] = levelDb;
    this.#judged += 1;
    const floorDb = Math.max(
      LOWEST_FLOOR_DB,
      this.#levels.reduce((least, level) => Math.min(least, level)),
    );

    if (levelDb >= floorDb + this.#openAboveDb) {
      this.#isOpen = true;
      this.#quietFrames = 0;
    } else if (isHeld || levelDb >= floorDb + this.#closeBelowDb) {
      this.#quietFrames = 0;
    } else {
      this.#quietFrames += 1;
      if (this.#quietFrames >= this.#hangoverFrames) this.#isOpen = false;
    }
    return { isOpen: this.#isOpen, levelDb, floorDb };
  }

  #level(samples: Float32Array): number {
    if (this.#plan?.samples !== samples.length)
      this.#plan = planLevel({ samples: samples.length, preEmphasis: PRE_EMPHASIS });
    this.#ops.level(this.#plan, { samples, previous: this.#lastSample, stats: this.#stats });
    this.#lastSample = samples[samples.length - 1]!;
    return 10 * Math.log10(this.#stats[LEVEL_FIELDS.emphasised]! / samples.length + 1e-12);
  }
}
