// Owns the scenario "can the harness itself be trusted?": what it adds to a query, how exactly queries arrive, and whether the
// same bench gives the same ratios again. Controls: a postMessage echo, a thread that only sleeps, and the peer.

import { quantilesOf } from "../harness/quantiles.js";
import type { Bench, Scenario } from "../harness/scenario.js";
import { atMost, atMostTimes, type Verdict } from "../harness/verdict.js";
import type { ResultRow } from "../trials/result-rows.js";
import { runBench } from "../trials/run-bench.js";
import type { SubjectName } from "../trials/trial.js";

/** 50 Hz. */
const PERIOD_US = 20_000;

export const harness: Scenario = {
  name: "harness",
  about: "what the harness itself adds, how exactly queries arrive, and whether ratios repeat",
  options: [
    { name: "repeats", about: "times the whole bench is run", full: "5", quick: "2" },
    { name: "seconds", about: "seconds of each subject in one bench", full: "60", quick: "2" },
    { name: "trials", about: "fresh processes of each subject in one bench", full: "3", quick: "1" },
    { name: "model", about: "what is run at 50 Hz", full: "silero-vad", quick: "silero-vad" },
  ],
  run: measure,
};

async function measure(bench: Bench): Promise<Verdict[]> {
  const runs: ResultRow[][] = [];
  const load = {
    model: bench.text("model"),
    shape: { scenario: "constant-stream", periodUs: PERIOD_US },
    seconds: bench.number("seconds"),
  } as const;
  for (let repeat = 0; repeat < bench.number("repeats"); repeat++) {
    const results: ResultRow[] = [];
    await runBench({
      loads: [load],
      trials: bench.number("trials"),
      peers: true,
      seed: repeat,
      onRow: (row) => {
        if (row.type === "result") results.push(row);
        if (row.type === "trial" && row.foreign.isDisturbed)
          bench.say(`  ${row.subject}, trial ${row.trial}: disturbed by others`);
      },
    });
    for (const { type: _, histogram: __, ...row } of results) bench.row({ type: "repeat", repeat, ...row });
    runs.push(results);
  }
  return judge(runs);
}

function judge(runs: readonly (readonly ResultRow[])[]): Verdict[] {
  const last = runs.at(-1) ?? [];
  const of = (subject: SubjectName, rows = last): ResultRow | undefined =>
    rows.find((row) => row.subject === subject);
  const ratios = runs.map((rows) => {
    const ours = of("redline", rows)?.heardUs.p50 ?? Number.NaN;
    return ours / (of("onnxruntime-node tuned", rows)?.heardUs.p50 ?? Number.NaN);
  });
  const middle = quantilesOf(ratios).p50;
  const spread = middle === null ? null : Math.max(...ratios.map((ratio) => Math.abs(ratio / middle - 1)));
  return [
    atMostTimes({
      what: "null provider at 50 Hz: due to known in JavaScript, p99",
      ours: of("null provider")?.heardUs.p99 ?? null,
      theirs: of("postMessage echo")?.heardUs.p99 ?? null,
      factor: 3,
      of: "a postMessage echo at the same pace",
    }),
    atMostTimes({
      what: "arrival error at 50 Hz, p99",
      ours: of("null provider")?.arrivalErrorUs.p99 ?? null,
      theirs: of("null provider")?.bareTimerUs.p99 ?? null,
      factor: 1.5,
      of: "a thread that only sleeps to the same instants",
    }),
    atMost({
      what: `the same bench ${runs.length} times: largest deviation of Redline's p50 over onnxruntime-node tuned's`,
      bar: "within 10 % of their median",
      measured: spread,
      limit: 0.1,
      unit: "share",
      note: `ratios ${ratios.map((ratio) => ratio.toFixed(3)).join(", ")}`,
    }),
  ];
}
