// Owns a program while it is written: steps over buffers that have no place yet, and the constants they read.
// Knows no graph. Invariant: a step reads only what steps before it, or the caller, have written.

import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import type { StepConstants } from "../ops/network-extents.js";
import { type NumberName, type PlaceName, STEP_FORMS, type StepName } from "../ops/network-steps.js";
import { isRowMajor, type Layout, loopsOf, rowMajor, sizeOf } from "./layout.js";
import {
  Buffer,
  type BufferView,
  type ConstantView,
  FLOAT,
  floatsOf,
  isBuffer,
  ownBuffer,
  type Place,
  type View,
} from "./tensor-view.js";

type Weighed = StepConstants["name"];

/** A step whose places are not offsets yet. `constants` stand for the numbers `weights`, `scales` and `bias`. */
export interface Draft {
  readonly op: StepName;
  places: Readonly<Record<string, Place>>;
  numbers: Readonly<Record<string, number>>;
  constants: Readonly<Partial<Record<Weighed, Float32Array>>>;
}

/** The fields of a draft of one op. */
export interface DraftOf<Name extends StepName> {
  readonly places: Readonly<Record<PlaceName<Name>, Place>>;
  readonly numbers: Readonly<Record<Exclude<NumberName<Name>, Weighed>, number>>;
  readonly constants?: Readonly<Partial<Record<Weighed, Float32Array>>>;
}

/** The buffer something lies in, through all that lie within others, and where. */
export function rootOf({ buffer, at }: Place): Place {
  return buffer.within === null
    ? { buffer, at }
    : rootOf({ buffer: buffer.within.buffer, at: buffer.within.at + at });
}

/** Buffers a draft reads. */
export function readsOf({ op, places }: Draft): readonly Place[] {
  return STEP_FORMS[op].reads.map((name) => places[name]!);
}

/** Buffers a draft writes, scratch not among them. */
export function writesOf({ op, places }: Draft): readonly Place[] {
  return STEP_FORMS[op].writes.map((name) => places[name]!);
}

export function placeOf({ store, at }: BufferView): Place {
  return { buffer: store, at };
}

/** The steps written so far. */
export class DraftList {
  readonly drafts: Draft[] = [];

  add<Name extends StepName>(op: Name, { places, numbers, constants = {} }: DraftOf<Name>): void {
    if (this.drafts.length >= LIMITS.programSteps)
      throw new RedlineError("MODEL_UNSUITABLE", {
        what: "the steps of a program",
        expected: `at most ${LIMITS.programSteps}`,
      });
    this.drafts.push({ op, places, numbers, constants });
  }

  /** A tensor in the arena: constants are copied there by a step. */
  inArena(view: View): BufferView {
    return isBuffer(view) ? view : this.#copyConstant(view as ConstantView);
  }

  /** A tensor of the same elements in row-major order; itself when it is one. */
  inOrder(view: View): BufferView {
    const held = this.inArena(view);
    return isRowMajor(held) ? held : this.copied(held, rowMajor(held.shape));
  }

  /** A copy with these strides, in a buffer of its own. */
  copied(view: BufferView, strides: readonly number[]): BufferView {
    const target = { ...ownBuffer(`${view.store.name}, copied`, view.shape), strides };
    this.copyInto(view, target);
    return target;
  }

  /** Copies every element of a tensor to the same index of another one. */
  copyInto(view: BufferView, target: BufferView): void {
    this.copyLoops(view, { place: placeOf(target), strides: target.strides });
  }

  copyLoops(view: BufferView, to: { place: Place; strides: readonly number[] }): void {
    const loops = loopsOf(view.shape, { strides: view.strides, outputStrides: to.strides });
    const [rows = ONE, columns = ONE] = loops.length > 1 ? loops.slice(-2) : [ONE, loops[0] ?? ONE];
    const outer: Layout & { outputStrides: number[] } = {
      shape: loops.slice(0, -2).map(({ count }) => count),
      strides: loops.slice(0, -2).map(({ step }) => step),
      outputStrides: loops.slice(0, -2).map(({ outputStep }) => outputStep),
    };
    const emit = (axis: number, from: number, at: number): void => {
      if (axis < outer.shape.length) {
        for (let index = 0; index < outer.shape[axis]!; index++)
          emit(axis + 1, from + index * outer.strides[axis]!, at + index * outer.outputStrides[axis]!);
        return;
      }
      this.add("move", {
        places: {
          input: { buffer: view.store, at: from },
          output: { buffer: to.place.buffer, at },
        },
        numbers: {
          rows: rows.count,
          columns: columns.count,
          rowStep: rows.step,
          columnStep: columns.step,
          outputRowStep: rows.outputStep,
          outputColumnStep: columns.outputStep,
        },
      });
    };
    emit(0, view.at, to.place.at);
  }

  #copyConstant(view: ConstantView): BufferView {
    if (view.elementType !== FLOAT)
      throw new RedlineError("MODEL_UNSUITABLE", {
        what: "a program's arithmetic",
        expected: "float32",
        received: `ONNX element type ${view.elementType}`,
      });
    const weights = floatsOf(view);
    const copy = ownBuffer("constant", view.shape);
    this.add("constant", {
      places: { output: placeOf(copy) },
      numbers: { count: sizeOf(view.shape) },
      constants: { weights },
    });
    return copy;
  }
}

const ONE = { count: 1, step: 0, outputStep: 0 };

/** A buffer that only one step uses, while it runs. */
export function scratch(name: string, floats: number): Place {
  return { buffer: new Buffer(name, floats), at: 0 };
}
