// Owns what the boxes op is asked to do, and the block of words every implementation works from. Knows no kernel and no network.
// Invariant: every offset in the block lies inside views of the plan's lengths; native/ops/boxes_plan.h holds the same layout and
// checks it again.

import { refusal, requireFinite, requireOneOf, requireWhole } from "./op-argument.js";

/** What a detector's tensors mean, and what becomes of them. */
export interface BoxesRequest {
  /** How many boxes the network proposes. */
  readonly anchors: number;
  /** How many classes it scores, a background among them. */
  readonly classes: number;
  /**
   * `joint`: one tensor of 4 box fields, an objectness if there is one, and the classes; it is passed as both views. `apart`: boxes
   * of 4 fields and scores of `classes` fields.
   */
  readonly tensors: "joint" | "apart";
  /** `fields-first`: [fields, anchors], as YOLOv8 has it. `anchors-first`: [anchors, fields], as YOLOv5, YOLOX and SSD do. */
  readonly layout: "fields-first" | "anchors-first";
  /** For `joint`: whether an objectness stands before the classes; it is multiplied with the class's score. Default false. */
  readonly hasObjectness?: boolean;
  /** `logits` go through the logistic function. Default `probabilities`. */
  readonly scores?: "probabilities" | "logits";
  /** Whether class 0 is the background, which is no detection. Default false. */
  readonly hasBackground?: boolean;
  /**
   * `corners`: left, top, right, bottom; `centre`: middle, width, height. `anchors`: offsets from `priors`, which are middle, width
   * and height: `middle = prior + offset * variances[0] * size`, `size = prior * e^(offset * variances[1])`, or without e.
   */
  readonly form: "corners" | "centre" | "anchors";
  /** Whether x comes before y in each pair of fields. Default `xy`. */
  readonly order?: "xy" | "yx";
  /** Middle x, middle y, width and height of each anchor. YOLOX's are `column * stride, row * stride, stride, stride`. */
  readonly priors?: Float32Array;
  /** Default 1 and 1; SSD's are 0.1 and 0.2. */
  readonly variances?: readonly [number, number];
  /** Default `exponential`. */
  readonly sizes?: "exponential" | "linear";
  /** A score must be above it. */
  readonly threshold: number;
  /** From the network's units to pixels: `x * scale + offset`, as for undoing a letterbox. Default 1 and 0. */
  readonly toImage?: {
    readonly scaleX: number;
    readonly scaleY: number;
    readonly offsetX: number;
    readonly offsetY: number;
  };
  /** Boxes are cut off at this size's edges. Default: they are not. */
  readonly image?: { readonly width: number; readonly height: number };
}

/** A boxes op, ready to run on any number of outputs of one network. Frozen. */
export interface BoxesPlan {
  readonly key: string;
  readonly words: Int32Array;
  readonly boxesLength: number;
  readonly scoresLength: number;
}

/** What a row of boxes holds, all float32. */
export const BOX_FIELDS = { left: 0, top: 1, right: 2, bottom: 3, score: 4, class: 5, count: 6 } as const;

/** Words of the block's head; the priors follow. Numbers marked f are float32 bits. */
export const BOXES_HEAD = {
  mark: 0,
  length: 1,
  anchors: 2,
  /** The first class that counts, and how many there are. */
  firstClass: 3,
  classes: 4,
  boxesLength: 5,
  scoresLength: 6,
  /** From one anchor to the next, and from one field to the next, in the boxes' view and in the scores'. */
  boxAnchor: 7,
  boxField: 8,
  scoreAnchor: 9,
  scoreField: 10,
  /** Where the objectness of anchor 0 lies (-1: there is none), and class 0. */
  objectness: 11,
  classStart: 12,
  isLogits: 13,
  /** 0: corners, 1: centre, 2: anchors. */
  form: 14,
  isYx: 15,
  isLinear: 16,
  isCut: 17,
  /** f: */
  threshold: 18,
  variances: 19,
  scaleX: 21,
  scaleY: 22,
  offsetX: 23,
  offsetY: 24,
  imageWidth: 25,
  imageHeight: 26,
  priors: 27,
  words: 28,
} as const;

/** "BOX1" in the first word. */
export const BOXES_MARK = 0x31584f42;
const ANCHORS_MAX = 262_144;
const CLASSES_MAX = 4096;
const ELEMENTS_MAX = 67_108_864;
const FORMS = ["corners", "centre", "anchors"] as const;

/**
 * Lays out the boxes op: a detector's float32 tensors to float32 rows of `BOX_FIELDS`, by anchor. It answers how many there are;
 * where the output holds fewer, the first ones are written, and the caller makes room and calls again.
 *
 * An anchor's class is that of its largest score, the first of equals; a class that is NaN has none. Its score must be above the
 * threshold. A box with a corner or score that is not finite, or without width or height (after cutting), is none.
 *
 * The op is exact: every implementation gives the same bits, all in float32, each step rounded; e^x is computed in float64, x held
 * between -87 and 88, and rounded once. The logistic function is within 3e-7. The output may not overlap what is read.
 *
 * @throws RedlineError `OP_ARGUMENT` naming the argument.
 *
 * @example
 * const plan = planBoxes({
 *   ...{ anchors: 8400, classes: 80, tensors: "joint", layout: "fields-first", form: "centre", threshold: 0.25 },
 *   image: { width: 640, height: 640 },
 * });
 * use(new Float32Array(1000 * BOX_FIELDS.count));
 * use(plan.boxesLength);
 */
export function planBoxes(given: BoxesRequest): BoxesPlan {
  const anchors = requireWhole("anchors", given.anchors, { min: 1, max: ANCHORS_MAX });
  const classes = requireWhole("classes", given.classes, { min: 1, max: CLASSES_MAX });
  const isJoint = requireOneOf("tensors", given.tensors, ["joint", "apart"]) === "joint";
  const layout = requireOneOf("layout", given.layout, ["fields-first", "anchors-first"]);
  const form = requireOneOf("form", given.form, FORMS);
  const firstClass = given.hasBackground === true ? 1 : 0;
  if (classes <= firstClass) throw refusal("classes", "one beside the background", classes);
  const objectness = given.hasObjectness === true ? 1 : 0;
  if (objectness === 1 && !isJoint) throw refusal("hasObjectness", "false where tensors are apart", true);
  const fields = isJoint ? 4 + objectness + classes : classes;
  if (anchors * fields > ELEMENTS_MAX)
    throw refusal("anchors x classes", `at most ${ELEMENTS_MAX} numbers`, anchors * fields);
  const priors = priorsOf(given, anchors);
  const threshold = requireFinite("threshold", given.threshold);
  if (!(Math.fround(threshold) > 0)) throw refusal("threshold", "above 0", threshold);

  const words = new Int32Array(BOXES_HEAD.words + priors.length);
  const floats = new Float32Array(words.buffer);
  const boxFields = isJoint ? fields : 4;
  const boxesLength = anchors * boxFields;
  const scoresLength = anchors * fields;
  words.set([BOXES_MARK, words.length, anchors, firstClass, classes, boxesLength, scoresLength]);
  const steps = layout === "fields-first" ? [1, anchors, 1, anchors] : [boxFields, 1, fields, 1];
  words.set(steps, BOXES_HEAD.boxAnchor);
  const field = steps[3]!;
  words[BOXES_HEAD.objectness] = objectness === 1 ? 4 * field : -1;
  words[BOXES_HEAD.classStart] = isJoint ? (4 + objectness) * field : 0;
  const scores = requireOneOf("scores", given.scores ?? "probabilities", ["probabilities", "logits"]);
  const order = requireOneOf("order", given.order ?? "xy", ["xy", "yx"]);
  const sizes = requireOneOf("sizes", given.sizes ?? "exponential", ["exponential", "linear"]);
  words.set(
    [scores === "logits" ? 1 : 0, FORMS.indexOf(form), order === "yx" ? 1 : 0, sizes === "linear" ? 1 : 0],
    BOXES_HEAD.isLogits,
  );
  words[BOXES_HEAD.isCut] = given.image === undefined ? 0 : 1;
  floats[BOXES_HEAD.threshold] = threshold;
  setPlace(floats, given);
  words[BOXES_HEAD.priors] = BOXES_HEAD.words;
  floats.set(priors, BOXES_HEAD.words);
  const key = `boxes ${anchors}x${fields} ${given.tensors} ${layout} ${form} ${scores}`;
  return Object.freeze({ key, words, boxesLength, scoresLength });
}

function priorsOf({ form, priors }: BoxesRequest, anchors: number): Float32Array {
  if (form !== "anchors") {
    if (priors !== undefined) throw refusal("priors", "none for this form", `${priors.length} numbers`);
    return new Float32Array(0);
  }
  if (priors?.length !== 4 * anchors) throw refusal("priors", `${4 * anchors} numbers`, priors?.length);
  for (const number of priors) requireFinite("priors", number);
  return priors;
}

function setPlace(floats: Float32Array, { variances = [1, 1], toImage, image }: BoxesRequest): void {
  floats[BOXES_HEAD.variances] = requireFinite("variances[0]", variances[0]);
  floats[BOXES_HEAD.variances + 1] = requireFinite("variances[1]", variances[1]);
  const { scaleX, scaleY, offsetX, offsetY } = toImage ?? { scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 };
  for (const [name, scale] of Object.entries({ scaleX, scaleY })) {
    requireFinite(`toImage.${name}`, scale);
    if (scale <= 0) throw refusal(`toImage.${name}`, "above 0", scale);
  }
  requireFinite("toImage.offsetX", offsetX);
  requireFinite("toImage.offsetY", offsetY);
  floats.set([scaleX, scaleY, offsetX, offsetY], BOXES_HEAD.scaleX);
  if (image === undefined) return;
  for (const [name, size] of Object.entries({ width: image.width, height: image.height })) {
    requireFinite(`image.${name}`, size);
    if (size <= 0) throw refusal(`image.${name}`, "above 0", size);
  }
  floats.set([image.width, image.height], BOXES_HEAD.imageWidth);
}
