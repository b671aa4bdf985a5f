// The bench's own door: what `import ... from "redline-rt/bench"` offers, and all that the command line may use of it.
// Knows no more than names. Invariant: test/architecture/bench-names.txt lists every name exported here.

export {
  inTimeNeeded,
  judgeValidity,
  missesAllowed,
  P999_AT_99,
  type Validity,
  type ValidityRule,
  validityWords,
} from "./harness/early-stopping.js";
export type { Quantiles } from "./harness/quantiles.js";
export { type Comparison, compareResults, type FigureName, type Moved } from "./trials/compare.js";
export { LOAD_SCENARIOS, type LoadScenario, type LoadShape } from "./trials/load-shape.js";
export { renderReport, writeReport } from "./trials/report.js";
export { appendResults, readResults } from "./trials/result-file.js";
export type {
  BenchRow,
  BenchSummary,
  ResultRow,
  RunRow,
  SkipRow,
  TrialRow,
} from "./trials/result-rows.js";
export { type BenchLoad, type BenchOptions, type BenchProgress, runBench } from "./trials/run-bench.js";
export { SUITES, type SuiteName } from "./trials/suite.js";
export { SUBJECTS, type SubjectName } from "./trials/trial.js";
