// Owns the rows of a bench's results: their schema, as published in bench/results.schema.json, and their types.
// Invariant: times are microseconds and say so in their names; what was not measured is null, never zero.

import { z } from "zod";
import { LOAD_SCENARIOS } from "./load-shape.js";
import { SUBJECTS } from "./trial.js";

const count = z.int().min(0);
const share = z.number().min(0).nullable();

const quantiles = z.strictObject({
  n: count,
  p50: z.number().nullable(),
  p90: z.number().nullable(),
  p99: z.number().nullable(),
  p999: z.number().nullable(),
  max: z.number().nullable(),
  mean: z.number().nullable(),
});

const interval = z
  .tuple([z.number(), z.number()])
  .nullable()
  .describe(
    "Holds the true quantile in 95 of 100 repetitions, by the binomial law of its rank; null with too few samples.",
  );

const shape = z.strictObject({
  scenario: z.enum(LOAD_SCENARIOS),
  periodUs: z.number().optional(),
  perSecond: z.number().optional(),
  deadlineUs: z.number().optional(),
  inFlight: count.optional(),
});

const validity = z.strictObject({
  percentile: z.number(),
  confidence: z.number(),
  queries: count,
  misses: count,
  queriesNeeded: count,
  cleanQueriesNeeded: count.describe(
    "Queries in time that would still make the run valid; 0 for a valid one.",
  ),
  isValid: z.boolean(),
});

const common = {
  run: z.string().describe("When the run began: one value for all rows of a run."),
  load: shape,
  model: z.string(),
  subject: z.enum(SUBJECTS),
};

const machine = z.strictObject({
  platform: z.string(),
  kernel: z.string(),
  cpu: z.string(),
  microcode: z.string().nullable(),
  governor: z.string().nullable(),
  cores: count,
  usableCores: count,
  memoryBytes: count,
  node: z.string(),
  redline: z.string(),
  onnxruntimeNode: z.string(),
  commit: z.string().nullable(),
});

const plan = z.strictObject({
  runtime: z.string(),
  version: z.string(),
  variant: z.string(),
  device: z.string(),
  threads: count.describe("0 where the runtime decides and does not say."),
});

const runRow = z.strictObject({
  type: z.literal("run"),
  schema: z.literal(1),
  run: z.string(),
  options: z.record(z.string(), z.unknown()),
  warmUpRule: z.string(),
  machine,
  load: z.strictObject({ loadAverage: z.array(z.number()), stealS: z.number().nullable() }),
});

const figures = {
  seconds: z.number(),
  latencyUs: quantiles.describe("From due to settled."),
  heardUs: quantiles.describe("From due to known in JavaScript."),
  arrivalErrorUs: quantiles.describe("From due to issued: the harness's own error."),
  bareTimerUs: quantiles.describe("The same of a thread that does nothing but sleep."),
  perSecond: z.number().describe("Queries settled a second."),
  misses: count,
  outcomes: z.record(z.string(), count),
  cpuUsPerJob: z
    .number()
    .nullable()
    .describe("Processor time of the subject's processes over the load, by query."),
  energyMjPerJob: z.number().nullable().describe("What the package drew, by query."),
  energySource: z.enum(["measured", "estimated", "unknown"]),
  energyFrom: z.string(),
  peakRssBytes: count,
};

const trialRow = z.strictObject({
  type: z.literal("trial"),
  ...common,
  trial: count,
  attempt: count.describe("From 0; a disturbed trial is repeated, and each attempt has a row."),
  ...figures,
  answers: z.strictObject({
    against: z.enum(["golden", "first run", "none"]),
    wrong: count,
    firstWrong: z.string().nullable(),
  }),
  warmUp: z.strictObject({ runs: count, ms: z.number(), isStable: z.boolean() }),
  foreign: z.strictObject({ share, stolenShare: share, isDisturbed: z.boolean() }),
  celsius: z.strictObject({ start: z.number().nullable(), end: z.number().nullable() }),
  plan,
  placement: z.record(z.string(), z.string()).describe("Which part of the graph runs on which device."),
  timeline: z
    .array(z.strictObject({ atS: z.number(), n: count, p50Us: z.number(), maxUs: z.number(), misses: count }))
    .describe("The load in at most 120 stretches."),
});

const resultRow = z.strictObject({
  type: z.literal("result"),
  ...common,
  trials: count,
  disturbedTrials: count.describe(
    "Trials that stayed disturbed after their repetition; they are in the figures.",
  ),
  ...figures,
  ci95: z.strictObject({ p50: interval, p90: interval, p99: interval, p999: interval }),
  histogram: z
    .array(z.strictObject({ uptoUs: z.number(), n: count }))
    .describe("Latencies in buckets a tenth wider than the one before."),
  wrongAnswers: count,
  plan,
  validity: validity.nullable().describe("Null where the scenario promises nothing."),
  claimedLatencyUs: z
    .number()
    .nullable()
    .describe(
      "The latency a run without deadline may claim for its percentile; null with a deadline or too few queries.",
    ),
  words: z.string(),
});

const skipRow = z.strictObject({ type: z.literal("skip"), ...common, why: z.string() });

const summaryRow = z.strictObject({
  type: z.literal("summary"),
  run: z.string(),
  seconds: z.number(),
  results: count,
  areAllValid: z.boolean(),
  verdicts: z.array(z.string()),
  isInterrupted: z.boolean(),
});

/** The schema of one row. */
export const resultRowSchema = z.discriminatedUnion("type", [
  runRow,
  trialRow,
  resultRow,
  skipRow,
  summaryRow,
]);

/** Any row. */
export type BenchRow = z.infer<typeof resultRowSchema>;
/** What was measured on what, with which options: the first row of a run. */
export type RunRow = z.infer<typeof runRow>;
/** One trial. */
export type TrialRow = z.infer<typeof trialRow>;
/** One subject under one load, over all trials. */
export type ResultRow = z.infer<typeof resultRow>;
/** A subject that is not there. */
export type SkipRow = z.infer<typeof skipRow>;
/** The last row of a run. */
export type BenchSummary = z.infer<typeof summaryRow>;

/** The schema as a JSON Schema document, as published in `bench/results.schema.json`. */
export function resultsJsonSchema(): Record<string, unknown> {
  return { title: "Redline bench results, one row a line", ...z.toJSONSchema(resultRowSchema) };
}
