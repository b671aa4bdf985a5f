// Owns the question whether a model is a road segmenter: which input takes the image, which outputs are the two heads.
// Knows no pixels. Invariant: an answer is complete, or the error names what is missing.

import { RedlineError } from "../core/errors.js";
import { isStaticShape, type TensorSpec } from "../core/tensor.js";
import type { Manifest } from "../store/manifest.js";

/** How pixels become the network's input: `(value * scale - mean) / std` per channel. */
export interface ImageInput {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly layout: "NCHW" | "NHWC";
  readonly colour: "RGB" | "BGR";
  readonly scale: number;
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** One output of two classes, [1, 2, height, width]: channel 1 is the class sought. */
export interface RoadHead {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** What the numbers are; `unknown` is told from the first values seen. */
  readonly values: "logits" | "probabilities" | "unknown";
}

/** A road segmenter's tensors and what they mean. */
export interface RoadModel {
  readonly image: ImageInput;
  readonly drivable: RoadHead;
  readonly lanes: RoadHead;
}

/** The part of a manifest that is read here. */
export type RoadManifest = Pick<Manifest, "inputs" | "outputs">;

/** Names of the heads in published road segmenters opened without a manifest (TwinLiteNet and its children). */
const HEAD_NAMES = { drivable: ["drivable", "drivable_area", "da"], lanes: ["lanes", "lane", "ll"] } as const;
const HEAD_ROLES = { drivable: "drivable", lanes: "lane" } as const;

/**
 * Finds image input and heads: by the manifest's roles (`image`, `drivable-logits` or `drivable-probabilities`,
 * `lane-logits` or `lane-probabilities`) when there is one, else by name and shape. A model without a manifest is taken to
 * want RGB / 255 in NCHW, as TwinLiteNet does.
 *
 * @throws RedlineError `MODEL_UNSUITABLE` naming the tensor that is missing or has another form.
 *
 * @example
 * const road = roadModelOf(session);
 * console.log(road.image.width, road.drivable.name);
 */
export function roadModelOf(
  tensors: { readonly inputs: readonly TensorSpec[]; readonly outputs: readonly TensorSpec[] },
  manifest?: RoadManifest,
): RoadModel {
  return {
    image: findImage(tensors.inputs, manifest),
    drivable: findHead("drivable", tensors.outputs, manifest),
    lanes: findHead("lanes", tensors.outputs, manifest),
  };
}

function findImage(inputs: readonly TensorSpec[], manifest: RoadManifest | undefined): ImageInput {
  const described = manifest?.inputs.find((input) => input.role === "image");
  if (manifest !== undefined && described === undefined) {
    throw unsuitable("an input with the role image", listed(manifest.inputs));
  }
  const spec = described === undefined ? inputs[0] : inputs.find((input) => input.name === described.name);
  const isAlone = inputs.length === 1;
  if (spec === undefined || !isAlone || spec.dtype !== "float32" || spec.shape.length !== 4) {
    throw unsuitable("one float32 image input of four dimensions", listed(inputs));
  }
  const layout = described?.layout ?? (spec.shape[3] === 3 ? "NHWC" : "NCHW");
  const [batch, a, b, c] = spec.shape;
  const [channels, height, width] = layout === "NCHW" ? [a, b, c] : [c, a, b];
  if (batch !== 1 || channels !== 3 || typeof height !== "number" || typeof width !== "number") {
    throw unsuitable(`input ${spec.name} as one image of three channels and fixed size`, listed([spec]));
  }
  if ((described?.resize ?? "stretch") !== "stretch") {
    throw unsuitable(`input ${spec.name} resized by stretch`, String(described?.resize));
  }
  const colour = described?.colour ?? "RGB";
  if (colour === "grey") throw unsuitable(`input ${spec.name} in RGB or BGR`, colour);
  return {
    name: spec.name,
    width,
    height,
    layout,
    colour,
    scale: described?.scale ?? 1 / 255,
    mean: threeOf(spec.name, described?.mean ?? [0, 0, 0]),
    std: threeOf(spec.name, described?.std ?? [1, 1, 1]),
  };
}

function findHead(
  kind: keyof typeof HEAD_NAMES,
  outputs: readonly TensorSpec[],
  manifest: RoadManifest | undefined,
): RoadHead {
  const prefix = `${HEAD_ROLES[kind]}-`;
  const described = manifest?.outputs.find((output) => output.role?.startsWith(prefix));
  if (manifest !== undefined && described === undefined) {
    throw unsuitable(`an output with the role ${prefix}logits`, listed(manifest.outputs));
  }
  const names: readonly string[] = described === undefined ? HEAD_NAMES[kind] : [described.name];
  const spec = outputs.find((output) => names.includes(output.name));
  if (spec === undefined) throw unsuitable(`an output named ${names.join(" or ")}`, listed(outputs));
  const [batch, classes, height, width] = spec.shape;
  const isHead = spec.dtype === "float32" && spec.shape.length === 4 && batch === 1 && classes === 2;
  if (!isHead || !isStaticShape(spec.shape) || typeof height !== "number" || typeof width !== "number") {
    throw unsuitable(`output ${spec.name} as float32 [1, 2, height, width]`, listed([spec]));
  }
  return { name: spec.name, width, height, values: valuesOf(described?.role?.slice(prefix.length)) };
}

function valuesOf(role: string | undefined): RoadHead["values"] {
  return role === "logits" || role === "probabilities" ? role : "unknown";
}

function threeOf(input: string, values: readonly number[]): [number, number, number] {
  const [a, b, c] = values;
  if (values.length !== 3 || a === undefined || b === undefined || c === undefined) {
    throw unsuitable(`three values of mean and std for input ${input}`, `${values.length}`);
  }
  return [a, b, c];
}

function listed(
  tensors: readonly { name: string; dtype: string; shape: readonly (number | string)[] }[],
): string {
  return (
    tensors.map(({ name, dtype, shape }) => `${name} ${dtype} [${shape.join(", ")}]`).join(", ") || "none"
  );
}

function unsuitable(expected: string, received: string): RedlineError {
  return new RedlineError("MODEL_UNSUITABLE", {
    what: "road segmentation",
    expected,
    received,
    hint: "give a model with a drivable-area and a lane head, or a manifest that names their roles",
  });
}
