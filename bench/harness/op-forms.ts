// Owns one form of every op as the pipelines use it: its plan, its inputs and its output. Knows no timing.

import { seededRng } from "../../runtime/core/rng.js";
import { type ImageSource, planImage } from "../../runtime/ops/image-plan.js";
import type { OpKernels } from "../../runtime/ops/kernels.js";
import { LEVEL_FIELDS, planLevel } from "../../runtime/ops/level-plan.js";
import { planMargins } from "../../runtime/ops/margins-plan.js";
import { planMask } from "../../runtime/ops/mask-plan.js";
import type { Ops } from "../../runtime/ops/ops.js";
import { planResample } from "../../runtime/ops/resample-plan.js";
import { planRuns, RUN_FIELDS } from "../../runtime/ops/runs-plan.js";

/** One op on fixed arguments. */
export interface OpForm {
  readonly name: string;
  run(kernels: OpKernels): void;
  /** The same call through the pick. */
  pick(ops: Ops): void;
  /** What the last run wrote. */
  written(): Uint8Array;
}

const GRID = { width: 320, height: 320 };
const IMAGE = { width: 1280, height: 720 };

/** Every op the voice and driving pipelines use, in the size they use it, and a full-HD camera's NV12. */
export function opForms(): readonly OpForm[] {
  const rng = seededRng(5);
  const noise = (length: number) => Float32Array.from({ length }, () => rng.next() * 2 - 1);
  return [
    imageForm("image 1280x720 RGB", { format: "rgb", ...IMAGE }),
    imageForm("image 1920x1080 NV12", { format: "nv12", width: 1920, height: 1080, matrix: "bt709" }),
    marginsForm(noise),
    maskForm(),
    runsForm(),
    resampleForm(noise(1024)),
    levelForm(noise(512)),
  ];
}

function imageForm(name: string, source: ImageSource): OpForm {
  const plan = planImage(source, {
    ...{ ...GRID, layout: "NCHW", colour: "RGB", dtype: "float32", scale: 1 / 255 },
  });
  const bytes = Uint8Array.from({ length: plan.sourceBytes }, (_, at) => (at * 31) % 251);
  const out = new Float32Array(plan.elements);
  return formOf(name, out, (ops) => ops.image(plan, bytes, out));
}

function marginsForm(noise: (length: number) => Float32Array): OpForm {
  const plan = planMargins({ ...GRID, values: "logits" });
  const scores = noise(2 * plan.pixels).map((score) => score * 8);
  const out = { margins: new Float32Array(plan.pixels), totals: new Float64Array(2) };
  return formOf("margins 320x320", out.margins, (ops) => ops.margins(plan, scores, out));
}

/** A road: a wedge that narrows upwards. */
function road(): Float32Array {
  return Float32Array.from({ length: GRID.width * GRID.height }, (_, at) => {
    const [u, v] = [at % GRID.width, Math.floor(at / GRID.width)];
    return Math.tanh((v - 120 - Math.abs(u - 160)) / 20);
  });
}

function maskForm(): OpForm {
  const plan = planMask({ grid: GRID, image: IMAGE });
  const out = new Uint8Array(plan.imagePixels);
  const margins = road();
  return formOf("mask 320x320 to 1280x720", out, (ops) => ops.mask(plan, margins, out));
}

function runsForm(): OpForm {
  const plan = planRuns(GRID);
  const out = new Float64Array(RUN_FIELDS * 4 * GRID.height);
  const margins = road();
  return formOf("runs 320x320", out, (ops) => void ops.runs(plan, margins, out));
}

/** 10 ms of 48 kHz sound, with a filter of the length the voice pipeline has for it. */
function resampleForm(input: Float32Array): OpForm {
  const taps = 292;
  const plan = planResample({
    ...{ up: 1, down: 3, taps, phases: 1 },
    table: Float32Array.from({ length: 2 * taps }, (_, at) => Math.sin(at) / taps),
  });
  const output = new Float32Array(160);
  return formOf("resample 10 ms of 48 kHz", output, (ops) =>
    ops.resample(plan, { input, at: { start: 0, fraction: 0 }, output }),
  );
}

function levelForm(samples: Float32Array): OpForm {
  const plan = planLevel({ samples: samples.length });
  const stats = new Float64Array(LEVEL_FIELDS.count);
  return formOf("level 512 samples", stats, (ops) => ops.level(plan, { samples, previous: 0, stats }));
}

/** Ops and their implementations are called alike. */
function formOf(name: string, out: ArrayBufferView, call: (ops: OpKernels | Ops) => void): OpForm {
  return {
    name,
    run: call,
    pick: call,
    written: () => new Uint8Array(out.buffer, out.byteOffset, out.byteLength),
  };
}
