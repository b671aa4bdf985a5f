// Owns one node as its lowering sees it: inputs as views, attributes with their defaults. Knows no op.
// Invariant: an attribute of another kind than asked for, or an input that is not there, is refused by name.

import { RedlineError } from "../core/errors.js";
import type { OnnxAttribute, OnnxNode } from "../graphs/onnx-model.js";
import type { DraftList } from "./draft.js";
import { type ConstantView, elementsOf, isConstant, type View } from "./tensor-view.js";

interface Surroundings {
  readonly list: DraftList;
  readonly input: (name: string) => View;
  readonly makerOf: (name: string) => OnnxNode | undefined;
}

export class NodeView {
  constructor(
    readonly node: OnnxNode,
    private readonly around: Surroundings,
  ) {}

  get list(): DraftList {
    return this.around.list;
  }

  /** How many inputs are named, those left out at the end not counted. */
  get inputCount(): number {
    return this.node.inputs.length;
  }

  /** Whether anything reads this output. */
  hasOutput(index: number): boolean {
    return (this.node.outputs[index] ?? "") !== "";
  }

  input(index: number): View {
    const name = this.node.inputs[index] ?? "";
    if (name === "") throw this.refuse(`input ${index}`);
    return this.around.input(name);
  }

  optional(index: number): View | undefined {
    return (this.node.inputs[index] ?? "") === "" ? undefined : this.input(index);
  }

  /** An input that has to be known. */
  constant(index: number): ConstantView {
    const view = this.input(index);
    if (isConstant(view)) return view;
    throw this.refuse(`a constant for input ${index}`);
  }

  /** Whole numbers: of an input where newer versions of the op have one, else of an attribute. */
  numbersOf(index: number, attribute: string): number[] | undefined {
    const view = this.optional(index);
    if (view === undefined) return this.#attribute(attribute)?.ints.map(Number);
    return elementsOf(this.constant(index));
  }

  /** The node that made an input, and its view, to recognise what several nodes compute together. */
  maker(index: number): NodeView | undefined {
    const made = this.around.makerOf(this.node.inputs[index] ?? "");
    return made === undefined ? undefined : new NodeView(made, this.around);
  }

  whole(name: string, fallback: number): number {
    const attribute = this.#attribute(name);
    if (attribute === undefined) return fallback;
    if (attribute.int === null) throw this.refuse(`a whole number for ${name}`);
    return Number(attribute.int);
  }

  wholes(name: string, fallback: readonly number[]): readonly number[] {
    return this.#attribute(name)?.ints.map(Number) ?? fallback;
  }

  number(name: string, fallback: number): number {
    return this.#attribute(name)?.float ?? fallback;
  }

  text(name: string, fallback: string): string {
    const text = this.#attribute(name)?.string;
    return text == null ? fallback : new TextDecoder().decode(text);
  }

  has(name: string): boolean {
    return this.#attribute(name) !== undefined;
  }

  attribute(name: string): OnnxAttribute | undefined {
    return this.#attribute(name);
  }

  /** The refusal of this node: the model stays with ONNX Runtime. */
  refuse(expected: string): RedlineError {
    const { op, name } = this.node;
    return new RedlineError("MODEL_UNSUITABLE", {
      what: `a program: ${op}${name === "" ? "" : ` (${name})`}`,
      expected,
      received: "another form of it",
    });
  }

  #attribute(name: string): OnnxAttribute | undefined {
    return this.node.attributes.find((attribute) => attribute.name === name);
  }
}
