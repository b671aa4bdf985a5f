// Owns making the mutant of a seed and a number. Opens no file and runs nothing.
// Invariant: the same seed, number and sources give the same bytes; `isStructural` was shown by reading them back.

import { type Rng, seededRng } from "../../runtime/core/rng.js";
import type { OnnxGraph, OnnxModel } from "../../runtime/graphs/onnx-model.js";
import { readModel } from "../../runtime/graphs/read-model.js";
import { writeModel } from "../../runtime/graphs/write-model.js";
import { BYTE_MUTATIONS } from "./byte-mutations.js";
import { GRAPH_MUTATIONS, pick } from "./graph-mutations.js";
import type { Source } from "./sources.js";
import { structureOf } from "./structure.js";

export interface Mutant {
  readonly index: number;
  /** The model it was made from. */
  readonly source: string;
  /** What was done, in order. */
  readonly mutations: readonly string[];
  /** The bytes can be read and hold another graph than the source. */
  readonly isStructural: boolean;
  readonly bytes: Uint8Array;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}

/** Three in four change the graph, above the bar of three in five. */
const GRAPH_SHARE = 0.75;
/** Some changes undo each other or find nothing to change: draw again. */
const MOST_TRIES = 50;

export function makeMutant(
  sources: readonly Source[],
  given: { readonly seed: number; readonly index: number },
): Mutant {
  const { seed, index } = given;
  const rng = seededRng(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  const source = pick(sources, rng) as Source;
  const original = structureOfSource(source);
  const isGraphChange = rng.next() < GRAPH_SHARE;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const made = isGraphChange ? changedGraph(source.bytes, rng) : damaged(source.bytes, rng);
    const structure = structureOf(made.bytes);
    const isStructural = structure !== null && structure !== original;
    if (isGraphChange && !isStructural) continue;
    return { index, source: source.name, shapes: source.shapes ?? {}, isStructural, ...made };
  }
  throw new Error(`no mutant of ${source.name} after ${MOST_TRIES} tries`);
}

const structures = new WeakMap<Source, string | null>();

/** Once per source: reading a large one takes longer than making a mutant of it. */
function structureOfSource(source: Source): string | null {
  const known = structures.get(source);
  if (known !== undefined) return known;
  const structure = structureOf(source.bytes);
  structures.set(source, structure);
  return structure;
}

interface Made {
  readonly mutations: readonly string[];
  readonly bytes: Uint8Array;
}

function damaged(bytes: Uint8Array, rng: Rng): Made {
  const [name, mutate] = pick(Object.entries(BYTE_MUTATIONS), rng) as [
    string,
    (typeof BYTE_MUTATIONS)[string],
  ];
  return { mutations: [name], bytes: mutate(bytes, rng) };
}

function changedGraph(bytes: Uint8Array, rng: Rng): Made {
  let model = readModel(bytes);
  const mutations: string[] = [];
  for (let count = 1 + rng.below(3); count > 0; count--) {
    const [name, mutate] = pick(Object.entries(GRAPH_MUTATIONS), rng) as [
      string,
      (typeof GRAPH_MUTATIONS)[string],
    ];
    const changed = anywhere(model.graph, { rng, mutate });
    if (changed === undefined) continue;
    model = { ...model, graph: changed };
    mutations.push(name);
  }
  if (rng.below(20) === 0) {
    model = withOtherOpset(model, rng);
    mutations.push("change-opset");
  }
  return { mutations, bytes: writeModel(model) };
}

/** Changes the graph or, as often as not, one of its subgraphs, at any depth. */
function anywhere(
  graph: OnnxGraph,
  given: { readonly rng: Rng; readonly mutate: (typeof GRAPH_MUTATIONS)[string] },
): OnnxGraph | undefined {
  const { rng, mutate } = given;
  const holders = graph.nodes.filter(({ attributes }) => attributes.some((part) => part.graph !== null));
  const holder = rng.below(2) === 0 ? pick(holders, rng) : undefined;
  if (holder === undefined) return mutate(graph, rng);
  const part = pick(
    holder.attributes.filter((attribute) => attribute.graph !== null),
    rng,
  );
  const inner = part?.graph && anywhere(part.graph, given);
  if (!part || !inner) return undefined;
  const attributes = holder.attributes.map((other) => (other === part ? { ...part, graph: inner } : other));
  const changed = { ...holder, attributes };
  return { ...graph, nodes: graph.nodes.map((node) => (node === holder ? changed : node)) };
}

function withOtherOpset(model: OnnxModel, rng: Rng): OnnxModel {
  const version = pick([0, 1, 6, 11, 13, 18, 21, 999], rng) as number;
  return { ...model, opsets: model.opsets.map((opset) => ({ ...opset, version })) };
}
