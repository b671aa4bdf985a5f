// Owns the suspicion against sensors that answer and lie: frozen ones and ones that jump. Reads nothing.
// Invariant: a figure is refused only when the load, where it is known, speaks against it; trust comes back by itself.

import { type PowerFigure, unknown } from "./meter.js";

/** Whether a frozen or jumping sensor is told apart from a steady or changing load. */
export interface TrustRules {
  /** A value that is exactly the same for so long, while the load changes, is frozen. */
  readonly frozenAfterUs: number;
  /** How much the load must have changed meanwhile, in busy cores. */
  readonly changedCores: number;
  /** A step up or down by this factor is a jump. */
  readonly jumpFactor: number;
  /** So many jumps in alternating directions among the last `memory` figures, while the load stays, are a fault. */
  readonly jumps: number;
  readonly memory: number;
}

/** Firmware that averages over seconds must not look frozen, nor a load that comes and goes like a jump. */
export const TRUST_RULES: TrustRules = {
  frozenAfterUs: 5_000_000,
  changedCores: 0.5,
  jumpFactor: 3,
  jumps: 4,
  memory: 8,
};

interface Note {
  readonly watts: number;
  readonly busyCores: number | undefined;
}

/** The memory of one sensor. Give it every figure, in order. */
export class SensorTrust {
  private readonly notes: Note[] = [];
  private same: { sinceUs: number; watts: number; least: number; most: number } | undefined;

  constructor(
    private readonly what: string,
    private readonly rules: TrustRules = TRUST_RULES,
  ) {}

  /** The figure as it came, or unknown with the reason it is not believed. */
  judge(given: { atUs: number; figure: PowerFigure; busyCores: number | undefined }): PowerFigure {
    const { atUs, figure, busyCores } = given;
    if (figure.watts === "unknown") {
      // After a gap nothing is known about what happened in it.
      this.same = undefined;
      this.notes.length = 0;
      return figure;
    }
    this.note({ watts: figure.watts, busyCores });
    const frozen = this.frozenFor({ atUs, watts: figure.watts, busyCores });
    if (frozen !== undefined) return unknown(`${this.what} ${frozen}`);
    const jumping = this.jumping();
    return jumping === undefined ? figure : unknown(`${this.what} ${jumping}`);
  }

  private note(note: Note): void {
    this.notes.push(note);
    if (this.notes.length > this.rules.memory) this.notes.shift();
  }

  private frozenFor(now: { atUs: number; watts: number; busyCores: number | undefined }): string | undefined {
    const { atUs, watts, busyCores } = now;
    if (busyCores === undefined) return undefined;
    if (this.same === undefined || this.same.watts !== watts) {
      this.same = { sinceUs: atUs, watts, least: busyCores, most: busyCores };
      return undefined;
    }
    const { same, rules } = this;
    same.least = Math.min(same.least, busyCores);
    same.most = Math.max(same.most, busyCores);
    const isOld = atUs - same.sinceUs >= rules.frozenAfterUs;
    if (!isOld || same.most - same.least < rules.changedCores) return undefined;
    const seconds = ((atUs - same.sinceUs) / 1e6).toFixed(0);
    return `says ${watts} W for ${seconds} s while the load went from ${same.least.toFixed(1)} to ${same.most.toFixed(1)} cores`;
  }

  private jumping(): string | undefined {
    const { notes, rules } = this;
    if (notes.length < rules.memory) return undefined;
    const loads = notes.map(({ busyCores }) => busyCores);
    // Without a witness a load that comes and goes is the likelier explanation.
    if (loads.some((load) => load === undefined)) return undefined;
    const spread = Math.max(...(loads as number[])) - Math.min(...(loads as number[]));
    if (spread >= rules.changedCores) return undefined;
    let jumps = 0;
    let direction = 0;
    for (let index = 1; index < notes.length; index += 1) {
      const from = (notes[index - 1] as Note).watts;
      const to = (notes[index] as Note).watts;
      const isJump = Math.max(from, to) > Math.min(from, to) * rules.jumpFactor;
      const sign = Math.sign(to - from);
      if (!isJump || sign === direction) continue;
      jumps += 1;
      direction = sign;
    }
    if (jumps < rules.jumps) return undefined;
    const watts = notes.map((note) => note.watts);
    return `jumps between ${Math.min(...watts).toFixed(1)} and ${Math.max(...watts).toFixed(1)} W while the load stays`;
  }
}
