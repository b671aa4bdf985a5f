// Owns the list of ways in which a process can live and end with Redline in it: which script plays each, and how it ends.
// Knows no process. Invariant: every case of the section "lifetime" has at least one line here.

/** What a process's life is about. */
export type Subject =
  | "several workers"
  | "close while running"
  | "worker terminated"
  | "process.exit"
  | "uncaught exception"
  | "never closed"
  | "two copies"
  | "worker first"
  | "onnxruntime-node beside";

export interface LifetimeCase {
  readonly subject: Subject;
  readonly name: string;
  /** In test/native/lifetime. */
  readonly script: "endings" | "sharing" | "package";
  /** `told`: with the status it was told, silently. `report`: with Node's own report of an error thrown on purpose. */
  readonly ending: "told" | "report";
}

const ENDINGS: Readonly<Record<Subject, readonly string[]>> = {
  "several workers": ["two workers, one terminated"],
  "close while running": ["close while running, then nothing left to do"],
  "worker terminated": [
    "terminate a worker mid-run",
    "terminate five workers mid-run, one after the other",
    "terminate four workers mid-run at once",
    "terminate a worker while a model given as bytes loads",
  ],
  "process.exit": [
    "exit mid-run",
    "exit mid-run with a pool of threads",
    "exit in a busy null run",
    "exit while a model loads",
    "exit while a worker runs",
    "a worker exits by itself mid-run",
    "submissions in the exit handler",
  ],
  "uncaught exception": ["uncaught exception in a worker mid-run"],
  "never closed": ["nothing left to do but a run"],
  "two copies": [],
  "worker first": [
    "a worker alone uses the addon and ends",
    "loaded in a worker first, then in main",
    "loaded in a worker first, then in main, exit mid-run",
  ],
  "onnxruntime-node beside": [
    "onnxruntime-node before",
    "onnxruntime-node after",
    "onnxruntime-node before and after, never released",
  ],
};

const SHARING: Partial<Record<Subject, readonly string[]>> = {
  "several workers": ["one session, four workers and main"],
  "close while running": ["one session, four workers, closed while they run"],
  "worker terminated": [
    "one session, four workers, two terminated mid-run",
    "the worker that opened the session is terminated, main goes on",
  ],
  "process.exit": ["four workers on one session, exit mid-run"],
};

const PACKAGE: Partial<Record<Subject, readonly string[]>> = {
  "two copies": [
    "two copies of the package, both run, both close",
    "two copies of the package, exit mid-run in both",
    "two copies of the package, one in a worker that is terminated mid-run",
  ],
  "never closed": [
    "collected without close",
    "fallback collected without close",
    "never closed, nothing left to do",
    "never closed on the fallback, nothing left to do",
  ],
  "close while running": [
    "closed while opens are under way",
    "closed while a model is tried",
    "closed while opens are under way on the fallback",
  ],
  "process.exit": ["exit mid-run on the fallback"],
  "worker terminated": ["a worker with the fallback terminated mid-run"],
};

export const LIFETIME_CASES: readonly LifetimeCase[] = [
  ...told("endings", ENDINGS),
  ...told("sharing", SHARING),
  ...told("package", PACKAGE),
  ...reports("endings", ["uncaught exception mid-run", "exception in the wake"]),
  ...reports("package", ["uncaught exception mid-run on the fallback"]),
];

function told(
  script: LifetimeCase["script"],
  names: Partial<Record<Subject, readonly string[]>>,
): LifetimeCase[] {
  return Object.entries(names).flatMap(([subject, of]) =>
    of.map((name) => ({ subject: subject as Subject, name, script, ending: "told" })),
  );
}

function reports(script: LifetimeCase["script"], names: readonly string[]): LifetimeCase[] {
  return names.map((name) => ({ subject: "uncaught exception", name, script, ending: "report" }));
}
