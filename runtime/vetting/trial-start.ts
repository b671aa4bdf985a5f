// Owns the choice of process for trials: the child program beside the addon, else a Node fork. Knows no graph.
// Invariant: why the child program was not used is kept, so that `doctor` and errors can say it.

import type { NativeAddon } from "../bindings/addon.js";
import { findChild, findOrtLibrary, loadNative } from "../bindings/load.js";
import { RedlineError } from "../core/errors.js";
import { ChildTrial } from "./child-trial.js";
import { ForkTrial } from "./fork-trial.js";
import type { Trial } from "./trial.js";

/** Where trials run. */
export interface TrialPlace {
  /** Null where the fallback is used: trials then run in a fork as well. */
  readonly addon: NativeAddon | null;
  /** The child program. Default: the one beside the addon. */
  readonly program?: string;
}

export class TrialStarter {
  /** Why the child program was not used; empty while it is. */
  reason = "";
  private readonly underWay = new Set<Trial>();
  private hasEnded = false;
  private found: ReturnType<typeof findChild> | undefined;

  constructor(private readonly place: TrialPlace) {}

  /**
   * Starts a process with room for a graph and its tensors.
   *
   * @throws RedlineError `PROVIDER_UNAVAILABLE` when neither kind of process can be started, `RUNTIME_CLOSED` when all
   * were ended while this one started.
   */
  async start({ bytes }: { readonly bytes: number }): Promise<Trial> {
    const trial = await this.startOne(bytes);
    if (this.hasEnded) {
      trial.kill();
      throw new RedlineError("RUNTIME_CLOSED", { what: "vetting" });
    }
    this.underWay.add(trial);
    for (const one of this.underWay) if (one.end !== undefined) this.underWay.delete(one);
    return trial;
  }

  /** Ends every process, and starts no other. */
  killAll(): void {
    this.hasEnded = true;
    for (const trial of this.underWay) trial.kill();
    this.underWay.clear();
  }

  /** The child program, or undefined with the reason kept. */
  async startChild(bytes: number): Promise<Trial | undefined> {
    const { addon } = this.place;
    const program = this.program();
    if (addon === null || program === undefined) return undefined;
    try {
      return await ChildTrial.start({ addon, program, library: findOrtLibrary(), bytes });
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (!code?.startsWith("PROVIDER_")) throw error;
      const hint = error instanceof RedlineError && error.hint !== undefined ? `; ${error.hint}` : "";
      this.reason = `${message}${hint}`;
      return undefined;
    }
  }

  private async startOne(bytes: number): Promise<Trial> {
    const child = await this.startChild(bytes);
    if (child !== undefined) return child;
    try {
      return new ForkTrial();
    } catch (cause) {
      throw new RedlineError("PROVIDER_UNAVAILABLE", {
        what: "a process to try models in",
        expected: "the child program beside the addon, or a Node fork",
        received: [this.reason, cause instanceof Error ? cause.message : String(cause)].join("; "),
        hint: 'npm run build, or open models untried with vetting: "off"',
        cause,
      });
    }
  }

  private program(): string | undefined {
    if (this.place.program !== undefined) return this.place.program;
    if (this.place.addon === null) {
      this.reason = "the addon is not loaded";
      return undefined;
    }
    // Examined once: the file is read and hashed for it.
    this.found ??= findChild(loadNative());
    const { path, reason } = this.found;
    if (path === undefined) this.reason = `${reason}; npm run build:native`;
    return path;
  }
}

/** Whether the child program can be used here: how long it takes until it has loaded the library, or why it cannot. */
export async function tryChild(
  place: TrialPlace,
): Promise<{ readonly startMs: number | null; readonly reason: string }> {
  const starter = new TrialStarter(place);
  const startedMs = performance.now();
  const trial = await starter.startChild(1).catch(() => undefined);
  const startMs = trial === undefined ? null : performance.now() - startedMs;
  trial?.kill();
  return { startMs, reason: starter.reason };
}
