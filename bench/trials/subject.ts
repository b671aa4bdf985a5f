// Owns the port between a load and what is measured under it. Knows no model and no runtime.
// Invariant: a query settles once; when it settled is the subject's to say, when it was due the load's.

/** How one query ended. */
export interface QueryEnd {
  /** As in `done / ok`. */
  readonly outcome: string;
  readonly isDone: boolean;
  /** When it settled, on the machine's monotonic clock: natively where the subject can tell, else as JavaScript heard. */
  readonly settledUs: number;
  /** Processor time of the run; -1 where the subject does not tell. */
  readonly cpuUs: number;
  /** What is wrong with its outputs; undefined when they are right, or there were none to look at. */
  readonly wrong?: string;
}

/** What ran, in the words of a plan. */
export interface SubjectPlan {
  readonly runtime: string;
  readonly version: string;
  readonly variant: string;
  readonly device: string;
  readonly threads: number;
}

/** Something that can be given queries. */
export interface Subject {
  readonly plan: SubjectPlan;
  /** What answers are held against: golden vectors, this trial's own first answers, or nothing where there are none. */
  readonly answers: "golden" | "first run" | "none";
  /** Whether processor time of its runs lies outside this process. */
  readonly runsElsewhere: boolean;
  /** Runs the index-th query, due at `dueUs` of the monotonic clock. Rejects only when nothing more can be measured. */
  run(index: number, dueUs: number): Promise<QueryEnd>;
  close(): Promise<void>;
}
