// Owns the log of a simulated run: fixed-shape numeric records, hashed as they come, seen by every invariant.
// Knows no scheduler. Invariant: equal records in equal order give equal hashes, byte for byte.

import { createHash } from "node:crypto";

/** What a record says, and what its four numbers are. */
export const RECORD_FIELDS = {
  session: ["session", "class", "admitted", "slots"],
  arrive: ["job", "session", "deadlineUs", "frame"],
  submit: ["job", "lane", "slot", "session"],
  start: ["job", "lane", "resource", "class"],
  grant: ["job", "resource", "class", "lane"],
  revoke: ["job", "resource", "class", "lane"],
  end: ["job", "lane", "resource", "class"],
  settle: ["job", "code", "startedUs", "settledUs"],
  cancel: ["job", "running", "", ""],
  word: ["session", "bits", "", ""],
  move: ["session", "from", "to", "cause"],
  mode: ["protected", "", "", ""],
  lane: ["lane", "replaced", "", ""],
  fault: ["kind", "on", "target", "number"],
  over: ["job", "session", "costUs", "profileUs"],
  power: ["meanMw", "budgetMw", "readMw", ""],
  slot: ["session", "slot", "taken", "job"],
  size: ["jobs", "slots", "", ""],
  phase: ["recovering", "boundUs", "", ""],
} as const;

/** A key of `RECORD_FIELDS`. */
export type RecordKind = keyof typeof RECORD_FIELDS;

const KINDS = Object.keys(RECORD_FIELDS) as readonly RecordKind[];
const NUMBERS = Object.fromEntries(KINDS.map((kind, index) => [kind, index])) as Record<RecordKind, number>;

/** One record; the same object each time, so nobody keeps it. */
export interface LogRecord {
  kind: RecordKind;
  atUs: number;
  a: number;
  b: number;
  c: number;
  d: number;
}

/** One law over the log. It knows the records and nothing of the code that caused them. */
export interface Invariant {
  readonly number: number;
  /** The law in one sentence. */
  readonly law: string;
  /** How often the law was put to the test: a law that judges nothing proves nothing. */
  judged: number;
  /** What this record breaks, or undefined. */
  see(record: LogRecord): string | undefined;
  /** What is broken once nothing more happens. */
  end?(atUs: number): string | undefined;
}

/** A law and what broke it. */
export interface Breach {
  readonly invariant: Invariant;
  readonly atUs: number;
  readonly what: string;
}

const WIDTH = 6;
const CHUNK = 4096 * WIDTH;
/** Records kept to show what led to a breach. */
const TAIL = 60;

/** Takes records, hashes them, and lets each invariant see each. */
export class EventLog {
  /** The first breach of any invariant. */
  breach: Breach | undefined;
  count = 0;
  private readonly hash = createHash("sha256");
  private readonly chunk = new Float64Array(CHUNK);
  private readonly tail = new Float64Array(TAIL * WIDTH);
  private used = 0;
  private readonly record: LogRecord = { kind: "phase", atUs: 0, a: 0, b: 0, c: 0, d: 0 };

  constructor(private readonly invariants: readonly Invariant[]) {}

  write(kind: RecordKind, atUs: number, a = 0, b = 0, c = 0, d = 0): void {
    const chunk = this.chunk;
    const record = this.record;
    if (this.used === CHUNK) this.flush();
    const number = NUMBERS[kind];
    const at = this.used;
    chunk[at] = number;
    chunk[at + 1] = atUs;
    chunk[at + 2] = a;
    chunk[at + 3] = b;
    chunk[at + 4] = c;
    chunk[at + 5] = d;
    this.tail.set(chunk.subarray(at, at + WIDTH), (this.count % TAIL) * WIDTH);
    this.used += WIDTH;
    this.count += 1;
    record.kind = kind;
    record.atUs = atUs;
    record.a = a;
    record.b = b;
    record.c = c;
    record.d = d;
    for (const invariant of this.invariants) {
      const what = invariant.see(record);
      if (what !== undefined) this.breach ??= { invariant, atUs, what };
    }
  }

  /** Nothing more happens. */
  end(atUs: number): void {
    for (const invariant of this.invariants) {
      const what = invariant.end?.(atUs);
      if (what !== undefined) this.breach ??= { invariant, atUs, what };
    }
  }

  /** The sha256 of all records; the log is closed by it. */
  digest(): string {
    this.flush();
    return this.hash.digest("hex");
  }

  /** The last records in words, oldest first. */
  lastRecords(): string[] {
    const first = Math.max(0, this.count - TAIL);
    return Array.from({ length: this.count - first }, (_, index) => {
      const at = ((first + index) % TAIL) * WIDTH;
      const [number, atUs, ...values] = this.tail.subarray(at, at + WIDTH);
      const kind = KINDS[number!]!;
      const words = RECORD_FIELDS[kind].map((name, place) =>
        name === "" ? "" : ` ${name}=${values[place]}`,
      );
      return `${(atUs! / 1000).toFixed(3)} ms ${kind}${words.join("")}`;
    });
  }

  private flush(): void {
    this.hash.update(new Uint8Array(this.chunk.buffer, 0, this.used * 8));
    this.used = 0;
  }
}
