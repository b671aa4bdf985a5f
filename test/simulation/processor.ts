// Owns how runs share a resource of the simulated machine: cores with or without preemption, or one device. Knows no job.
// Invariant: the highest class that is ready holds the resource, as far as its rule of preemption lets it.

/** A run on the machine: what a lane is executing. */
export interface Run {
  readonly jobId: number;
  readonly laneId: number;
  /** 0 is the highest class. */
  readonly rank: number;
  readonly order: number;
  /** Work left, in microseconds alone on the machine; Infinity for one that hangs. */
  leftUs: number;
  /** How it will have ended. */
  end: "completed" | "terminated" | "failed" | "lost";
  isHung: boolean;
  isGranted: boolean;
}

/** What a processor tells of itself. */
export interface ProcessorEvents {
  granted(run: Run): void;
  revoked(run: Run): void;
}

/** Cores that are alike, or with one core a device. */
export class Processor {
  readonly runs: Run[] = [];
  grantedCount = 0;
  private lastUs = 0;

  constructor(
    readonly shape: { readonly cores: number; readonly isPreemptive: boolean; readonly contention: number },
    private readonly events: ProcessorEvents,
  ) {}

  /** Lets the runs that hold it progress up to now. */
  advance(nowUs: number): void {
    const progressUs = (nowUs - this.lastUs) / this.slowness;
    this.lastUs = nowUs;
    if (progressUs <= 0) return;
    for (const run of this.runs) if (run.isGranted) run.leftUs = Math.max(0, run.leftUs - progressUs);
  }

  add(run: Run): void {
    this.runs.push(run);
  }

  remove(run: Run): void {
    const at = this.runs.indexOf(run);
    if (at >= 0) this.runs.splice(at, 1);
    if (run.isGranted) this.grantedCount -= 1;
    run.isGranted = false;
  }

  /** A run that has no work left and holds the resource. */
  ended(): Run | undefined {
    for (const run of this.runs) if (run.isGranted && run.leftUs < 1e-6) return run;
    return undefined;
  }

  /** Gives the resource to whom it belongs now. */
  assign(): void {
    const { cores, isPreemptive } = this.shape;
    this.runs.sort((a, b) => this.urgency(a, b));
    if (isPreemptive) {
      for (let place = this.runs.length - 1; place >= cores; place -= 1) this.revoke(this.runs[place]!);
    }
    for (const run of this.runs) {
      if (this.grantedCount >= cores) return;
      if (run.isGranted) continue;
      run.isGranted = true;
      this.grantedCount += 1;
      this.events.granted(run);
    }
  }

  /** When the next run will have ended; Infinity when none does. */
  nextEndUs(): number {
    let leftUs = Number.POSITIVE_INFINITY;
    for (const run of this.runs) if (run.isGranted && run.leftUs < leftUs) leftUs = run.leftUs;
    return leftUs === Number.POSITIVE_INFINITY ? leftUs : this.lastUs + Math.ceil(leftUs * this.slowness);
  }

  protected urgency(a: Run, b: Run): number {
    return a.rank - b.rank || a.order - b.order;
  }

  private get slowness(): number {
    return 1 + this.shape.contention * Math.max(0, this.grantedCount - 1);
  }

  private revoke(run: Run): void {
    if (!run.isGranted) return;
    run.isGranted = false;
    this.grantedCount -= 1;
    this.events.revoked(run);
  }
}
