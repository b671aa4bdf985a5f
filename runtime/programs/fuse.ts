// Owns what is taken together once all steps are written: activations and factors go into the product before them, and what
// nothing reads is dropped. Invariant: a step is changed only when the one that is taken in was its only reader.

import { COMBINATIONS } from "../ops/network-steps.js";
import { type Draft, readsOf, rootOf, writesOf } from "./draft.js";
import type { Buffer, BufferView, Place } from "./tensor-view.js";

/** The steps that the outputs need, fused. */
export function fuse(drafts: readonly Draft[], outputs: readonly BufferView[]): Draft[] {
  const kept = needed(drafts, outputs);
  const held = new Set(outputs.map(({ store, at }) => rootOf({ buffer: store, at }).buffer));
  for (let index = 0; index < kept.length; index++) {
    const draft = kept[index]!;
    // Whatever has taken one step in may take the next.
    while (draft.op === "affine") {
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
  const { rows, columns, outputStride } = product.numbers;
  const isOwn = buffer.within === null && buffer.before === 0 && buffer.after === 0 && at === 0;
  const isWhole = outputStride === columns && buffer.floats === rows! * columns!;
  if (!isOwn || !isWhole || given.held.has(buffer)) return undefined;
  const touches = (place: Place): boolean => rootOf(place).buffer === buffer;
  const readers = given.drafts.filter((draft) => readsOf(draft).some(touches));
  const writers = given.drafts.filter((draft) => writesOf(draft).some(touches));
  return readers.length === 1 && writers.length === 1 ? readers[0] : undefined;
}

/** Takes a step into the product before it; answers whether it could. */
function takeIn(product: Draft, given: { reader: Draft; drafts: readonly Draft[] }): boolean {
  const { reader } = given;
  const { rows, columns, activation } = product.numbers;
  if (activation !== 0 || reader.numbers.count !== rows! * columns!) return false;
  if (reader.op === "map") {
    product.numbers = { ...product.numbers, activation: reader.numbers.activation! };
  } else if (reader.op === "combine") {
    const factors = columnConstants(product, given);
    if (factors === undefined) return false;
    scale(product, { factors, combination: COMBINATIONS[reader.numbers.combination!]! });
  } else {
    return false;
  }
  product.places = { ...product.places, output: reader.places.output! };
  return true;
}

/** The constants a step combines with each column of a product, if that is what it does. */
function columnConstants(
  product: Draft,
  { reader, drafts }: { reader: Draft; drafts: readonly Draft[] },
): Float32Array | undefined {
  const { buffer } = product.places.output!;
  const { left, right } = reader.places;
  if (left!.buffer !== buffer || right!.buffer === buffer) return undefined;
  const columns = product.numbers.columns!;
  const combination = COMBINATIONS[reader.numbers.combination!];
  const made = drafts.find(({ op, places }) => op === "constant" && places.output!.buffer === right!.buffer);
  const values = made?.constants.weights;
  if (values === undefined || combination === "maximum" || right!.at !== 0) return undefined;
  if (reader.numbers.period === columns && values.length === columns) return values;
  return reader.numbers.period === 1 ? new Float32Array(columns).fill(values[0]!) : undefined;
}

function scale(
  product: Draft,
  given: { factors: Float32Array; combination: (typeof COMBINATIONS)[number] },
): void {
  const { factors, combination } = given;
  const { columns, depth } = product.numbers;
  const bias = product.constants.bias ?? new Float32Array(columns!);
  const weights = product.constants.weights!;
  if (combination === "add" || combination === "subtract") {
    const sign = combination === "add" ? 1 : -1;
    const moved = bias.map((value, column) => value + sign * factors[column]!);
    product.constants = { weights, bias: moved };
    return;
  }
  const factorOf = (column: number): number =>
    combination === "multiply" ? factors[column]! : 1 / factors[column]!;
  product.constants = {
    weights: weights.map((weight, at) => weight * factorOf(Math.floor(at / depth!))),
    bias: bias.map((value, column) => value * factorOf(column)),
  };
}
