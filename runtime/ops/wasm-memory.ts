// Owns the linear memory of one instance of the kernels: where a form's views lie in it, and views over all of it.
// Knows no op. Invariant: places of a form never overlap, and keep their addresses until the memory grows.

import type { Kernels } from "../bindings/kernels.js";
import { LIMITS } from "../core/limits.js";

const PAGE_BYTES = 65_536;
/** Places begin at a vector's width; between two of them at least as much lies unused. */
const VECTOR_BYTES = 16;

const ARRAYS = { Float32Array, Uint16Array, Uint8Array, Int8Array } as const;

/** What a form needs: bytes of each place, and which of them is copied out whole, as which array. */
export interface Needs {
  readonly bytes: readonly number[];
  readonly out: { readonly place: number; readonly as: keyof typeof ARRAYS };
}

/** Where the views of one form lie, in the order they were asked for. */
export interface Places {
  readonly at: readonly number[];
  readonly bytes: readonly number[];
  /** The place that is copied out whole, as a view. */
  readonly out: InstanceType<(typeof ARRAYS)[keyof typeof ARRAYS]>;
}

/** One instance's memory, which all ops share: each call lays its views from the start on. */
export class WasmMemory {
  readonly #memory: Kernels["memory"];
  readonly #start: number;
  #kept = new WeakMap<object, Places>();
  /** Views over all of it. Made anew when it grows, since that takes the old ones' memory away. */
  u8!: Uint8Array;
  i16!: Int16Array;
  i32!: Int32Array;
  f32!: Float32Array;
  f64!: Float64Array;

  constructor(kernels: Kernels) {
    this.#memory = kernels.memory;
    this.#start = kernels.heap_start();
    this.#look();
  }

  /** The places of a form that has been laid out before. Looks first whether somebody else has made the instance's memory grow. */
  kept(form: object): Places | undefined {
    if (this.u8.buffer !== this.#memory.buffer) this.#look();
    return this.#kept.get(form);
  }

  /** Lays a form out and remembers it; undefined where it would pass `LIMITS.kernelBytes` or the engine gives no more memory. */
  lay(form: object, { bytes, out }: Needs): Places | undefined {
    const at: number[] = [];
    let end = this.#start;
    for (const length of bytes) {
      at.push(end);
      end = (Math.ceil((end + length) / VECTOR_BYTES) + 1) * VECTOR_BYTES;
    }
    if (!this.#reserve(end)) return undefined;
    const array = ARRAYS[out.as];
    const length = bytes[out.place]! / array.BYTES_PER_ELEMENT;
    const places: Places = { at, bytes, out: new array(this.#memory.buffer, at[out.place]!, length) };
    this.#kept.set(form, places);
    return places;
  }

  #reserve(end: number): boolean {
    const missing = end - this.#memory.buffer.byteLength;
    if (missing <= 0) return true;
    if (end > LIMITS.kernelBytes) return false;
    try {
      this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
    } catch {
      return false;
    }
    this.#look();
    return true;
  }

  #look(): void {
    const { buffer } = this.#memory;
    this.#kept = new WeakMap();
    this.u8 = new Uint8Array(buffer);
    this.i16 = new Int16Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
  }
}
