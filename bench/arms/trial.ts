// Owns one trial in a process of its own: opens its subject, warms it up, puts the load on it, and reads what it cost.
// Invariant: meters and counters are read around the load alone; opening and warming up are in none of them.

import { monotonicUs, SystemClock } from "../../runtime/bindings/system-clock.js";
import { seededRng } from "../../runtime/core/rng.js";
import { freezePower } from "../../runtime/power/power-policy.js";
import { PowerWatch } from "../../runtime/power/power-watch.js";
import { diskTree } from "../../runtime/power/sys-tree.js";
import { readThermal } from "../../runtime/power/thermal.js";
import { serveArm } from "../harness/child.js";
import { EchoWorker } from "../harness/echo-worker.js";
import { readMachineTime, timeBetween } from "../harness/machine-time.js";
import { openOrtNode } from "../peers/trial-ort-node.js";
import { openOrtWeb } from "../peers/trial-ort-web.js";
import { runLoad } from "../trials/load-loop.js";
import { arrivals, meanGapOf } from "../trials/load-shape.js";
import { openNull, openRedline } from "../trials/redline-subject.js";
import type { Subject } from "../trials/subject.js";
import type { Energy, TrialRecord, TrialRequest, TrialSkip } from "../trials/trial.js";
import { warmUp } from "../trials/warm-up.js";

/** Instants a bare thread is woken at: enough for its 99th percentile. */
const BARE_WAKES = 200;
const BARE_MOST_MS = 4000;
/** A reading a second: enough for a mean over the load, too little to be one itself. */
const POWER_WINDOW_MS = 10_000;

serveArm({ run });

async function run(request: TrialRequest): Promise<TrialRecord | TrialSkip> {
  const subject = await open(request);
  if ("skipped" in subject) return subject;
  try {
    const warmed = await warmUp((index) => subject.run(index, monotonicUs()));
    const clock = new SystemClock(monotonicUs, { holdsProcess: false });
    const power = await PowerWatch.start({ clock, power: freezePower({ windowMs: POWER_WINDOW_MS }) });
    const start = await celsius();
    const bareTimerUs = await wakeBare(request);
    const before = { energy: power.stats(), machine: readMachineTime(), cpu: process.cpuUsage() };
    const { shape, seconds, leastQueries, seed } = request;
    const rng = seededRng(seed);
    const load = await runLoad({ subject, shape, seconds, leastQueries, rng, nowUs: monotonicUs });
    const { user, system } = process.cpuUsage(before.cpu);
    const machine = timeBetween(before.machine, readMachineTime());
    await power.close();
    const elsewhereUs = subject.runsElsewhere ? load.toldCpuUs : 0;
    return {
      plan: subject.plan,
      answers: subject.answers,
      warmUp: warmed,
      load,
      cpuUs: elsewhereUs < 0 ? -1 : user + system + elsewhereUs,
      machine,
      energy: energyBetween(before.energy, power.stats()),
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
      celsius: { start, end: await celsius() },
      bareTimerUs,
    };
  } finally {
    await subject.close();
  }
}

function open(request: TrialRequest): Promise<Subject | TrialSkip> {
  switch (request.subject) {
    case "redline":
      return openRedline(request);
    case "null provider":
      return openNull(request);
    case "postMessage echo":
      return openEcho();
    case "onnxruntime-node tuned":
      return openOrtNode(request.model, "tuned");
    case "onnxruntime-node":
      return openOrtNode(request.model, "default");
    case "onnxruntime-web":
      return openOrtWeb(request.model);
  }
}

async function openEcho(): Promise<Subject> {
  const echo = new EchoWorker();
  let last: Promise<void> = Promise.resolve();
  return {
    plan: {
      runtime: "node worker_threads",
      version: process.versions.node,
      variant: "-",
      device: "cpu",
      threads: 1,
    },
    answers: "none",
    runsElsewhere: false,
    run: async () => {
      // One round trip at a time: the worker's answers carry no number.
      last = last.then(() => echo.roundTrip());
      await last;
      return { outcome: "done / ok", isDone: true, settledUs: monotonicUs(), cpuUs: -1 };
    },
    close: () => echo.close(),
  };
}

/** How late a thread that only sleeps is woken at the load's own instants: the floor of any arrival's error here. */
async function wakeBare({ shape, seconds, seed }: TrialRequest): Promise<number[]> {
  const gapUs = meanGapOf(shape);
  if (gapUs === null) return [];
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const endUs = Math.min(BARE_MOST_MS * 1000, BARE_WAKES * gapUs, seconds * 1e6);
  const lateUs: number[] = [];
  const startUs = monotonicUs() + 1000;
  for (const offsetUs of arrivals(shape, { endUs, rng: seededRng(seed) })) {
    const dueUs = startUs + offsetUs;
    while (monotonicUs() < dueUs) Atomics.wait(cell, 0, 0, Math.max(0, (dueUs - monotonicUs()) / 1000));
    lateUs.push(monotonicUs() - dueUs);
  }
  return lateUs;
}

async function celsius(): Promise<number | null> {
  const { zones } = await readThermal(diskTree("/sys"));
  const known = zones.map((zone) => zone.celsius).filter((value): value is number => value !== "unknown");
  return known.length === 0 ? null : Math.max(...known);
}

type Stats = ReturnType<PowerWatch["stats"]>;

function energyBetween(from: Stats, to: Stats): Energy {
  const [start, end] = [from.energy.package.mj, to.energy.package.mj];
  const coveredUs = to.energy.coveredUs - from.energy.coveredUs;
  if (end === "unknown" || coveredUs <= 0)
    return { packageMj: null, coveredUs: 0, source: "unknown", from: "" };
  const spentMj = end - (start === "unknown" ? 0 : start);
  const { source } = to.energy.package;
  return { packageMj: spentMj, coveredUs, source, from: to.from };
}
