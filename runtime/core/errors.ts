// Owns the one table of error codes and the one error class. Knows nothing of what can fail.
// Invariant: every error a user meets carries a code of this table; messages may change, codes may not.

/** How a caller may retry: never as is, now, after a pause, or after freeing something. */
export type Retry = "never" | "now" | "later" | "after-release";

interface ErrorRow {
  readonly message: string;
  readonly retry: Retry;
  readonly httpStatus: number;
  readonly exitStatus: number;
}

/**
 * Every operating error: what it means, whether to retry, and its HTTP and process exit status.
 * Exit statuses follow sysexits(3); 3 is a gate's refusal: 64 usage, 65 data, 66 input missing, 69 unavailable, 70 software, 73 cannot create, 74 cannot read, 75 try later, 78 configuration.
 */
export const ERROR_TABLE = {
  CONTRACT_INVALID: row("the contract is not valid", "never", 400, 64),
  CONTRACT_BROKEN: row("at least one contract was not kept", "later", 503, 1),
  BUDGET_INVALID: row("the power options are not valid", "never", 400, 64),
  USAGE: row("the command line is not valid", "never", 400, 64),

  INPUT_MISSING: row("a required input is missing", "never", 400, 65),
  INPUT_UNKNOWN: row("the model has no such input", "never", 400, 65),
  INPUT_DTYPE: row("an input has the wrong type", "never", 400, 65),
  INPUT_SHAPE: row("an input has the wrong shape", "never", 400, 65),
  INPUT_NON_FINITE: row("an input holds NaN or infinity", "never", 400, 65),
  INPUT_FRAME: row("the frame number is not valid", "never", 400, 65),
  INPUT_SLOT: row("the slot is no longer reserved", "never", 409, 70),

  MODEL_UNKNOWN: row("no such model", "never", 404, 66),
  MODEL_VARIANT_UNKNOWN: row("the model has no such variant", "never", 404, 66),
  MODEL_FILE_MISSING: row("the model file does not exist", "never", 404, 66),
  MODEL_LOAD_FAILED: row("the model could not be loaded", "never", 422, 65),
  MODEL_CRASHED: row("the model ended the process it was tried in", "never", 422, 65),
  MODEL_TIMEOUT: row("the model took too long when it was tried", "never", 422, 65),
  MODEL_MEMORY: row("the model took too much memory when it was tried", "never", 422, 65),
  MODEL_GOLDEN: row("the model does not give the outputs its manifest promises", "never", 422, 65),
  MODEL_UNSUITABLE: row("the model does not fit this use", "never", 422, 65),
  MODEL_INVALID: row("the model file is not a well-formed ONNX model", "never", 422, 65),
  MODEL_LIMIT: row("the model is beyond a limit", "never", 413, 65),
  MODEL_EXTERNAL_PATH: row("the model refers to a file it may not use", "never", 422, 65),
  MODEL_QUARANTINED: row("an accuracy gate has refused the model", "never", 422, 65),

  MANIFEST_INVALID: row("the manifest is not valid", "never", 422, 65),
  MANIFEST_PATH: row("a path in the manifest leads out of its folder", "never", 422, 65),
  STORE_HASH_MISMATCH: row("a file does not have the sha256 its manifest gives", "later", 502, 65),
  STORE_SOURCE_FAILED: row("no source of the file could be read", "later", 502, 69),
  STORE_OFFLINE: row("the file is not in the store and the store is offline", "never", 503, 69),
  STORE_LOCKED: row("another process holds the store's lock", "later", 423, 75),
  STORE_WRITE_FAILED: row("the store could not be written", "later", 507, 73),
  STORE_READ_FAILED: row("the store could not be read", "later", 500, 74),
  STORE_NO_VERSION: row("the store keeps no other version of the model", "never", 409, 66),
  STORE_EXPORT_INVALID: row("the export cannot be read", "never", 422, 65),

  PROVIDER_UNAVAILABLE: row("the provider cannot be used here", "never", 501, 69),
  PROVIDER_VERSION: row("the ONNX Runtime library does not offer the needed API version", "never", 501, 69),
  PROVIDER_FAILED: row("the provider reported an error", "now", 500, 70),
  PROVIDER_LOST: row("the provider's process ended", "now", 503, 70),
  PROVIDER_OPTION: row("a session option is not valid", "never", 400, 64),

  SESSION_CLOSED: row("the session is closed", "never", 409, 70),
  SESSION_NOT_INLINE: row("runSync needs a session opened inline", "never", 409, 70),
  SESSION_NO_SLOT: row("every slot of the session is in use", "after-release", 429, 75),
  SESSION_LIMIT: row("the runtime has as many sessions as it may", "after-release", 429, 75),
  RUNTIME_CLOSED: row("the runtime is closed", "never", 409, 70),
  PLAN_INFEASIBLE: row("the contracts cannot all be kept", "after-release", 409, 75),

  SOURCE_MISSING: row("the input does not exist or cannot be read", "never", 404, 66),
  SOURCE_FORMAT: row("the input is not in a supported format", "never", 415, 65),
  SOURCE_TRUNCATED: row("the input ends before its header says", "never", 422, 65),
  SOURCE_EMPTY: row("the input holds no data", "never", 422, 65),
  SOURCE_TOO_LARGE: row("the input is larger than the limit", "never", 413, 65),
  SOURCE_UNAVAILABLE: row("the program or device the input needs is not available", "never", 501, 69),

  OP_ARGUMENT: row("an argument of an op is not valid", "never", 400, 65),

  BENCH_TRIAL_FAILED: row("a trial of the bench failed", "later", 500, 70),
  BENCH_REGRESSED: row("a measured figure got worse", "never", 409, 1),
  BENCH_INCOMPARABLE: row("the results have nothing in common", "never", 422, 65),

  DATASET_INVALID: row("the data set's description is not valid", "never", 422, 65),
  DATASET_EMPTY: row("the data set holds no item", "never", 422, 65),
  DATASET_LIMIT: row("the data set is beyond a limit", "never", 413, 65),
  EVAL_INCOMPLETE: row("not every item could be measured", "never", 422, 65),
  EVAL_MISMATCH: row("the results are of something else", "never", 409, 65),
  EVAL_REFUSED: row("the gate refuses the model", "never", 422, 3),
  EVAL_REGRESSED: row("a figure is worse than the release's", "never", 409, 1),

  OUTPUT_WRITE_FAILED: row("a result file could not be written", "later", 507, 73),

  INTERNAL: row("an invariant of Redline is broken: please report this", "never", 500, 70),
} as const satisfies Record<string, ErrorRow>;

/** A code of `ERROR_TABLE`: what to match an error on. */
export type ErrorCode = keyof typeof ERROR_TABLE;

/** The particulars of one error. Every message says what; most say what was expected and received, and what to do. */
export interface ErrorParticulars {
  /** The thing at fault: an input, a file, a field. */
  readonly what?: string;
  readonly expected?: string;
  readonly received?: string;
  /** What to do or type next. */
  readonly hint?: string;
  readonly cause?: unknown;
}

const BRAND = Symbol.for("redline.error");

/**
 * The one error class. Match on `code`, never on the message. `instanceof` works across copies of the package.
 *
 * @example
 * try {
 *   await session.run({ image });
 * } catch (error) {
 *   if (error instanceof RedlineError && error.code === "INPUT_SHAPE") console.error(error.message, error.hint);
 * }
 */
export class RedlineError extends Error {
  readonly code: ErrorCode;
  readonly what: string | undefined;
  readonly expected: string | undefined;
  readonly received: string | undefined;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, particulars: ErrorParticulars = {}) {
    super(
      describe(code, particulars),
      particulars.cause === undefined ? undefined : { cause: particulars.cause },
    );
    this.name = "RedlineError";
    this.code = code;
    this.what = particulars.what;
    this.expected = particulars.expected;
    this.received = particulars.received;
    this.hint = particulars.hint;
    Object.defineProperty(this, BRAND, { value: true });
  }

  get retry(): Retry {
    return ERROR_TABLE[this.code].retry;
  }
  get httpStatus(): number {
    return ERROR_TABLE[this.code].httpStatus;
  }
  get exitStatus(): number {
    return ERROR_TABLE[this.code].exitStatus;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && BRAND in value;
  }
}

/** What anything thrown says of itself. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function row(message: string, retry: Retry, httpStatus: number, exitStatus: number): ErrorRow {
  return Object.freeze({ message, retry, httpStatus, exitStatus });
}

function describe(code: ErrorCode, { what, expected, received }: ErrorParticulars): string {
  const facts = [
    expected === undefined ? undefined : `expected ${expected}`,
    received === undefined ? undefined : `received ${received}`,
  ].filter((fact) => fact !== undefined);
  const subject = what === undefined ? "" : `: ${what}`;
  return `${ERROR_TABLE[code].message}${subject}${facts.length > 0 ? ` (${facts.join(", ")})` : ""}`;
}
