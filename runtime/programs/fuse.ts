// Owns what is taken together once all steps are written: activations and factors go into the product before them, and what
// nothing reads is dropped. Invariant: a step is changed only when the one that is taken in was its only reader.

import { floatBits, floatOf } from "../ops/float-bits.js";
import { ACTIVATIONS, COMBINATIONS, type Combination, type Curve } from "../ops/network-steps.js";
import { type Draft, readsOf, rootOf, writesOf } from "./draft.js";
import type { Buffer, BufferView, Place } from "./tensor-view.js";

/** What a product can take into its weights and its bias. */
const LINEAR: readonly Combination[] = ["add", "subtract", "multiply", "divide"];

/** The steps that the outputs need, fused. */
export function fuse(drafts: readonly Draft[], outputs: readonly BufferView[]): Draft[] {
  const kept = needed(drafts, outputs);
  const held = new Set(outputs.map(({ store, at }) => rootOf({ buffer: store, at }).buffer));
  for (let index = 0; index < kept.length; index++) {
    const draft = kept[index]!;
    // Whatever has taken one step in may take the next.
    while (draft.op === "affine" || draft.op === "conv2d" || draft.op === "depthwise") {
      const reader = onlyReader(draft, { drafts: kept, held });
      if (reader === undefined || !takeIn(draft, { reader, drafts: kept })) break;
      kept.splice(kept.indexOf(reader), 1);
    }
  }
  return needed(kept, outputs);
}

function needed(drafts: readonly Draft[], outputs: readonly BufferView[]): Draft[] {
  const wanted = new Set<Buffer>(outputs.map(({ store, at }) => rootOf({ buffer: store, at }).buffer));
  const kept: Draft[] = [];
  for (const draft of drafts.toReversed()) {
    if (!writesOf(draft).some((place) => wanted.has(rootOf(place).buffer))) continue;
    kept.push(draft);
    for (const place of readsOf(draft)) wanted.add(rootOf(place).buffer);
  }
  return kept.reverse();
}

/** The one step that reads what a product writes, all of it and nothing else of its buffer. */
function onlyReader(
  product: Draft,
  given: { drafts: readonly Draft[]; held: ReadonlySet<Buffer> },
): Draft | undefined {
  const { buffer, at } = product.places.output!;
  const { rows, columns, outputStride } = sizeOf(product);
  const isOwn = buffer.within === null && buffer.before === 0 && buffer.after === 0 && at === 0;
  const isWhole = outputStride === columns && buffer.floats === rows * columns;
  if (!isOwn || !isWhole || given.held.has(buffer)) return undefined;
  const touches = (place: Place): boolean => rootOf(place).buffer === buffer;
  const readers = given.drafts.filter((draft) => readsOf(draft).some(touches));
  const writers = given.drafts.filter((draft) => writesOf(draft).some(touches));
  return readers.length === 1 && writers.length === 1 ? readers[0] : undefined;
}

/** Rows and columns of what a product writes: pixels and channels of an image. */
function sizeOf({ op, numbers }: Draft): { rows: number; columns: number; outputStride: number } {
  if (op === "affine")
    return { rows: numbers.rows!, columns: numbers.columns!, outputStride: numbers.outputStride! };
  const columns = op === "conv2d" ? numbers.columns! : numbers.channels!;
  return { rows: numbers.outHeight! * numbers.outWidth!, columns, outputStride: columns };
}

/** Takes a step into the product before it; answers whether it could. */
function takeIn(product: Draft, given: { reader: Draft; drafts: readonly Draft[] }): boolean {
  const { reader } = given;
  const { rows, columns } = sizeOf(product);
  if (reader.numbers.count !== rows * columns) return false;
  if (reader.op === "map") {
    const curve = joined(curveOf(product), curveOf(reader));
    if (curve === undefined) return false;
    product.numbers = { ...product.numbers, ...curve };
  } else if (reader.op === "combine" && product.numbers.activation === 0) {
    const factors = columnConstants(product, given);
    if (factors === undefined) return false;
    scale(product, { factors, combination: COMBINATIONS[reader.numbers.combination!]! });
  } else {
    return false;
  }
  product.places = { ...product.places, output: reader.places.output! };
  return true;
}

function curveOf({ numbers }: Draft): Curve {
  const { activation = 0, slope = 0, floor = 0, ceiling = 0 } = numbers;
  return { activation, slope, floor, ceiling };
}

/** One curve after another as one: the second alone where the first does nothing, or limits behind a bent line. */
function joined(first: Curve, second: Curve): Curve | undefined {
  if (first.activation === 0) return second;
  const bent = ACTIVATIONS.indexOf("bent");
  if (first.activation !== bent || second.activation !== bent || floatOf(second.slope) !== 1)
    return undefined;
  const floor = Math.max(floatOf(first.floor), floatOf(second.floor));
  const ceiling = Math.min(floatOf(first.ceiling), floatOf(second.ceiling));
  // Limits that leave nothing between them depend on which comes first.
  return floor > ceiling ? undefined : { ...first, floor: floatBits(floor), ceiling: floatBits(ceiling) };
}

/** The constants a step combines with each column of a product, if that is what it does. */
function columnConstants(
  product: Draft,
  { reader, drafts }: { reader: Draft; drafts: readonly Draft[] },
): Float32Array | undefined {
  const { buffer } = product.places.output!;
  const { left, right } = reader.places;
  if (left!.buffer !== buffer || right!.buffer === buffer) return undefined;
  const { columns } = sizeOf(product);
  const combination = COMBINATIONS[reader.numbers.combination!];
  const made = drafts.find(({ op, places }) => op === "constant" && places.output!.buffer === right!.buffer);
  const values = made?.constants.weights;
  const isLinear = combination !== undefined && LINEAR.includes(combination);
  if (values === undefined || !isLinear || right!.at !== 0) return undefined;
  if (reader.numbers.period === columns && values.length === columns) return values;
  return reader.numbers.period === 1 ? new Float32Array(columns).fill(values[0]!) : undefined;
}

function scale(
  product: Draft,
  given: { factors: Float32Array; combination: (typeof COMBINATIONS)[number] },
): void {
  const { factors, combination } = given;
  const { columns } = sizeOf(product);
  const bias = product.constants.bias ?? new Float32Array(columns);
  const weights = product.constants.weights!;
  // A row of weights for each column, but for kernels that lie channel by channel.
  const depth = weights.length / columns;
  const columnOf = (at: number): number =>
    product.op === "depthwise" ? at % columns : Math.floor(at / depth);
  if (combination === "add" || combination === "subtract") {
    const sign = combination === "add" ? 1 : -1;
    const moved = bias.map((value, column) => value + sign * factors[column]!);
    product.constants = { weights, bias: moved };
    return;
  }
  const factorOf = (column: number): number =>
    combination === "multiply" ? factors[column]! : 1 / factors[column]!;
  product.constants = {
    weights: weights.map((weight, at) => weight * factorOf(columnOf(at))),
    bias: bias.map((value, column) => value * factorOf(column)),
  };
}
