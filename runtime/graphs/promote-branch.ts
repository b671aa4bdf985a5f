// Owns putting the branch that an If always takes in the If's place. Runs nothing.
// Invariant: the edited graph computes what the original computes; an If that is not understood stays or is refused.

import { knownScalars } from "./constants.js";
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode } from "./onnx-model.js";
import { malformed } from "./wire.js";

/**
 * Replaces every If of the main graph whose condition is known by the nodes of the branch it takes, until none is left.
 * An If whose condition depends on what comes in stays. ONNX Runtime 1.30 can crash when it does this itself, see the known
 * crash of `bench/mutants`; remove the use of this workaround once a release folds Silero v5 without one.
 */
export function promoteBranches(model: OnnxModel): OnnxModel {
  let { graph } = model;
  for (;;) {
    const known = knownScalars(graph);
    const index = graph.nodes.findIndex(
      ({ op, domain, inputs }) =>
        op === "If" && domain === "" && typeof known.get(inputs[0] ?? "") === "boolean",
    );
    const node = graph.nodes[index];
    if (node === undefined) break;
    graph = inlineBranch(graph, { index, node, isThen: known.get(node.inputs[0] as string) === true });
  }
  return graph === model.graph ? model : { ...model, graph: withoutUnused(graph) };
}

function inlineBranch(
  graph: OnnxGraph,
  at: { readonly index: number; readonly node: OnnxNode; readonly isThen: boolean },
): OnnxGraph {
  const { index, node } = at;
  const wanted = at.isThen ? "then_branch" : "else_branch";
  const branch = node.attributes.find(({ name }) => name === wanted)?.graph;
  if (!branch || branch.outputs.length < node.outputs.length || branch.inputs.length > 0) {
    throw malformed(`an If without a fitting ${wanted}`);
  }
  const taken = freshNames(branch, namesOf(graph));
  const results = node.outputs.flatMap((output, position) =>
    output === "" ? [] : [identity(taken.outputs[position]?.name ?? "", output)],
  );
  return {
    ...graph,
    nodes: [...graph.nodes.slice(0, index), ...taken.nodes, ...results, ...graph.nodes.slice(index + 1)],
    initializers: [...graph.initializers, ...taken.initializers],
    sparseInitializers: [...graph.sparseInitializers, ...taken.sparseInitializers],
    values: [...graph.values, ...taken.values],
  };
}

function identity(input: string, output: string): OnnxNode {
  const name = `promoted_${output}`;
  return {
    name,
    op: "Identity",
    domain: "",
    overload: "",
    inputs: [input],
    outputs: [output],
    attributes: [],
    rest: [],
  };
}

/** Names a graph gives to values, not those within its subgraphs. */
function definedNames(graph: OnnxGraph): string[] {
  return [
    ...graph.inputs.map(({ name }) => name),
    ...graph.initializers.map(({ name }) => name),
    ...graph.sparseInitializers.map(({ values }) => values?.name ?? ""),
    ...graph.nodes.flatMap(({ outputs }) => outputs),
  ].filter((name) => name !== "");
}

function namesOf(graph: OnnxGraph): ReadonlySet<string> {
  return new Set(definedNames(graph));
}

/** The branch with those of its own names changed that the graph around it uses too. */
function freshNames(branch: OnnxGraph, outer: ReadonlySet<string>): OnnxGraph {
  const own = definedNames(branch);
  const clashes = own.filter((name) => outer.has(name));
  if (clashes.length === 0) return branch;
  const taken = new Set([...outer, ...own]);
  const changes = new Map<string, string>();
  for (const name of clashes) {
    let fresh = `${name}_promoted`;
    while (taken.has(fresh)) fresh += "_";
    taken.add(fresh);
    changes.set(name, fresh);
  }
  return renamed(branch, changes);
}

function renamed(graph: OnnxGraph, changes: ReadonlyMap<string, string>): OnnxGraph {
  const to = (name: string): string => changes.get(name) ?? name;
  const named = <Part extends { readonly name: string }>(part: Part): Part =>
    changes.has(part.name) ? { ...part, name: to(part.name) } : part;
  return {
    ...graph,
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(to),
      outputs: node.outputs.map(to),
      attributes: node.attributes.map((attribute) => renamedWithin(attribute, changes)),
    })),
    initializers: graph.initializers.map(named),
    sparseInitializers: graph.sparseInitializers.map((sparse) =>
      sparse.values === null ? sparse : { ...sparse, values: named(sparse.values) },
    ),
    outputs: graph.outputs.map(named),
    values: graph.values.map(named),
  };
}

/** Subgraphs see the names around them, but for those they define anew. */
function renamedWithin(attribute: OnnxAttribute, changes: ReadonlyMap<string, string>): OnnxAttribute {
  if (attribute.graph === null && attribute.graphs.length === 0) return attribute;
  const within = (graph: OnnxGraph): OnnxGraph => {
    const own = namesOf(graph);
    return renamed(graph, new Map([...changes].filter(([name]) => !own.has(name))));
  };
  return {
    ...attribute,
    graph: attribute.graph === null ? null : within(attribute.graph),
    graphs: attribute.graphs.map(within),
  };
}

/** Drops nodes and constants that nothing uses any more, such as the condition of a promoted If. */
function withoutUnused(graph: OnnxGraph): OnnxGraph {
  const used = new Set(graph.outputs.map(({ name }) => name));
  const kept: OnnxNode[] = [];
  // Nodes stand in topological order: going backwards, every use is seen before what it uses.
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => used.has(name))) continue;
    kept.push(node);
    for (const name of readNames(node)) used.add(name);
  }
  return {
    ...graph,
    nodes: kept.reverse(),
    initializers: graph.initializers.filter(({ name }) => used.has(name)),
    values: graph.values.filter(({ name }) => used.has(name)),
  };
}

/** Names a node reads, its subgraphs included. */
function readNames(node: OnnxNode): string[] {
  const within = node.attributes
    .flatMap(({ graph, graphs }) => (graph === null ? graphs : [graph, ...graphs]))
    .flatMap((graph) => [...graph.outputs.map(({ name }) => name), ...graph.nodes.flatMap(readNames)]);
  return [...node.inputs, ...within];
}
