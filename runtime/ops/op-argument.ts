// Owns the refusal of an op's arguments, and the checks every op shares. Knows no op.
// Invariant: a refusal names the argument, what was expected of it and what came.

import { RedlineError } from "../core/errors.js";

/** The error of a bad argument: code `OP_ARGUMENT`, the argument's name in `what`. */
export function refusal(what: string, expected: string, received: unknown): RedlineError {
  return new RedlineError("OP_ARGUMENT", { what, expected, received: String(received) });
}

/** A whole number within bounds. */
export function requireWhole(what: string, value: number, bounds: { min: number; max: number }): number {
  const { min, max } = bounds;
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw refusal(what, `a whole number from ${min} to ${max}`, value);
}

/** A number that float32 holds without becoming infinite. */
export function requireFinite(what: string, value: number): number {
  if (Number.isFinite(Math.fround(value))) return value;
  throw refusal(what, "a finite number of float32's range", value);
}

/** One of the words an argument knows. */
export function requireOneOf<Word extends string>(what: string, value: Word, words: readonly Word[]): Word {
  if (words.includes(value)) return value;
  throw refusal(what, words.join(", "), value);
}

/** A view of the right element type and of exactly, or at least, so many elements. */
export function requireView(
  what: string,
  view: ArrayBufferView & { readonly length: number },
  wanted: { readonly of: string; readonly length: number; readonly isExact: boolean },
): void {
  const { of, length, isExact } = wanted;
  // The tag, not the constructor: a Buffer is a Uint8Array too, and other realms have classes of their own.
  const tag = (view as { readonly [Symbol.toStringTag]?: string } | undefined)?.[Symbol.toStringTag];
  if (tag !== of) throw refusal(what, `a ${of}`, tag);
  if (isExact ? view.length === length : view.length >= length) return;
  throw refusal(what, `${isExact ? "" : "at least "}${length} elements`, view.length);
}

/** No op reads what it writes: two views on one buffer must lie apart. */
export function requireApart(
  source: { readonly what: string; readonly view: ArrayBufferView },
  target: { readonly what: string; readonly view: ArrayBufferView },
): void {
  const [a, b] = [source.view, target.view];
  if (a.buffer !== b.buffer) return;
  const isApart = a.byteOffset + a.byteLength <= b.byteOffset || b.byteOffset + b.byteLength <= a.byteOffset;
  if (isApart) return;
  throw refusal(
    target.what,
    `memory apart from ${source.what}`,
    `bytes ${b.byteOffset} to ${b.byteOffset + b.byteLength}`,
  );
}
