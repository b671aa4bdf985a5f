// The evaluation's own door: what `import ... from "redline-rt/eval"` offers. Knows no more than names.
// Invariant: test/architecture/eval-names.txt lists every name exported here.

export type { AccuracyCheck, AccuracyRecord } from "../store/accuracy-records.js";
export {
  type Baseline,
  type BaselineEntry,
  type BaselineFigure,
  type BaselineOptions,
  checkBaseline,
  writeBaseline,
} from "./baseline.js";
export type { DatasetManifest } from "./datasets/dataset-manifest.js";
export type { ItemFaultKind } from "./datasets/item.js";
export { describeCheck, type GateOptions, type GateVerdict, runGate } from "./gate.js";
export type { FaultRow, ItemRow } from "./item-file.js";
export { METRICS, type MetricDefinition } from "./metric-table.js";
export { NORMALISER } from "./metrics/words.js";
export type { PreprocessingFinding, PreprocessingWay } from "./preprocessing-check.js";
export {
  type EvalLatency,
  type EvalOptions,
  type EvalProgress,
  type EvalSummary,
  runEval,
} from "./run-eval.js";
export { TASK_FORMS, type TaskForm } from "./tasks/forms.js";
export type { MetricValues } from "./tasks/task.js";
export { type EvalTaskName, TASK_NAMES } from "./tasks/tasks.js";
