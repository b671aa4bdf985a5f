// Owns seeded random cases of every op: shapes around the lanes' widths, all formats, NaN and infinity where an op may
// meet them. Knows no implementation. Invariant: the same seed makes the same case.

import type { Rng } from "../../../runtime/core/rng.js";
import { type ImageSource, type ImageTarget, planImage } from "../../../runtime/ops/image-plan.js";
import { LEVEL_FIELDS, planLevel } from "../../../runtime/ops/level-plan.js";
import { planMargins } from "../../../runtime/ops/margins-plan.js";
import { planMask } from "../../../runtime/ops/mask-plan.js";
import { planResample } from "../../../runtime/ops/resample-plan.js";
import { planRuns, RUN_FIELDS } from "../../../runtime/ops/runs-plan.js";
import { blurCase, boxesCase, gainCase, suppressCase } from "./detection-cases.js";
import { type OpCase, oneOf, scoreOf, sizeOf } from "./draw.js";
import { type Guarded, guarded, holding, type OpView } from "./guarded.js";
import { logMelCase, stftCase } from "./spectrum-cases.js";

/** Every op, and how a case of it is made. */
export const OP_CASES: Readonly<Record<string, (rng: Rng) => OpCase>> = {
  image: imageCase,
  margins: marginsCase,
  mask: maskCase,
  runs: runsCase,
  resample: resampleCase,
  level: levelCase,
  stft: stftCase,
  logMel: logMelCase,
  gain: gainCase,
  boxes: boxesCase,
  suppress: suppressCase,
  blur: blurCase,
};

function imageCase(rng: Rng): OpCase {
  const format = oneOf(rng, ["rgb", "bgr", "rgba", "nv12", "i420"] as const);
  const isPlanes = format === "nv12" || format === "i420";
  const even = (size: number): number => (isPlanes ? size + (size % 2) : size);
  const [width, height] = [even(sizeOf(rng)), even(sizeOf(rng))];
  const step = isPlanes ? 2 : 1;
  const regionX = step * rng.below(width / step);
  const regionY = step * rng.below(height / step);
  const region = {
    x: regionX,
    y: regionY,
    width: step * (1 + rng.below((width - regionX) / step)),
    height: step * (1 + rng.below((height - regionY) / step)),
  };
  const source: ImageSource = {
    format,
    width,
    height,
    ...(rng.below(2) === 0 ? {} : { strideBytes: width * (format === "rgba" ? 4 : 3) + rng.below(9) }),
    ...(rng.below(3) === 0 ? { offsetBytes: rng.below(40) } : {}),
    ...(isPlanes && rng.below(2) === 0 ? { chromaStrideBytes: width + rng.below(9) } : {}),
    ...(rng.below(2) === 0 ? {} : { region }),
    ...(isPlanes
      ? {
          matrix: oneOf(rng, ["bt601", "bt709"] as const),
          range: oneOf(rng, ["limited", "full"] as const),
          siting: oneOf(rng, ["centre", "left"] as const),
        }
      : {}),
  };
  const target = targetOf(rng);
  const plan = planImage(source, target);
  // Not a byte more than the plan asks for: reading one would be a fault.
  const bytes = holding(
    Uint8Array,
    Array.from({ length: plan.sourceBytes }, () => rng.below(256)),
  );
  const kind = { Float32Array, Uint16Array, Uint8Array, Int8Array }[plan.targetArray];
  return {
    title: JSON.stringify({ source, target }),
    inputs: [bytes, guardedWords(plan.words)],
    run: (kernels) => {
      const out = guarded<Float32Array | Uint16Array | Uint8Array | Int8Array>(kind as never, plan.elements);
      kernels.image(plan, bytes.view, out.view);
      return { outputs: [out] };
    },
  };
}

function targetOf(rng: Rng): ImageTarget {
  const dtype = oneOf(rng, ["float32", "float16", "uint8", "int8"] as const);
  const three = (least: number): [number, number, number] => [
    least + rng.next(),
    least + rng.next(),
    least + rng.next(),
  ];
  const isWhole = dtype === "uint8" || dtype === "int8";
  return {
    width: sizeOf(rng),
    height: sizeOf(rng),
    layout: oneOf(rng, ["NCHW", "NHWC"] as const),
    colour: oneOf(rng, ["RGB", "BGR"] as const),
    dtype,
    fit: oneOf(rng, ["stretch", "letterbox"] as const),
    filter: oneOf(rng, ["bilinear", "bilinear", "area"] as const),
    ...(rng.below(3) === 0 ? {} : { scale: oneOf(rng, [1, 1 / 255, -2, 1e-6, 300]) }),
    ...(rng.below(2) === 0 ? {} : { mean: three(-0.5), std: three(0.1) }),
    ...(isWhole && rng.below(2) === 0
      ? { quantise: { scale: oneOf(rng, [0.5, 0.0078125, 2]), zeroPoint: rng.below(256) - 128 } }
      : {}),
    ...(rng.below(2) === 0 ? {} : { pad: rng.below(256) }),
  };
}

/** A plan is shared by all implementations: none may write to it where it is not said that it does. */
function guardedWords(words: Int32Array): Guarded<OpView> {
  return { view: words, isIntact: () => true };
}

function marginsCase(rng: Rng): OpCase {
  const [width, height] = [sizeOf(rng), sizeOf(rng)];
  const values = oneOf(rng, ["logits", "logits", "probabilities"] as const);
  const plan = planMargins({ width, height, values });
  const scores = holding(
    Float32Array,
    Array.from({ length: 2 * plan.pixels }, () => scoreOf(rng)),
  );
  return {
    title: `${width}x${height} ${values}`,
    inputs: [scores],
    run: (kernels) => {
      const margins = guarded(Float32Array, plan.pixels);
      const totals = guarded(Float64Array, 2);
      kernels.margins(plan, scores.view, { margins: margins.view, totals: totals.view });
      return { outputs: [margins, totals] };
    },
  };
}

function maskCase(rng: Rng): OpCase {
  const grid = { width: sizeOf(rng), height: sizeOf(rng) };
  const image = { width: sizeOf(rng), height: sizeOf(rng) };
  const plan = planMask({ grid, image });
  const margins = holding(
    Float32Array,
    Array.from({ length: plan.gridPixels }, () => scoreOf(rng)),
  );
  return {
    title: `${grid.width}x${grid.height} to ${image.width}x${image.height}`,
    inputs: [margins],
    run: (kernels) => {
      const out = guarded(Uint8Array, plan.imagePixels);
      const words = holding(Int32Array, plan.words);
      kernels.mask({ ...plan, words: words.view }, margins.view, out.view);
      // The scratch row's NaN may have any bits: the words' sentinels count, their content does not.
      return { outputs: [out, { view: out.view, isIntact: words.isIntact }] };
    },
  };
}

function runsCase(rng: Rng): OpCase {
  const [width, height] = [sizeOf(rng), sizeOf(rng)];
  const plan = planRuns({ width, height });
  const share = rng.next();
  const isClean = rng.below(4) > 0;
  const margins = holding(
    Float32Array,
    Array.from({ length: width * height }, () => {
      const margin = rng.next() < share ? rng.next() : -rng.next();
      return isClean || rng.below(9) > 0 ? margin : Number.NaN;
    }),
  );
  const capacity = rng.below(3) === 0 ? rng.below(4) : height * Math.ceil(width / 2);
  return {
    title: `${width}x${height}, room for ${capacity}`,
    inputs: [margins],
    run: (kernels) => {
      const out = guarded(Float64Array, capacity * RUN_FIELDS);
      const answer = kernels.runs(plan, margins.view, out.view);
      return { outputs: [out], answer };
    },
  };
}

function resampleCase(rng: Rng): OpCase {
  const up = 1 + rng.below(40);
  const down = 1 + rng.below(120);
  const taps = sizeOf(rng);
  const phases = rng.below(2) === 0 ? up : 1 + rng.below(32);
  const outputs = rng.below(40);
  const fraction = rng.below(up);
  const start = rng.below(9);
  // Pairs of all sizes that cancel leave nothing but rounding: any other order of adding would show.
  const isCancelling = rng.below(3) === 0;
  const table = Float32Array.from({ length: (phases + 1) * taps }, () =>
    isCancelling ? 1 : rng.next() - 0.5,
  );
  const plan = planResample({ up, down, taps, phases, table });
  const length = start + Math.floor((fraction + Math.max(0, outputs - 1) * down) / up) + taps;
  const isClean = rng.below(4) > 0;
  let last = 0;
  const pairOf = (at: number): number => {
    last = at % 2 === 0 ? (rng.next() - 0.5) * 2 ** (rng.below(60) - 30) : -last;
    return last;
  };
  const input = holding(
    Float32Array,
    Array.from({ length }, (_, at) => {
      if (isCancelling) return pairOf(at);
      return isClean ? rng.next() * 2 - 1 : scoreOf(rng);
    }),
  );
  return {
    title: `${up}/${down}, ${taps} taps, ${phases} phases, ${outputs} outputs`,
    inputs: [input],
    run: (kernels) => {
      const output = guarded(Float32Array, outputs);
      kernels.resample(plan, { input: input.view, at: { start, fraction }, output: output.view });
      return { outputs: [output] };
    },
  };
}

function levelCase(rng: Rng): OpCase {
  const count = rng.below(4) === 0 ? 250 + rng.below(600) : sizeOf(rng);
  const plan = planLevel({
    samples: count,
    ...(rng.below(2) === 0 ? {} : { preEmphasis: rng.next(), clipsAt: 0.1 + rng.next() }),
  });
  const isClean = rng.below(3) > 0;
  const samples = holding(
    Float32Array,
    Array.from({ length: count }, () => (isClean ? rng.next() * 2 - 1 : scoreOf(rng))),
  );
  const previous = isClean ? rng.next() : scoreOf(rng);
  return {
    title: `${count} samples`,
    inputs: [samples],
    run: (kernels) => {
      const stats = guarded(Float64Array, LEVEL_FIELDS.count);
      kernels.level(plan, { samples: samples.view, previous, stats: stats.view });
      return { outputs: [stats] };
    },
  };
}
