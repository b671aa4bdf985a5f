// Owns the record of a matrix under way: one line for each play, so that an interrupted one goes on where it stopped.
// Knows no process. Invariant: a line that a kill has cut short is no play.

import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Play } from "./table.js";

/** What is played. Only plays of the very same are taken up again. */
export interface Plan {
  /** The commit, with `+` behind it when files differ from it; null outside a checkout. */
  readonly commit: string | null;
  readonly times: number;
  /** Full versions of Node. */
  readonly nodes: readonly string[];
  readonly cases: readonly string[];
}

export class Journal {
  private constructor(
    private readonly file: string,
    /** Every play so far, those of the interrupted runs first. */
    readonly plays: Play[],
  ) {}

  /** Takes up the record of the same plan, or begins one. */
  static open(file: string, plan: Plan): Journal {
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    const [first, ...rest] = text.split("\n");
    const head = JSON.stringify(plan);
    if (first === head) {
      // What comes next begins a line of its own.
      if (!text.endsWith("\n")) appendFileSync(file, "\n");
      return new Journal(file, rest.flatMap(playOf));
    }
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${head}\n`);
    return new Journal(file, []);
  }

  add(play: Play): void {
    this.plays.push(play);
    appendFileSync(this.file, `${JSON.stringify(play)}\n`);
  }

  /** Forgets the record: the plan is done. */
  remove(): void {
    rmSync(this.file, { force: true });
  }
}

function playOf(line: string): Play[] {
  try {
    return [JSON.parse(line) as Play];
  } catch {
    return [];
  }
}
