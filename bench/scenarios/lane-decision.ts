// Owns the scenario "what does a lane's decision cost?": the time from the end of a wait to the next job's start, with a full
// queue, beside a bare hand-over between two threads; and what a job allocates, in native code and in JavaScript.
// Control: the hand-over itself, in turn with the decisions, by the same two-threads-and-a-gate code.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { nativeProgram } from "../harness/native-program.js";
import { quantilesOf } from "../harness/quantiles.js";
import type { Bench, Scenario } from "../harness/scenario.js";
import { atMost, atMostTimes, reported, type Verdict } from "../harness/verdict.js";

const QUEUED = 256;

export const laneDecision: Scenario = {
  name: "lane-decision",
  about: "a lane's decision among 256 jobs of 32 sessions, beside a bare hand-over between threads",
  options: [
    { name: "samples", about: "decisions, and as many hand-overs", full: "20000", quick: "1000" },
    { name: "block", about: "samples of a kind in a row", full: "100", quick: "50" },
    { name: "jobs", about: "jobs of a block whose bytes are counted", full: "4000", quick: "1000" },
    { name: "blocks", about: "blocks of jobs whose bytes are counted", full: "20", quick: "3" },
  ],
  run: measure,
};

/** What native/bench/decision.cc prints. */
interface Decisions {
  readonly decisionsUs: readonly number[];
  readonly handOversUs: readonly number[];
  readonly allocations: number;
  readonly jobs: number;
  readonly sessions: number;
  readonly fewestQueued: number;
}

/** What bench/arms/job-bytes.ts prints: bytes each job takes from the heap, and bytes each leaves after a collection. */
export interface JobBytes {
  readonly taken: readonly number[];
  readonly left: number;
}

async function measure(bench: Bench): Promise<Verdict[]> {
  const program = nativeProgram("decision");
  const decisions = await output<Decisions>(program, [bench.text("samples"), bench.text("block")]);
  if (decisions.fewestQueued < QUEUED - 1)
    throw new Error(`the queue ran down to ${decisions.fewestQueued} jobs`);
  const ours = quantilesOf(decisions.decisionsUs);
  const theirs = quantilesOf(decisions.handOversUs);
  bench.samples({ arm: "lane", metric: "hand-over and decision", unit: "us", quantiles: ours });
  bench.samples({ arm: "control: bare", metric: "hand-over", unit: "us", quantiles: theirs });
  const bytes = [
    { what: "run", bytes: await jobBytes(bench, "run") },
    { what: "runSync", bytes: await jobBytes(bench, "runSync") },
  ];
  const { allocations, jobs, sessions } = decisions;
  return [
    atMostTimes({
      what: `a hand-over with a lane's decision in it, ${sessions} sessions, ${QUEUED} queued jobs, p99`,
      ours: ours.p99,
      theirs: theirs.p99,
      factor: 2,
      of: "a bare mutex and condition-variable hand-over",
      note: `p50 ${ours.p50} beside ${theirs.p50} us`,
    }),
    atMost({
      what: "allocations of native code for each job, submission included",
      bar: "none",
      measured: jobs === 0 ? null : allocations / jobs,
      limit: 0,
      unit: "",
      note: `${allocations} in ${jobs} jobs`,
    }),
    ...bytes.flatMap(({ what, bytes: { taken, left } }) => [
      reported({
        what: `bytes of JavaScript's heap for each ${what}(), p50 of ${taken.length} blocks`,
        measured: quantilesOf(taken).p50,
        unit: "B",
        note: "garbage: young, collected in passing",
      }),
      reported({ what: `bytes left by each ${what}() after a collection`, measured: left, unit: "B" }),
    ]),
  ];
}

/** In a process of its own, whose young generation holds a whole block: nothing is collected while it is counted. */
async function jobBytes(bench: Bench, call: "run" | "runSync"): Promise<JobBytes> {
  const script = fileURLToPath(new URL("../arms/job-bytes.js", import.meta.url));
  const flags = ["--expose-gc", "--min-semi-space-size=128", "--max-semi-space-size=128"];
  const words = [call, bench.text("jobs"), bench.text("blocks")];
  const measured = await output<JobBytes>(process.execPath, [...flags, script, ...words]);
  bench.row({ type: "job-bytes", call, ...measured });
  return measured;
}

async function output<T>(program: string, words: readonly string[]): Promise<T> {
  const { stdout } = await promisify(execFile)(program, words, { maxBuffer: 1 << 28 });
  return JSON.parse(stdout) as T;
}
