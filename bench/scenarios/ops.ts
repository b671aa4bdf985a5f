// Owns the scenario "what does a fused op save?": a camera frame to a network's input beside sharp and a loop, and every op
// in every implementation. Control: the reference, which the others must equal to the bit before they are timed.

import sharp from "sharp";
import { loadNative } from "../../runtime/bindings/load.js";
import { planImage } from "../../runtime/ops/image-plan.js";
import { type OpKernels, REFERENCE_KERNELS } from "../../runtime/ops/kernels.js";
import { MEL_VARIANTS, planLogMel } from "../../runtime/ops/log-mel-plan.js";
import { nativeKernels } from "../../runtime/ops/native-kernels.js";
import { Ops } from "../../runtime/ops/ops.js";
import { wasmKernels } from "../../runtime/ops/shared-ops.js";
import { int8Product } from "../harness/int8-product.js";
import { interleave } from "../harness/interleave.js";
import { LOG_MEL_FRAME, type OpForm, opForms } from "../harness/op-forms.js";
import { quantilesOf } from "../harness/quantiles.js";
import type { Bench, Scenario } from "../harness/scenario.js";
import { atMost, atMostTimes, reported, type Verdict } from "../harness/verdict.js";
import { openMelGraph } from "../peers/mel-graph.js";

export const ops: Scenario = {
  name: "ops",
  about: "a camera frame to a network's input beside sharp and a loop; every op in every implementation",
  options: [
    { name: "rounds", about: "blocks of each arm", full: "60", quick: "6" },
    { name: "calls", about: "calls in a block of the frame's arms", full: "10", quick: "3" },
    {
      name: "block-us",
      about: "microseconds of work in a block of one implementation",
      full: "2000",
      quick: "500",
    },
  ],
  run: measure,
};

/** The row that `--assert-pick` looks at. */
export const PICK_ROW = "the pick against the best implementation";

const WIDTH = 1280;
const HEIGHT = 720;
const SIDE = 320;
const MEAN = [0.485, 0.456, 0.406] as const;
const STD = [0.229, 0.224, 0.225] as const;

/** Frames of a wake word's step of 80 ms. */
const MEL_FRAMES = 8;

const BY_HAND = "by hand";

interface FrameArm {
  readonly name: string;
  readonly call: () => Promise<void> | void;
  readonly us: number[];
}

async function measure(bench: Bench): Promise<Verdict[]> {
  // One thread, no cache: what is compared is the work, not how many cores it is spread over.
  sharp.concurrency(1);
  sharp.cache(false);
  const { addon } = loadNative();
  if (addon === null) throw new Error("the native addon is not built: npm run build:native");
  const candidates = [...nativeKernels(addon), ...wasmKernels(), REFERENCE_KERNELS];
  return [
    ...(await measureFrame(bench, candidates)),
    ...(await measureMel(bench, candidates)),
    ...(await measureForms(bench, candidates)),
    ...(await measureProduct(bench)),
  ];
}

async function measureFrame(bench: Bench, candidates: readonly OpKernels[]): Promise<Verdict[]> {
  const frame = smoothPicture();
  const input = new Float32Array(3 * SIDE * SIDE);
  const plan = planImage(
    { format: "rgb", width: WIDTH, height: HEIGHT },
    {
      ...{ width: SIDE, height: SIDE, layout: "NCHW", colour: "RGB", dtype: "float32" },
      ...{ scale: 1 / 255, mean: MEAN, std: STD },
    },
  );
  const native = new Ops(candidates);
  const wasm = new Ops(wasmKernels());
  const reference = new Ops([REFERENCE_KERNELS]);
  const byUser = new Float32Array(3 * SIDE * SIDE);
  const users = async (kernel: "lanczos3" | "linear"): Promise<void> => {
    const raw = { width: WIDTH, height: HEIGHT, channels: 3 } as const;
    const pixels = await sharp(frame, { raw }).resize(SIDE, SIDE, { fit: "fill", kernel }).raw().toBuffer();
    normalise(pixels, byUser);
  };
  const arms: FrameArm[] = [
    { name: "redline", call: () => native.image(plan, frame, input), us: [] },
    { name: "sharp + loop", call: () => users("lanczos3"), us: [] },
    { name: "sharp (linear) + loop", call: () => users("linear"), us: [] },
    { name: "redline, wasm", call: () => wasm.image(plan, frame, input), us: [] },
    { name: "redline, reference", call: () => reference.image(plan, frame, input), us: [] },
  ];
  for (const { call } of arms) for (let warm = 0; warm < 10; warm++) await call();
  checkFrame({ native: () => native.image(plan, frame, input), input, byUser });
  const p50 = await timeArms(bench, { arms, metric: "frame to input" });
  const what = `${WIDTH}x${HEIGHT} RGB to ${SIDE}x${SIDE} float32 NCHW, normalised, p50`;
  return [
    atMostTimes({
      what,
      ours: p50("redline"),
      theirs: p50("sharp + loop"),
      factor: 1 / 8,
      of: "sharp's resize and a typed-array loop, one thread",
      note: `picked: ${native.picks[0]?.chosen ?? "nothing"}`,
    }),
    atMostTimes({
      what: `${what}, in WebAssembly`,
      ours: p50("redline, wasm"),
      theirs: p50("sharp + loop"),
      factor: 1 / 3,
      of: "sharp's resize and a typed-array loop, one thread",
      note: `picked: ${wasm.picks[0]?.chosen ?? "nothing"}`,
    }),
    reported({
      what: `${what}, beside sharp's linear kernel and a loop`,
      measured: ratioOf(p50("redline"), p50("sharp (linear) + loop")),
      unit: "x",
    }),
  ];
}

/** Times single calls of each arm in turn; answers an arm's median by its name. */
async function timeArms(
  bench: Bench,
  { arms, metric }: { arms: readonly FrameArm[]; metric: string },
): Promise<(name: string) => number | null> {
  await interleave({
    arms,
    rounds: bench.number("rounds"),
    restMs: 20,
    block: async ({ call, us }) => {
      for (let index = 0; index < bench.number("calls"); index++) {
        const startMs = performance.now();
        await call();
        us.push((performance.now() - startMs) * 1000);
      }
    },
  });
  for (const { name, us } of arms)
    bench.samples({ arm: name, metric, unit: "us", quantiles: quantilesOf(us) });
  return (name) => quantilesOf(arms.find((arm) => arm.name === name)!.us).p50;
}

/** A step of a wake word's front end beside the same as a graph, both called from JavaScript. */
async function measureMel(bench: Bench, candidates: readonly OpKernels[]): Promise<Verdict[]> {
  const graph = await openMelGraph(MEL_FRAMES);
  try {
    const { samples } = graph;
    samples.set(samples.map((_, at) => 0.3 * Math.sin(at * 0.11) + 0.1 * Math.sin(at * 0.7)));
    const plan = planLogMel({ ...MEL_VARIANTS.openWakeWord, gain: 1, bias: 0, samples: samples.length });
    const ops = new Ops(candidates);
    const bands = new Float32Array(plan.frames * plan.width);
    const arms: FrameArm[] = [
      { name: "redline, mel", call: () => ops.logMel(plan, samples, bands), us: [] },
      { name: "onnxruntime-node, mel graph", call: graph.run, us: [] },
    ];
    for (const { call } of arms) for (let warm = 0; warm < 10; warm++) await call();
    checkMel(bands, graph.decibels());
    const p50 = await timeArms(bench, { arms, metric: "80 ms to mel bands" });
    return [
      atMostTimes({
        what: `log-mel of ${MEL_FRAMES} frames, openWakeWord's, p50`,
        ours: p50("redline, mel"),
        theirs: p50("onnxruntime-node, mel graph"),
        factor: 1 / 2,
        of: "the same as a graph on onnxruntime-node, one thread",
        note: `picked: ${ops.picks[0]?.chosen ?? "nothing"}`,
      }),
    ];
  } finally {
    await graph.close();
  }
}

/** Both must give the same decibels; the graph's sums lie the other way round, and lose some digits. */
function checkMel(bands: Float32Array, decibels: Float32Array): void {
  const width = bands.length / MEL_FRAMES;
  const largest = Math.max(...decibels);
  const worst = bands.reduce((most, value, at) => {
    const theirs = decibels[(at % width) * MEL_FRAMES + Math.floor(at / width)]!;
    return Math.max(most, Math.abs(value - Math.max(theirs, largest - 80)));
  }, 0);
  if (!(worst < 0.01)) throw new Error(`the arms compute different bands: they differ by ${worst} dB`);
}

/** Colours that change slowly in both directions, so that filters of any kind agree on them. */
function smoothPicture(): Uint8Array {
  return Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, at) => {
    const [x, y] = [Math.floor(at / 3) % WIDTH, Math.floor(at / 3 / WIDTH)];
    return 128 + 100 * Math.sin(x / 150 + (at % 3)) * Math.cos(y / 100);
  });
}

/** What users write: bytes HWC to normalised floats CHW. */
function normalise(pixels: Uint8Array, input: Float32Array): void {
  const plane = SIDE * SIDE;
  for (let at = 0; at < plane; at++) {
    input[at] = (pixels[3 * at]! / 255 - MEAN[0]) / STD[0];
    input[plane + at] = (pixels[3 * at + 1]! / 255 - MEAN[1]) / STD[1];
    input[2 * plane + at] = (pixels[3 * at + 2]! / 255 - MEAN[2]) / STD[2];
  }
}

/** Both sides must compute the same picture: the filters differ, a smooth picture hardly does. */
function checkFrame(given: { native: () => void; input: Float32Array; byUser: Float32Array }): void {
  given.input.fill(Number.NaN);
  given.native();
  const differences = given.input.map((value, at) => Math.abs(value - given.byUser[at]!));
  const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
  if (!(mean < 0.05))
    throw new Error(`the arms compute different pictures: they differ by ${mean} on average`);
}

async function measureForms(bench: Bench, candidates: readonly OpKernels[]): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  let worst = 0;
  for (const form of opForms()) {
    checkForm(form, candidates);
    const picker = new Ops(candidates);
    form.pick(picker);
    const chosen = picker.picks[0]!.chosen;
    const p50 = await timeForm(bench, { form, candidates });
    if (form.name === LOG_MEL_FRAME) verdicts.push(...melVerdicts(p50));
    const best = Math.min(...candidates.map(({ name }) => p50.get(name)!));
    worst = Math.max(worst, p50.get(chosen)! / best);
    verdicts.push(
      reported({
        what: `${form.name}: the reference against ${chosen}, p50`,
        measured: ratioOf(p50.get("reference") ?? null, p50.get(chosen) ?? null),
        unit: "x",
        note: [...p50].map(([name, us]) => `${name} ${us.toPrecision(3)} us`).join(", "),
      }),
    );
  }
  return [
    ...verdicts,
    atMost({ what: PICK_ROW, bar: "<= 1.1x for every op", measured: worst, limit: 1.1, unit: "x" }),
  ];
}

/** One frame in vector code beside one in JavaScript: the definition, and what one writes by hand. */
function melVerdicts(p50: ReadonlyMap<string, number>): Verdict[] {
  const natives = [...p50].filter(([name]) => name.startsWith("native")).map(([, us]) => us);
  const beside = (name: string, of: string): Verdict =>
    atMostTimes({
      what: `${LOG_MEL_FRAME}, p50`,
      ours: Math.min(...natives),
      theirs: p50.get(name) ?? null,
      factor: 1 / 20,
      of,
    });
  return [
    beside("reference", "the definition in JavaScript"),
    beside(BY_HAND, "JavaScript as one writes it by hand"),
  ];
}

async function timeForm(
  bench: Bench,
  { form, candidates }: { form: OpForm; candidates: readonly OpKernels[] },
): Promise<Map<string, number>> {
  const arms = candidates.map((kernels) => ({
    ...{ name: kernels.name, call: () => form.run(kernels), us: [] as number[], calls: 1 },
  }));
  if (form.byHand !== undefined)
    arms.push({ name: BY_HAND, call: () => void form.byHand!(), us: [], calls: 1 });
  for (const arm of arms) {
    const startMs = performance.now();
    for (let warm = 0; warm < 20; warm++) arm.call();
    const callUs = ((performance.now() - startMs) * 1000) / 20;
    arm.calls = Math.max(1, Math.round(bench.number("block-us") / callUs));
  }
  await interleave({
    arms,
    rounds: bench.number("rounds"),
    restMs: 1,
    block: async ({ call, us, calls }) => {
      const startMs = performance.now();
      for (let index = 0; index < calls; index++) call();
      us.push(((performance.now() - startMs) * 1000) / calls);
    },
  });
  return new Map(
    arms.map(({ name, us }) => {
      bench.samples({ arm: name, metric: form.name, unit: "us", quantiles: quantilesOf(us) });
      return [name, quantilesOf(us).p50 ?? Number.NaN];
    }),
  );
}

/** int8 weights times a vector in each flavour of WASM there is, beside a loop. */
async function measureProduct(bench: Bench): Promise<Verdict[]> {
  const { arms: given, side } = int8Product();
  const arms = given.map((arm) => ({ ...arm, us: [] as number[] }));
  for (const { run } of arms) for (let warm = 0; warm < 10; warm++) run();
  await interleave({
    arms,
    rounds: bench.number("rounds"),
    restMs: 1,
    block: async ({ run, calls, us }) => {
      const startMs = performance.now();
      for (let index = 0; index < calls; index++) run();
      us.push(((performance.now() - startMs) * 1000) / calls);
    },
  });
  const metric = `int8 product ${side}x${side}`;
  const loopUs = quantilesOf(arms[0]!.us).p50;
  return arms.flatMap(({ name, us, leastTimes }) => {
    bench.samples({ arm: name, metric, unit: "us", quantiles: quantilesOf(us) });
    if (leastTimes === undefined) return [];
    return atMostTimes({
      what: `${metric}, ${name}, p50`,
      ours: quantilesOf(us).p50,
      theirs: loopUs,
      factor: 1 / leastTimes,
      of: "a JavaScript loop",
    });
  });
}

/** An implementation that computes something else has no time worth knowing. */
function checkForm(form: OpForm, candidates: readonly OpKernels[]): void {
  const written = candidates.map((kernels) => {
    form.run(kernels);
    return Buffer.from(form.written()).toString("base64");
  });
  if (new Set(written).size !== 1) throw new Error(`${form.name}: the implementations differ`);
  if (form.byHand === undefined) return;
  const found = new Float32Array(form.written().slice().buffer);
  const worst = form.byHand().reduce((most, value, at) => Math.max(most, Math.abs(value - found[at]!)), 0);
  if (!(worst < 1e-3)) throw new Error(`${form.name}: by hand differs by ${worst}`);
}

function ratioOf(ours: number | null, theirs: number | null): number | null {
  return ours === null || theirs === null || theirs === 0 ? null : ours / theirs;
}
