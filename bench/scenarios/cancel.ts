// Owns the scenario "how soon after its deadline is a running job stopped?".
// Control: the same deadlines on the null provider, whose nodes last 100 us: the floor of timer, thread and clock.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { seededRng } from "../../runtime/core/rng.js";
import { type Clock, createRuntime, type Runtime, type Session } from "../../runtime/index.js";
import { DEFAULT_TEACHER, requireFile } from "../harness/assets.js";
import { type NodeTime, takeNodeTimes } from "../harness/node-times.js";
import { quantilesOf } from "../harness/quantiles.js";
import { type Bench, type Scenario, SHARED_OPTIONS } from "../harness/scenario.js";
import { atMost, reported, type Verdict } from "../harness/verdict.js";
import { zeroInputs } from "../harness/zero-inputs.js";

/** Jobs of one arm before the other has its turn. */
const BLOCK_JOBS = 25;
const CONTROL_NODE_US = 100;

export const cancel: Scenario = {
  name: "cancel",
  about: "settle time of jobs whose deadline falls anywhere in their run",
  options: [
    { name: "model", about: "path of a long-running model", full: DEFAULT_TEACHER, quick: DEFAULT_TEACHER },
    { name: "n", about: "jobs of each arm", full: "1000", quick: "20" },
    { name: "seed", about: "seed of the drawn deadlines", full: "7", quick: "7" },
    SHARED_OPTIONS.provider,
  ],
  run: measure,
};

/** Between two jobs: with it a lane is busy about four fifths of the time, as under the reference load. */
const REST_MS = 10;

/** Where the run after an open is stopped. */
const WARM_UP_SHARE = 0.9;

/** What one job's settlement says. */
interface Stop {
  readonly nativeLateUs: number;
  readonly heardLateUs: number;
}

async function measure(bench: Bench): Promise<Verdict[]> {
  const model = requireFile(bench.text("model"), "model");
  const runtime = await createRuntime({ provider: bench.text("provider") as "ort" | "ort-node" });
  const folder = mkdtempSync(join(tmpdir(), "redline-bench-"));
  try {
    const before = await profile(runtime, { model, folder });
    const { soloUs } = before;
    const contract = {
      periodMs: soloUs / 1000,
      deadlineMs: soloUs / 1000,
      criticality: "critical",
      late: "cancel",
    } as const;
    const arms = [
      new DeadlineArm(runtime.clock, {
        arm: "redline",
        soloUs,
        open: () => runtime.open(model, { contract, admit: "best-effort" }),
      }),
    ];
    if (runtime.provider.name === "ort") {
      const nulls = { busyUs: Math.round(soloUs), nodeUs: CONTROL_NODE_US };
      const open = () =>
        runtime.open("null", { contract, admit: "best-effort", provider: "null", null: nulls });
      arms.push(new DeadlineArm(runtime.clock, { arm: "null control", soloUs, open }));
    }
    const rng = seededRng(bench.number("seed"));
    for (let done = 0; done < bench.number("n"); done += BLOCK_JOBS) {
      const draws = Array.from({ length: Math.min(BLOCK_JOBS, bench.number("n") - done) }, () => rng.next());
      for (const arm of arms) await arm.block(draws);
    }
    for (const arm of arms) await arm.close(bench);
    const after = await profile(runtime, { model, folder });
    return judge(bench, { arms, profiles: [before, after] });
  } finally {
    await runtime.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Profiled {
  readonly soloUs: number;
  readonly nodes: readonly NodeTime[];
}

/** Five runs alone for the run time, and as many under the profiler for the longest node. */
async function profile(
  runtime: Runtime,
  { model, folder }: { model: string; folder: string },
): Promise<Profiled> {
  const contract = { periodMs: 1000, deadlineMs: 60_000, criticality: "critical", late: "keep" } as const;
  const soloUs = await runSolo(await runtime.open(model, { contract, admit: "best-effort" }));
  if (runtime.provider.name !== "ort") return { soloUs, nodes: [] };
  const prefix = join(folder, "profile");
  await runSolo(
    await runtime.open(model, { contract, admit: "best-effort", ort: { profilePrefix: prefix } }),
  );
  return { soloUs, nodes: takeNodeTimes(prefix) };
}

/** The median of five runs after a first one, which sizes arenas. Closes the session. */
async function runSolo(session: Session): Promise<number> {
  const inputs = zeroInputs(session);
  const runUs: number[] = [];
  for (let index = 0; index < 6; index++) {
    const outcome = await session.run(inputs);
    if (index > 0) runUs.push(outcome.settledUs - outcome.startedUs);
    outcome.release();
  }
  await session.close();
  return quantilesOf(runUs).p50 ?? 0;
}

/** One arm: a session whose jobs get their deadline at a drawn share of the solo run. */
class DeadlineArm {
  readonly stops: Stop[] = [];
  readonly outcomes: Record<string, number> = {};
  #session: Session | undefined;

  constructor(
    private readonly clock: Clock,
    readonly given: { readonly arm: string; readonly soloUs: number; readonly open: () => Promise<Session> },
  ) {}

  async block(draws: readonly number[]): Promise<void> {
    for (const share of draws) await this.#job(Math.max(1, Math.round(share * this.given.soloUs)));
  }

  async close(bench: Bench): Promise<void> {
    await this.#session?.close();
    const { arm } = this.given;
    bench.row({ type: "outcomes", arm, outcomes: this.outcomes });
    bench.say(`  ${arm}: ${JSON.stringify(this.outcomes)}`);
    const native = quantilesOf(this.stops.map(({ nativeLateUs }) => nativeLateUs));
    const heard = quantilesOf(this.stops.map(({ heardLateUs }) => heardLateUs));
    bench.samples({ arm, metric: "native settle lateness", unit: "us", quantiles: native });
    bench.samples({ arm, metric: "JavaScript lateness", unit: "us", quantiles: heard });
  }

  async #job(afterUs: number): Promise<void> {
    if (this.#session === undefined) {
      this.#session = await this.given.open();
      // A first run sizes arenas and faults pages in; it is stopped near its end like any other and not counted.
      const { outcome } = await this.#runUntil(this.#session, WARM_UP_SHARE * this.given.soloUs);
      outcome.release();
    }
    const session = this.#session;
    const { outcome, heardUs } = await this.#runUntil(session, afterUs);
    const key = `${outcome.status} / ${outcome.reason}`;
    this.outcomes[key] = (this.outcomes[key] ?? 0) + 1;
    // Finished jobs and those that never started say nothing about stopping.
    const isStopped = key === "cancelled / deadline" || key === "late / unstoppable";
    if (isStopped && outcome.startedUs >= 0) {
      const { settledUs, deadlineUs } = outcome;
      this.stops.push({ nativeLateUs: settledUs - deadlineUs, heardLateUs: heardUs - deadlineUs });
    }
    outcome.release();
    // After a finished run the session would know its run time and drop every later job as hopeless before it starts.
    if (outcome.status === "done" || outcome.status === "late") {
      await session.close();
      this.#session = undefined;
    }
  }

  async #runUntil(session: Session, afterUs: number) {
    // A lane of the real-time class that never rests is made to rest by the kernel, at the worst moment.
    await pause(REST_MS);
    // The contract's deadline is one for all jobs; an earlier capture time brings this job's deadline to the drawn one.
    const capturedUs = this.clock.nowUs() + Math.round(afterUs) - session.contract.deadlineUs;
    const outcome = await session.run(zeroInputs(session), { capturedUs });
    return { outcome, heardUs: this.clock.nowUs() };
  }
}

function judge(
  bench: Bench,
  { arms, profiles }: { arms: readonly DeadlineArm[]; profiles: readonly Profiled[] },
): Verdict[] {
  for (const { soloUs, nodes } of profiles)
    bench.row({ type: "profile", soloUs, longestNodes: nodes.slice(0, 5) });
  const longest = profiles.flatMap(({ nodes }) => nodes.slice(0, 1)).sort((a, b) => b.p50Us - a.p50Us)[0];
  const slowest = Math.max(0, ...profiles.flatMap(({ nodes }) => nodes.map(({ maxUs }) => maxUs)));
  const ofArm = (name: string, read: (stop: Stop) => number) =>
    quantilesOf((arms.find(({ given }) => given.arm === name)?.stops ?? []).map(read)).p99;
  const node = longest === undefined ? "not profiled" : `${longest.node} (${longest.op})`;
  return [
    atMost({
      what: "native settle p99 after the deadline",
      bar: "<= longest node (largest median) + 3 ms",
      measured: ofArm("redline", ({ nativeLateUs }) => nativeLateUs),
      limit: longest === undefined ? null : longest.p50Us + 3000,
      unit: "us",
      note: `longest node ${node}: median ${longest?.p50Us ?? "-"} us; slowest single execution of any node ${slowest} us; solo run ${profiles.map(({ soloUs }) => Math.round(soloUs / 1000)).join(" and ")} ms before and after`,
    }),
    reported({
      what: "JavaScript settle p99 after the deadline",
      measured: ofArm("redline", ({ heardLateUs }) => heardLateUs),
      unit: "us",
    }),
    reported({
      what: "control: native settle p99 with nodes of 100 us",
      measured: ofArm("null control", ({ nativeLateUs }) => nativeLateUs),
      unit: "us",
    }),
  ];
}
