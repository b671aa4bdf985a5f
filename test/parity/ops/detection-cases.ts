// Owns seeded random cases of gain, boxes, suppress and blur: all layouts and forms, scores that tie, numbers that are none,
// regions that lead out. Knows no implementation. Invariant: the same seed makes the same case.

import type { Rng } from "../../../runtime/core/rng.js";
import { planBlur } from "../../../runtime/ops/blur-plan.js";
import { BOX_FIELDS, type BoxesRequest, planBoxes } from "../../../runtime/ops/boxes-plan.js";
import { planGain } from "../../../runtime/ops/gain-plan.js";
import { planSuppress } from "../../../runtime/ops/suppress-plan.js";
import { type OpCase, oneOf, scoreOf, sizeOf } from "./draw.js";
import { type Guarded, guarded, holding } from "./guarded.js";

export function gainCase(rng: Rng): OpCase {
  const count = sizeOf(rng);
  const plan = planGain({
    samples: count,
    gain: oneOf(rng, [0.5, 1, -2, 0, 1e30, rng.next()]),
    ...(rng.below(2) === 0 ? { limit: 0.1 + rng.next() } : {}),
  });
  const samples = scored(rng, count);
  return {
    title: JSON.stringify(plan),
    inputs: [samples],
    run: (kernels) => {
      const out = guarded(Float32Array, count);
      const answer = kernels.gain(plan, samples.view, out.view);
      return { outputs: [out], answer };
    },
  };
}

export function boxesCase(rng: Rng): OpCase {
  const anchors = rng.below(6) === 0 ? 120 + rng.below(150) : sizeOf(rng);
  const request = requestOf(rng, anchors);
  const plan = planBoxes(request);
  const isClean = rng.below(3) > 0;
  // Few different values: scores tie.
  const numberOf = (): number => {
    if (!isClean && rng.below(20) === 0) return scoreOf(rng);
    return rng.below(2) === 0 ? rng.next() : rng.below(5) / 4;
  };
  const scores = holding(
    Float32Array,
    Array.from({ length: plan.scoresLength }, () =>
      request.scores === "logits" ? 8 * numberOf() - 4 : numberOf(),
    ),
  );
  const own =
    request.tensors === "joint"
      ? scores
      : holding(
          Float32Array,
          Array.from({ length: plan.boxesLength }, () => 2 * numberOf() - 0.5),
        );
  const capacity = rng.below(3) === 0 ? rng.below(4) : anchors;
  return {
    title: JSON.stringify({ ...request, priors: request.priors?.length, capacity }),
    inputs: [scores, own],
    run: (kernels) => {
      const out = guarded(Float32Array, capacity * BOX_FIELDS.count);
      const answer = kernels.boxes(plan, { scores: scores.view, boxes: own.view }, out.view);
      return { outputs: [out], answer };
    },
  };
}

function requestOf(rng: Rng, anchors: number): BoxesRequest {
  const tensors = oneOf(rng, ["joint", "apart"] as const);
  const form = oneOf(rng, ["corners", "centre", "anchors"] as const);
  const classes = oneOf(rng, [1, 2, 3, 7, 8, 9, 20, 80]);
  return {
    ...{ anchors, classes, tensors, form },
    layout: oneOf(rng, ["fields-first", "anchors-first"] as const),
    hasObjectness: tensors === "joint" && rng.below(2) === 0,
    scores: oneOf(rng, ["probabilities", "logits"] as const),
    hasBackground: classes > 1 && rng.below(3) === 0,
    order: oneOf(rng, ["xy", "yx"] as const),
    ...(form === "anchors"
      ? {
          priors: Float32Array.from({ length: 4 * anchors }, () => rng.next()),
          variances: [rng.next(), rng.next() * 40] as const,
          sizes: oneOf(rng, ["exponential", "linear"] as const),
        }
      : {}),
    threshold: oneOf(rng, [0.01, 0.25, 0.5, 0.9]),
    ...(rng.below(2) === 0
      ? { toImage: { scaleX: 640, scaleY: 0.5 + rng.next(), offsetX: -10, offsetY: rng.next() } }
      : {}),
    ...(rng.below(2) === 0 ? { image: { width: 1 + rng.below(400), height: 1 } } : {}),
  };
}

export function suppressCase(rng: Rng): OpCase {
  const count = rng.below(4) === 0 ? rng.below(300) : sizeOf(rng);
  const plan = planSuppress({
    boxes: Math.max(1, count) + rng.below(3),
    keep: 1 + rng.below(Math.max(1, count)),
    overlap: oneOf(rng, [0, 0.3, 0.45, 1]),
    classes: oneOf(rng, ["apart", "together"] as const),
  });
  const isClean = rng.below(3) > 0;
  const rows = holding(
    Float32Array,
    Array.from({ length: count }, () => {
      const [left, top] = [rng.below(40) / 2, rng.below(40) / 2];
      const row = [
        left,
        top,
        left + rng.below(30) - 1,
        top + rng.below(30) - 1,
        rng.below(12) / 8,
        rng.below(4),
      ];
      return isClean ? row : row.map((field) => (rng.below(20) === 0 ? scoreOf(rng) : field));
    }).flat(),
  );
  return {
    title: JSON.stringify({ ...plan, scratch: 0, floats: 0, count }),
    inputs: [rows],
    run: (kernels) => {
      const out = guarded(Float32Array, plan.keep * BOX_FIELDS.count);
      const scratch = holding(Int32Array, plan.scratch);
      const answer = kernels.suppress(
        { ...plan, scratch: scratch.view, floats: floatsOver(scratch.view) },
        rows.view,
        out.view,
      );
      return { outputs: [out, { view: out.view, isIntact: scratch.isIntact }], answer };
    },
  };
}

export function blurCase(rng: Rng): OpCase {
  const [width, height] = [sizeOf(rng), sizeOf(rng)];
  const format = oneOf(rng, ["rgb", "rgba"] as const);
  const plan = planBlur({
    ...{ width, height, format },
    ...(rng.below(2) === 0 ? { strideBytes: width * (format === "rgba" ? 4 : 3) + rng.below(9) } : {}),
    radius: oneOf(rng, [1, 2, 3, 7, 40, 255]),
    passes: 1 + rng.below(3),
  });
  const regions = holding(
    Int32Array,
    Array.from({ length: rng.below(4) }, () => [
      ...[rng.below(width + 8) - 4, rng.below(height + 8) - 4],
      ...[rng.below(width + 8) - 2, rng.below(height + 8) - 2],
    ]).flat(),
  );
  const pixels = Array.from({ length: plan.imageBytes }, () => rng.below(256));
  return {
    title: `${plan.key}, regions ${regions.view.join(" ")}`,
    inputs: [regions],
    run: (kernels) => {
      const image = holding(Uint8Array, pixels);
      const scratch = holding(Int32Array, plan.scratch);
      const { buffer, byteOffset, byteLength } = scratch.view;
      const bytes = new Uint8Array(buffer, byteOffset, byteLength);
      const own = { ...plan, scratch: scratch.view, floats: floatsOver(scratch.view), bytes };
      kernels.blur(own, regions.view, image.view);
      return { outputs: [image, { view: image.view, isIntact: scratch.isIntact }] };
    },
  };
}

function scored(rng: Rng, count: number): Guarded<Float32Array> {
  return holding(
    Float32Array,
    Array.from({ length: count }, () => scoreOf(rng)),
  );
}

function floatsOver({ buffer, byteOffset, length }: Int32Array): Float32Array {
  return new Float32Array(buffer, byteOffset, length);
}
