// Owns the walk over a graph: each node becomes a view, a known constant or steps; a branch is taken when its condition is
// known, else both are run and one is chosen. Runs nothing. Invariant: what is not understood is refused with the op named, never left out.

import { RedlineError } from "../core/errors.js";
import type { OnnxGraph, OnnxNode } from "../graphs/onnx-model.js";
import { DraftList, placeOf } from "./draft.js";
import { sizeOf } from "./layout.js";
import { ARITHMETIC } from "./lower-arithmetic.js";
import { CONVOLUTION } from "./lower-convolution.js";
import { CURVES } from "./lower-curves.js";
import { RECURRENCE } from "./lower-recurrence.js";
import { REDUCTION } from "./lower-reduction.js";
import { STRUCTURE } from "./lower-structure.js";
import { NodeView } from "./node-view.js";
import {
  BOOL,
  type BufferView,
  constantOf,
  elementsOf,
  isConstant,
  ownBuffer,
  type View,
} from "./tensor-view.js";

/** A frame of sound every 32 ms still comes in time. */
const BREATH_MS = 2;

/** Turns a node into its outputs, and into steps where it takes some. */
export type Lower = (node: NodeView) => readonly View[];

const LOWERS: ReadonlyMap<string, Lower> = new Map(
  Object.entries({ ...STRUCTURE, ...ARITHMETIC, ...CURVES, ...REDUCTION, ...CONVOLUTION, ...RECURRENCE }),
);

/** Names a graph and its subgraphs know, and the nodes that made them. */
class Scope {
  readonly #views = new Map<string, View>();
  readonly #makers = new Map<string, OnnxNode>();

  constructor(readonly outer: Scope | null) {}

  set(name: string, view: View, maker?: OnnxNode): void {
    this.#views.set(name, view);
    if (maker !== undefined) this.#makers.set(name, maker);
  }

  get(name: string): View | undefined {
    return this.#views.get(name) ?? this.outer?.get(name);
  }

  makerOf(name: string): OnnxNode | undefined {
    return this.#views.has(name) ? this.#makers.get(name) : this.outer?.makerOf(name);
  }
}

/** Lowers graphs into one list of steps. */
export class GraphLowering {
  readonly list = new DraftList();
  #breathedMs = performance.now();

  /** The outputs of the main graph, for inputs by name. */
  async lower(graph: OnnxGraph, inputs: ReadonlyMap<string, View>): Promise<readonly View[]> {
    const scope = new Scope(null);
    // Named after the initializers: an input that is one too is a default, and the caller's value counts.
    this.#define(graph, scope);
    for (const [name, view] of inputs) scope.set(name, view);
    return this.#run(graph, scope);
  }

  #define(graph: OnnxGraph, scope: Scope): void {
    if (graph.sparseInitializers.length > 0) throw unsupported("a sparse constant");
    for (const tensor of graph.initializers) scope.set(tensor.name, constantOf(tensor));
  }

  async #run(graph: OnnxGraph, scope: Scope): Promise<readonly View[]> {
    for (const node of graph.nodes) {
      await this.#breathe();
      const outputs = await this.#lowerNode(node, scope);
      for (const [index, name] of node.outputs.entries())
        if (name !== "" && outputs[index] !== undefined) scope.set(name, outputs[index], node);
    }
    return graph.outputs.map(({ name }) => requireView(scope, name));
  }

  /** Lets the event loop turn when it has waited for some time: a weight of a megabyte is put in order here. */
  async #breathe(): Promise<void> {
    if (performance.now() - this.#breathedMs < BREATH_MS) return;
    await new Promise<void>((turn) => (globalThis.setImmediate ?? setTimeout)(turn));
    this.#breathedMs = performance.now();
  }

  async #lowerNode(node: OnnxNode, scope: Scope): Promise<readonly View[]> {
    if (node.domain !== "" && node.domain !== "ai.onnx") throw unsupported(`${node.domain}:${node.op}`);
    if (node.op === "If") return this.#branch(node, scope);
    const lower = LOWERS.get(node.op);
    if (lower === undefined) throw unsupported(node.op);
    return lower(
      new NodeView(node, {
        list: this.list,
        input: (name) => requireView(scope, name),
        makerOf: (name) => scope.makerOf(name),
      }),
    );
  }

  async #branch(node: OnnxNode, scope: Scope): Promise<readonly View[]> {
    const condition = requireView(scope, node.inputs[0] ?? "");
    if (condition.elementType !== BOOL || sizeOf(condition.shape) !== 1)
      throw unsupported("If on something else than a truth value");
    if (isConstant(condition))
      return this.#runBranch(node, {
        scope,
        name: elementsOf(condition)[0] === 1 ? "then_branch" : "else_branch",
      });
    const yes = await this.#runBranch(node, { scope, name: "then_branch" });
    const no = await this.#runBranch(node, { scope, name: "else_branch" });
    return yes.map((view, index) => this.#chosen(condition as BufferView, { yes: view, no: no[index]! }));
  }

  async #runBranch(node: OnnxNode, given: { scope: Scope; name: string }): Promise<readonly View[]> {
    const branch = node.attributes.find(({ name }) => name === given.name)?.graph;
    if (!branch) throw unsupported(`If without ${given.name}`);
    const inner = new Scope(given.scope);
    this.#define(branch, inner);
    return this.#run(branch, inner);
  }

  /** Both branches have run: a program takes the same time whichever counts. */
  #chosen(condition: BufferView, { yes, no }: { yes: View; no: View }): View {
    const [one, other] = [this.list.inOrder(yes), this.list.inOrder(no)];
    const { shape } = one;
    if (shape.length !== other.shape.length || shape.some((size, axis) => size !== other.shape[axis]))
      throw unsupported("If whose branches differ in shape");
    const output = ownBuffer("If", shape);
    this.list.add("select", {
      places: {
        condition: placeOf(condition),
        yes: placeOf(one),
        no: placeOf(other),
        output: placeOf(output),
      },
      numbers: { count: sizeOf(shape) },
    });
    return output;
  }
}

function requireView(scope: Scope, name: string): View {
  const view = scope.get(name);
  if (view !== undefined) return view;
  throw new RedlineError("MODEL_INVALID", { what: "a graph", expected: `a value ${name}`, received: "none" });
}

/** What a program cannot be made of: such a model stays with ONNX Runtime. */
export function unsupported(op: string): RedlineError {
  return new RedlineError("MODEL_UNSUITABLE", {
    what: "a program",
    expected: "ops that programs have",
    received: op,
  });
}
