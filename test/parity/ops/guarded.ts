// Owns memory with sentinels around it, for views that an op reads or writes. Knows no op.
// Invariant: a view has room on both sides that only a fault can touch, and starts at an address of no more than its own alignment.

const GUARD_BYTES = 64;
const SENTINEL = 0xa5;

/** The arrays ops take. */
export type OpView =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint16Array
  | Int16Array
  | Uint8Array
  | Int8Array;

interface Kind<View extends OpView> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, byteOffset: number, length: number): View;
}

/** A view and the memory around it. */
export interface Guarded<View extends OpView> {
  readonly view: View;
  /** Whether nothing outside the view has been written. */
  isIntact(): boolean;
}

/** A view of `length` elements, every byte of it a sentinel too, so that an element left unwritten shows. */
export function guarded<View extends OpView>(kind: Kind<View>, length: number): Guarded<View> {
  // One element past the guard: aligned to the element and, for one of 4 bytes, to nothing more.
  const start = GUARD_BYTES + kind.BYTES_PER_ELEMENT;
  const end = start + length * kind.BYTES_PER_ELEMENT;
  const bytes = new Uint8Array(end + GUARD_BYTES).fill(SENTINEL);
  return {
    view: new kind(bytes.buffer, start, length),
    isIntact: () => [...bytes.subarray(0, start), ...bytes.subarray(end)].every((byte) => byte === SENTINEL),
  };
}

/** A guarded view that holds these elements. */
export function holding<View extends OpView>(kind: Kind<View>, values: ArrayLike<number>): Guarded<View> {
  const made = guarded(kind, values.length);
  made.view.set(values);
  return made;
}

/** The view's bytes, copied. */
export function bytesOf(view: OpView): Uint8Array {
  return new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength).slice();
}
