// Owns the scenario "what does vetting cost?": opening a model that was vetted before, and starting the child program.
// Controls: the same graph opened without vetting, by us and by onnxruntime-node; the model itself, optimised anew at each open
// (untried); a Node fork that loads nothing.

import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "../../runtime/store/store.js";
import type { OpenBlock, OpenResult } from "../arms/vetting.js";
import { REPO_ROOT, storedModel } from "../harness/assets.js";
import { type ArmProcess, startArm } from "../harness/child.js";
import { interleave } from "../harness/interleave.js";
import { quantilesOf } from "../harness/quantiles.js";
import type { Bench, Scenario } from "../harness/scenario.js";
import { atMost, atMostTimes, reported, type Verdict } from "../harness/verdict.js";

/**
 * What is opened: a model by its manifest, as users do, or its file by path. A manifest is read and its file hashed with and
 * without vetting, so that both arms of a bar have one or none.
 */
const SUBJECTS = [
  { model: "silero-vad", by: "name" },
  { model: "silero-vad", by: "path" },
  { model: "road-seg", by: "name" },
  { model: "road-seg", by: "path" },
] as const;
type Subject = (typeof SUBJECTS)[number];
const OPEN_ARMS = ["vetted", "plain", "untried", "onnxruntime-node", "first"] as const;
const START_ARMS = ["child", "fork"] as const;
/** Arms run the same graph of the same library on the same inputs; the peer may differ in the last bit. */
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
  | { readonly kind: "open"; readonly subject: Subject; readonly how: (typeof OPEN_ARMS)[number] }
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
    const names = new Map<Subject, string>();
    for (const subject of SUBJECTS) names.set(subject, await prepare(home, subject));
    const opens = SUBJECTS.flatMap((subject) =>
      OPEN_ARMS.map((how): Arm => ({ kind: "open", subject, how })),
    );
    await interleave({
      arms: [...opens, ...START_ARMS.map((how): Arm => ({ kind: "start", how }))],
      rounds: bench.number("rounds"),
      block: (arm) => inProcess((process) => block(bench, { arm, process, home, names, samples })),
    });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
  for (const [name, ms] of samples.ms) {
    const [arm = name, metric = ""] = name.split(": ");
    bench.samples({ arm, metric, unit: "ms", quantiles: quantilesOf(ms) });
  }
  return [...SUBJECTS.flatMap((subject) => openVerdicts(samples, subject)), ...startVerdicts(samples)];
}

function rootOf(home: string, { model, by }: Subject): string {
  return join(home, `${model}-${by}`);
}

/** Fills a store with the model, has it vetted once, and answers what it is opened as. */
async function prepare(home: string, subject: Subject): Promise<string> {
  const { model, by } = subject;
  const root = rootOf(home, subject);
  // A blob of the store has no name that says what it is.
  const file = join(home, `${model}.onnx`);
  await copyFile(await storedModel(model), file);
  if (model === "silero-vad") {
    await using from = openStore();
    await from.export(join(home, "export"), { names: [model] });
    await using to = openStore({ root, offline: true });
    await to.import(join(home, "export"));
  }
  const opened = by === "name" ? model : file;
  const first: OpenBlock = { arm: "vetted", root, opened, opens: 1 };
  await inProcess((process) => process.ask<OpenResult>("open", first));
  return opened;
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
    readonly names: ReadonlyMap<Subject, string>;
    readonly samples: Samples;
  },
): Promise<void> {
  const { arm, process, home, names, samples } = given;
  if (arm.kind === "start") {
    const question = arm.how === "child" ? "startChild" : "startFork";
    const tookMs = await process.ask<number[]>(question, { starts: bench.number("starts") });
    samples.add(`${arm.how}: start to ready`, tookMs);
    return;
  }
  const { subject, how } = arm;
  const root = rootOf(home, subject);
  const isFirst = how === "first";
  if (isFirst) await rm(join(root, "vetted"), { recursive: true });
  const { tookMs, outputs } = await process.ask<OpenResult>("open", {
    arm: isFirst ? "vetted" : how,
    root,
    opened: await openedBy({ subject, how, home, name: names.get(subject) as string }),
    opens: isFirst ? 1 : bench.number("opens"),
  } satisfies OpenBlock);
  const name = labelOf(subject);
  samples.outputs.set(`${name} ${how}`, outputs);
  const [first = Number.NaN, ...later] = tookMs;
  samples.add(`${name} ${how}: first open of a process`, [first]);
  if (!isFirst) samples.add(`${name} ${how}: later opens`, later);
}

/** What an arm opens: the optimised graph, behind a manifest of its own where the model has one, or the model. */
async function openedBy(given: {
  readonly subject: Subject;
  readonly how: (typeof OPEN_ARMS)[number];
  readonly home: string;
  readonly name: string;
}): Promise<string> {
  const { subject, how, home, name } = given;
  if (how !== "plain" && how !== "onnxruntime-node") return name;
  const graph = await optimizedGraph(rootOf(home, subject));
  if (how === "onnxruntime-node" || subject.by === "path") return graph;
  const bytes = await readFile(graph);
  const folder = join(home, "plain", subject.model);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "graph.onnx"), bytes);
  const text = await readFile(join(REPO_ROOT, "models", subject.model, "manifest.json"), "utf8");
  const { golden: _, ...manifest } = JSON.parse(text) as Record<string, unknown>;
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const file = { file: "graph.onnx", sources: ["file:graph.onnx"] };
  const variants = [{ id: "optimized", precision: "fp32", bytes: bytes.length, sha256, ...file }];
  await writeFile(join(folder, "manifest.json"), JSON.stringify({ ...manifest, variants }));
  return join(folder, "manifest.json");
}

/** The one graph that vetting wrote. */
async function optimizedGraph(root: string): Promise<string> {
  const names = (await readdir(join(root, "vetted"))).filter((name) => name.endsWith(".onnx"));
  if (names.length !== 1) throw new Error(`${root} holds ${names.length} vetted graphs, and not one`);
  return join(root, "vetted", names[0] as string);
}

function labelOf({ model, by }: Subject): string {
  return `${model} by ${by}`;
}

function openVerdicts(samples: Samples, subject: Subject): Verdict[] {
  const name = labelOf(subject);
  const p50 = (how: (typeof OPEN_ARMS)[number], metric: string): number | null =>
    samples.p50(`${name} ${how}: ${metric}`);
  const bars = ["first open of a process", "later opens"].map((metric) => {
    const others = (["plain", "untried", "onnxruntime-node"] as const).map(
      (how) => `${how} ${inMs(p50(how, metric))}`,
    );
    return atMostTimes({
      what: `${name}: vetted open, second time, ${metric}, p50`,
      ours: p50("vetted", metric),
      theirs: p50("plain", metric),
      factor: 1.3,
      of: "a plain open of the optimised file",
      note: `vetted ${inMs(p50("vetted", metric))}, ${others.join(", ")}`,
    });
  });
  return [
    ...bars,
    reported({
      what: `${name}: first vetted open, p50`,
      measured: p50("first", "first open of a process"),
      unit: "ms",
    }),
    atMost({
      what: `${name}: largest difference between the arms' outputs`,
      bar: `<= ${AGREEMENT}`,
      measured: disagreement(samples, name),
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

function disagreement(samples: Samples, name: string): number {
  const [reference, ...others] = OPEN_ARMS.map((how) => samples.outputs.get(`${name} ${how}`) ?? {});
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
