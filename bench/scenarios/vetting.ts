// Owns the scenario "what does vetting cost?": opening a model that was vetted before, and starting the child program.
// Controls: the same graph opened without vetting, by us and by onnxruntime-node; a Node fork that loads nothing.

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "../../runtime/store/store.js";
import type { OpenArm, OpenBlock, OpenResult } from "../arms/vetting.js";
import { storedModel } from "../harness/assets.js";
import { type ArmProcess, startArm } from "../harness/child.js";
import { interleave } from "../harness/interleave.js";
import { quantilesOf } from "../harness/quantiles.js";
import type { Bench, Scenario } from "../harness/scenario.js";
import { atMost, atMostTimes, reported, type Verdict } from "../harness/verdict.js";

const MODELS = ["silero-vad", "road-seg"] as const;
type Model = (typeof MODELS)[number];
const OPEN_ARMS = ["vetted", "plain", "onnxruntime-node", "first"] as const;
const START_ARMS = ["child", "fork"] as const;
/** Arms run the same graph of the same library on zeros; the peer may differ in the last bit. */
const AGREEMENT = 1e-4;

export const vetting: Scenario = {
  name: "vetting",
  about: "opening a model that was vetted before, and starting the process it is vetted in",
  options: [
    { name: "rounds", about: "blocks of each arm, each in a process of its own", full: "20", quick: "2" },
    { name: "opens", about: "opens in a block; the first is told apart", full: "11", quick: "3" },
    { name: "starts", about: "starts of a process in a block", full: "10", quick: "3" },
  ],
  run: measure,
};

type Arm =
  | { readonly kind: "open"; readonly model: Model; readonly how: (typeof OPEN_ARMS)[number] }
  | { readonly kind: "start"; readonly how: (typeof START_ARMS)[number] };

/** Samples by arm and metric, in milliseconds, and what the arms' runs gave. */
class Samples {
  readonly ms = new Map<string, number[]>();
  readonly outputs = new Map<string, OpenResult["outputs"]>();

  add(name: string, ms: readonly number[]): void {
    this.ms.set(name, [...(this.ms.get(name) ?? []), ...ms]);
  }

  p50(name: string): number | null {
    return quantilesOf(this.ms.get(name) ?? []).p50;
  }
}

async function measure(bench: Bench): Promise<Verdict[]> {
  const home = await mkdtemp(join(tmpdir(), "redline-vetting-"));
  const samples = new Samples();
  try {
    for (const model of MODELS) await prepare(home, model);
    const opens = MODELS.flatMap((model) => OPEN_ARMS.map((how): Arm => ({ kind: "open", model, how })));
    await interleave({
      arms: [...opens, ...START_ARMS.map((how): Arm => ({ kind: "start", how }))],
      rounds: bench.number("rounds"),
      block: (arm) => inProcess((process) => block(bench, { arm, process, home, samples })),
    });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
  for (const [name, ms] of samples.ms) {
    const [arm = name, metric = ""] = name.split(": ");
    bench.samples({ arm, metric, unit: "ms", quantiles: quantilesOf(ms) });
  }
  return [...MODELS.flatMap((model) => openVerdicts(samples, model)), ...startVerdicts(samples)];
}

/** A store with one model in it, vetted once. */
async function prepare(home: string, model: Model): Promise<void> {
  const root = join(home, model);
  if (model === "silero-vad") {
    await storedModel(model);
    await using from = openStore();
    await from.export(join(home, "export"), { names: [model] });
    await using to = openStore({ root, offline: true });
    await to.import(join(home, "export"));
  }
  const first: OpenBlock = { arm: "vetted", root, model, optimized: "", opens: 1 };
  await inProcess((process) => process.ask<OpenResult>("open", first));
}

async function inProcess<T>(act: (process: ArmProcess) => Promise<T>): Promise<T> {
  const process = await startArm("arms/vetting.js");
  try {
    return await act(process);
  } finally {
    await process.close();
  }
}

async function block(
  bench: Bench,
  given: {
    readonly arm: Arm;
    readonly process: ArmProcess;
    readonly home: string;
    readonly samples: Samples;
  },
): Promise<void> {
  const { arm, process, home, samples } = given;
  if (arm.kind === "start") {
    const question = arm.how === "child" ? "startChild" : "startFork";
    const tookMs = await process.ask<number[]>(question, { starts: bench.number("starts") });
    samples.add(`${arm.how}: start to ready`, tookMs);
    return;
  }
  const { model, how } = arm;
  const root = join(home, model);
  const isFirst = how === "first";
  if (isFirst) await rm(join(root, "vetted"), { recursive: true });
  const { tookMs, outputs } = await process.ask<OpenResult>("open", {
    arm: (isFirst ? "vetted" : how) satisfies OpenArm,
    root,
    model,
    optimized: isFirst ? "" : await optimizedGraph(root),
    opens: isFirst ? 1 : bench.number("opens"),
  } satisfies OpenBlock);
  samples.outputs.set(`${model} ${how}`, outputs);
  const [first = Number.NaN, ...later] = tookMs;
  samples.add(`${model} ${how}: first open of a process`, [first]);
  if (!isFirst) samples.add(`${model} ${how}: later opens`, later);
}

/** The one graph that vetting wrote. */
async function optimizedGraph(root: string): Promise<string> {
  const names = (await readdir(join(root, "vetted"))).filter((name) => name.endsWith(".onnx"));
  if (names.length !== 1) throw new Error(`${root} holds ${names.length} vetted graphs, and not one`);
  return join(root, "vetted", names[0] as string);
}

function openVerdicts(samples: Samples, model: Model): Verdict[] {
  const bars = ["first open of a process", "later opens"].flatMap((metric) => [
    atMostTimes({
      what: `${model}: vetted open, second time, ${metric}, p50`,
      ours: samples.p50(`${model} vetted: ${metric}`),
      theirs: samples.p50(`${model} plain: ${metric}`),
      factor: 1.3,
      of: "a plain open of the optimised file",
      note: `${inMs(samples.p50(`${model} vetted: ${metric}`))} against ${inMs(samples.p50(`${model} plain: ${metric}`))}; onnxruntime-node ${inMs(samples.p50(`${model} onnxruntime-node: ${metric}`))}`,
    }),
  ]);
  return [
    ...bars,
    reported({
      what: `${model}: first vetted open, p50`,
      measured: samples.p50(`${model} first: first open of a process`),
      unit: "ms",
    }),
    atMost({
      what: `${model}: largest difference between the arms' outputs`,
      bar: `<= ${AGREEMENT}`,
      measured: disagreement(samples, model),
      limit: AGREEMENT,
      unit: "",
    }),
  ];
}

function startVerdicts(samples: Samples): Verdict[] {
  return [
    atMost({
      what: "redline-child: start to ready without model, p50",
      bar: "<= 30 ms",
      measured: samples.p50("child: start to ready"),
      limit: 30,
      unit: "ms",
      note: "ONNX Runtime's library is loaded by then; the fork has loaded nothing",
    }),
    reported({
      what: "child_process.fork of a script that answers ready, p50",
      measured: samples.p50("fork: start to ready"),
      unit: "ms",
    }),
  ];
}

function disagreement(samples: Samples, model: Model): number {
  const [reference, ...others] = OPEN_ARMS.map((how) => samples.outputs.get(`${model} ${how}`) ?? {});
  let largest = 0;
  for (const outputs of others) {
    for (const [name, values] of Object.entries(reference ?? {})) {
      const their = outputs[name] ?? [];
      if (values.length === 0 || their.length !== values.length) return Number.POSITIVE_INFINITY;
      for (const [at, value] of values.entries()) {
        const difference = Math.abs(value - (their[at] ?? Number.NaN));
        // A NaN is no agreement.
        if (!(difference <= largest))
          largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
      }
    }
  }
  return largest;
}

function inMs(value: number | null): string {
  return value === null ? "-" : `${value.toFixed(2)} ms`;
}
