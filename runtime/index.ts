// The public door: what `import ... from "redline-rt"` offers. Knows no more than names.
// Invariant: test/architecture/public-names.txt lists every name exported here.

export type { NullOptions, OrtOptions } from "./bindings/addon.js";
export type { Alarm, Clock } from "./core/clock.js";
export {
  type Contract,
  CRITICALITIES,
  type Criticality,
  DEFAULT_CONTRACT,
  type LatePolicy,
} from "./core/contract.js";
export { ERROR_TABLE, type ErrorCode, RedlineError } from "./core/errors.js";
export { EVENT_KINDS, type EventKind, type RedlineEvent } from "./core/events.js";
export { LIMITS } from "./core/limits.js";
export { OUTCOME_REASONS, type OutcomeReason, type OutcomeStatus } from "./core/outcome.js";
export type { Dtype, Tensor, TensorData, TensorSpec } from "./core/tensor.js";
export { createRuntime, type OpenOptions, type Runtime, type RuntimeOptions } from "./runtime.js";
export type {
  Outcome,
  ReservedSlot,
  RunInputs,
  RunOptions,
  Session,
  SessionStats,
} from "./sessions/session.js";
