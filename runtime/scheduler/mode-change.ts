// Owns the mode of a machine of mixed criticality: normal, or protected while critical work overruns what was admitted.
// Knows no session and no lane. Invariant: it goes back only after a calm that grows with every relapse, up to a limit.

/** How long the calm must last. */
export interface ModeRules {
  /** Without overrun for so long, the mode goes back to normal. */
  readonly calmUs: number;
  /** The calm doubles with every overrun within `relapseUs` of going back, up to this. */
  readonly calmUsMax: number;
  readonly relapseUs: number;
}

/** Half a second is ten frames of a camera: a critical session has shown that it is back within its profile. */
export const MODE_RULES: ModeRules = { calmUs: 500_000, calmUsMax: 4_000_000, relapseUs: 5_000_000 };

/** The mode of the machine. */
export type Mode = "normal" | "protected";

/**
 * Adaptive mixed criticality (Baruah, Burns, Davis, "Response-time analysis for mixed criticality systems", RTSS 2011), with
 * hysteresis: an overrun protects at once, and only calm ends it.
 */
export class ModeChange {
  private calmUs: number;
  private calmSinceUs = Number.NEGATIVE_INFINITY;
  private normalSinceUs = Number.NEGATIVE_INFINITY;
  private current: Mode = "normal";
  private readonly overrunning = new Set<number>();

  constructor(private readonly rules: ModeRules = MODE_RULES) {
    this.calmUs = rules.calmUs;
  }

  get mode(): Mode {
    return this.current;
  }

  /** A critical job has run for its whole WCET and still runs. */
  overran(jobId: number, { nowUs }: { readonly nowUs: number }): void {
    this.overrunning.add(jobId);
    if (this.current === "protected") return;
    const isRelapse = nowUs - this.normalSinceUs < this.rules.relapseUs;
    this.calmUs = isRelapse ? Math.min(2 * this.calmUs, this.rules.calmUsMax) : this.rules.calmUs;
    this.current = "protected";
  }

  /** A job has settled; calm begins where the last overrun ends. */
  ended(jobId: number, { nowUs }: { readonly nowUs: number }): void {
    if (this.overrunning.delete(jobId)) this.calmSinceUs = nowUs;
  }

  tick(nowUs: number): void {
    if (nowUs < this.nextWakeUs()) return;
    this.current = "normal";
    this.normalSinceUs = nowUs;
  }

  /** When calm will have lasted long enough; Infinity while normal or while a job overruns. */
  nextWakeUs(): number {
    const isWaiting = this.current === "protected" && this.overrunning.size === 0;
    return isWaiting ? this.calmSinceUs + this.calmUs : Number.POSITIVE_INFINITY;
  }
}
