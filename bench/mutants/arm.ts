// Owns a process that mutants are tried in: started when needed, and anew after a mutant ended it. Knows no mutant.
// Invariant: every trial is answered, and every process that ended before it was told to is counted as a death.

import type { ArmProcess } from "../harness/child.js";
import type { Trial, TrialResult } from "./protocol.js";

/** How a process was lost. */
export interface Died {
  readonly kind: "died";
  readonly message: string;
}

/** A mutant that neither opens nor fails in this time has hung its process: longer than any limit of a trial. */
const TRIAL_TIMEOUT_MS = 120_000;

export class MutantArm {
  deaths = 0;
  private running: ArmProcess | undefined;

  /** `begin` starts a process and has it ready for a trial. */
  constructor(
    private readonly begin: () => Promise<ArmProcess>,
    private readonly timeoutMs = TRIAL_TIMEOUT_MS,
  ) {}

  /** The result, or how the process died of it. */
  async try(trial: Trial): Promise<TrialResult | Died> {
    this.bury();
    let timer: NodeJS.Timeout | undefined;
    try {
      this.running ??= await this.begin();
      const { pid } = this.running;
      timer = setTimeout(() => process.kill(pid, "SIGKILL"), this.timeoutMs);
      return await this.running.ask<TrialResult>("try", trial);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      // An error that came over a living process is none of those a user may meet, and no death.
      if (this.running !== undefined && this.running.ended === undefined) {
        return { kind: "refused", code: null, message };
      }
      this.running = undefined;
      this.deaths += 1;
      return { kind: "died", message };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Lets the process end; one that had ended by itself is counted. */
  async close(): Promise<void> {
    this.bury();
    await this.running?.close();
    this.running = undefined;
  }

  /** Counts a process that died between two trials: of what the last one left running. */
  private bury(): void {
    if (this.running?.ended === undefined) return;
    this.running = undefined;
    this.deaths += 1;
  }
}
