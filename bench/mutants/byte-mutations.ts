// Owns damage to a file's bytes that knows nothing of graphs: cuts, flips, lengths, pieces moved about. Knows no model.
// Invariant: the same random numbers do the same damage.

import type { Rng } from "../../runtime/core/rng.js";

/** Damages a copy of the bytes. */
export type ByteMutation = (bytes: Uint8Array, rng: Rng) => Uint8Array;

const truncate: ByteMutation = (bytes, rng) => bytes.slice(0, rng.below(bytes.length));

const flipBits: ByteMutation = (bytes, rng) => {
  const out = bytes.slice();
  for (let count = 1 + rng.below(16); count > 0; count--) {
    const at = rng.below(out.length);
    out[at] = (out[at] as number) ^ (1 << rng.below(8));
  }
  return out;
};

/** Flips within the first kilobytes and the last, where a file's structure is and not its weights. */
const flipStructure: ByteMutation = (bytes, rng) => {
  const out = bytes.slice();
  const reach = Math.min(out.length, 4096);
  for (let count = 1 + rng.below(4); count > 0; count--) {
    const near = rng.below(reach);
    const at = rng.below(2) === 0 ? near : out.length - 1 - near;
    out[at] = (out[at] as number) ^ (1 << rng.below(8));
  }
  return out;
};

/** The length after a graph's, a node's or a tensor's tag becomes another number of as many bytes. */
const changeLength: ByteMutation = (bytes, rng) => {
  const out = bytes.slice();
  const tags = [0x0a, 0x12, 0x22, 0x2a, 0x3a, 0x4a, 0x5a, 0x62];
  const start = rng.below(out.length);
  for (let step = 0; step < out.length; step++) {
    const at = (start + step) % (out.length - 1 || 1);
    if (!tags.includes(out[at] as number)) continue;
    out[at + 1] = ((out[at + 1] as number) & 0x80) | rng.below(0x80);
    return out;
  }
  return out;
};

const movePiece: ByteMutation = (bytes, rng) => {
  const out = bytes.slice();
  const length = Math.min(out.length, 1 + rng.below(256));
  const from = rng.below(out.length - length + 1);
  out.copyWithin(rng.below(out.length - length + 1), from, from + length);
  return out;
};

const insertBytes: ByteMutation = (bytes, rng) => {
  const at = rng.below(bytes.length);
  const inserted = Uint8Array.from({ length: 1 + rng.below(32) }, () => rng.below(256));
  return Uint8Array.from(Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]));
};

const removeBytes: ByteMutation = (bytes, rng) => {
  const at = rng.below(bytes.length);
  return Uint8Array.from(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + rng.below(32))]));
};

/** Every kind of damage by name. */
export const BYTE_MUTATIONS: Readonly<Record<string, ByteMutation>> = {
  truncate,
  "flip-bits": flipBits,
  "flip-structure": flipStructure,
  "change-length": changeLength,
  "move-piece": movePiece,
  "insert-bytes": insertBytes,
  "remove-bytes": removeBytes,
};
