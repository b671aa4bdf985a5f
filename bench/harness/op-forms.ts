// Owns one form of every op as the pipelines use it: its plan, its inputs and its output. Knows no timing.

import { seededRng } from "../../runtime/core/rng.js";
import { planBlur } from "../../runtime/ops/blur-plan.js";
import { BOX_FIELDS, planBoxes } from "../../runtime/ops/boxes-plan.js";
import { planGain } from "../../runtime/ops/gain-plan.js";
import { type ImageSource, planImage } from "../../runtime/ops/image-plan.js";
import type { OpKernels } from "../../runtime/ops/kernels.js";
import { LEVEL_FIELDS, planLevel } from "../../runtime/ops/level-plan.js";
import { MEL_VARIANTS, planLogMel } from "../../runtime/ops/log-mel-plan.js";
import { planMargins } from "../../runtime/ops/margins-plan.js";
import { planMask } from "../../runtime/ops/mask-plan.js";
import type { Ops } from "../../runtime/ops/ops.js";
import { planResample } from "../../runtime/ops/resample-plan.js";
import { planRuns, RUN_FIELDS } from "../../runtime/ops/runs-plan.js";
import { planStft, type SpectrumPlan } from "../../runtime/ops/spectrum-plan.js";
import { planSuppress } from "../../runtime/ops/suppress-plan.js";
import { plainMel } from "./plain-mel.js";

/** One op on fixed arguments. */
export interface OpForm {
  readonly name: string;
  run(kernels: OpKernels): void;
  /** The same as one writes it by hand in JavaScript, where that is measured; answers what it wrote. */
  byHand?(): Float32Array;
  /** The same call through the pick. */
  pick(ops: Ops): void;
  /** What the last run wrote. */
  written(): Uint8Array;
}

/** The row that the mel graph of ONNX Runtime is measured beside. */
export const LOG_MEL_FRAME = "log-mel, one frame of Kaldi";

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
    stftForm(noise(512)),
    ...melForms(noise),
    gainForm(noise(512)),
    boxesForm(noise),
    suppressForm(noise),
    blurForm(),
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

function stftForm(samples: Float32Array): OpForm {
  const plan = planStft({ samples: 512, frame: 512, hop: 160 });
  return spectrumForm("stft, one frame of 512", { op: "stft", plan, samples });
}

/** A single frame of each front end, and what 80 ms of a wake word's stream and a second of Whisper's sound take. */
function melForms(noise: (length: number) => Float32Array): OpForm[] {
  const { whisper, openWakeWord } = MEL_VARIANTS;
  const plans = {
    "log-mel, one frame of Whisper": planLogMel({ ...whisper, edges: "none", samples: 400 }),
    "log-mel, 8 frames of openWakeWord": planLogMel({ ...openWakeWord, samples: 512 + 7 * 160 }),
    "log-mel, a second of Whisper": planLogMel({ ...whisper, samples: 16_000 }),
  };
  const others = Object.entries(plans).map(([name, plan]) =>
    spectrumForm(name, { op: "logMel", plan, samples: noise(plan.samples) }),
  );
  return [kaldiForm(LOG_MEL_FRAME, noise(400)), ...others];
}

/** Beside it, the same frame by hand. */
function kaldiForm(name: string, samples: Float32Array): OpForm {
  const plan = planLogMel({ ...MEL_VARIANTS.kaldi, samples: 400 });
  const form = spectrumForm(name, { op: "logMel", plan, samples });
  const mel = plainMel();
  const out = new Float32Array(MEL_VARIANTS.kaldi.mel.bands);
  const byHand = (): Float32Array => {
    mel(samples, out);
    return out;
  };
  return { ...form, byHand };
}

function spectrumForm(
  name: string,
  given: { op: "stft" | "logMel"; plan: SpectrumPlan; samples: Float32Array },
): OpForm {
  const { op, plan, samples } = given;
  const out = new Float32Array(plan.frames * plan.width);
  return formOf(name, out, (ops) => ops[op](plan, samples, out));
}

function gainForm(samples: Float32Array): OpForm {
  const plan = planGain({ samples: samples.length, gain: 1.5 });
  const out = new Float32Array(samples.length);
  return formOf("gain 512 samples", out, (ops) => void ops.gain(plan, samples, out));
}

/** YOLOv8 at 640 x 640: 8400 boxes of 80 classes, a few above the threshold. */
function boxesForm(noise: (length: number) => Float32Array): OpForm {
  const plan = planBoxes({
    ...{ anchors: 8400, classes: 80, tensors: "joint", layout: "fields-first", form: "centre" },
    threshold: 0.25,
  });
  const tensor = noise(plan.scoresLength).map((score, at) =>
    at < 4 * 8400 ? 320 + 300 * score : 0.2502 * Math.abs(score),
  );
  const out = new Float32Array(600 * BOX_FIELDS.count);
  return formOf(
    "boxes 8400 x 80",
    out,
    (ops) => void ops.boxes(plan, { scores: tensor, boxes: tensor }, out),
  );
}

function suppressForm(noise: (length: number) => Float32Array): OpForm {
  const plan = planSuppress({ boxes: 600, keep: 100 });
  const random = noise(600 * BOX_FIELDS.count);
  const rows = random.map((_, at) => {
    const [row, field] = [at - (at % BOX_FIELDS.count), at % BOX_FIELDS.count];
    const low = 300 + 250 * random[row + (field % 2)]!;
    if (field < 2) return low;
    if (field < 4) return low + 20 + 40 * Math.abs(random[row + field]!);
    return field === 4 ? Math.abs(random[row + field]!) : Math.floor(Math.abs(random[row + field]!) * 3);
  });
  const out = new Float32Array(plan.keep * BOX_FIELDS.count);
  return formOf("suppress 600 boxes to 100", out, (ops) => void ops.suppress(plan, rows, out));
}

/** A face and what is around it, put back before each call: a copy of 69 kB is in the figure. */
function blurForm(): OpForm {
  const plan = planBlur({ width: 160, height: 144, format: "rgb", radius: 16 });
  const face = Uint8Array.from({ length: plan.imageBytes }, (_, at) => (at * 31) % 251);
  const image = face.slice();
  const regions = Int32Array.of(16, 8, 128, 128);
  return formOf("blur a face of 128x128", image, (ops) => {
    image.set(face);
    ops.blur(plan, regions, image);
  });
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
