// Owns where each buffer lies in the arena: two that are never needed at once may share a place. Knows no op.
// Invariant: what a step reads is not overwritten between its writing and that step; inputs and outputs last as long as a run.

import { type Draft, readsOf, rootOf, writesOf } from "./draft.js";
import type { Buffer, BufferView } from "./tensor-view.js";

/** Floats of a cache line: each buffer's data begins on one. */
const LINE_FLOATS = 16;

interface Life {
  readonly buffer: Buffer;
  from: number;
  to: number;
}

/** The place of each buffer's first float, and the floats of the arena. */
export interface Arena {
  readonly floats: number;
  placeOf(buffer: Buffer): number;
}

/** Plans the arena of a list of steps. */
export function placeBuffers(
  drafts: readonly Draft[],
  ends: { readonly inputs: readonly Buffer[]; readonly outputs: readonly BufferView[] },
): Arena {
  const lives = livesOf(drafts, ends);
  const places = new Map<Buffer, { from: number; to: number; at: number; life: Life }>();
  let floats = 0;
  for (const life of lives.sort((a, b) => sizeOf(b.buffer) - sizeOf(a.buffer))) {
    const size = sizeOf(life.buffer);
    const rivals = [...places.values()]
      .filter((placed) => placed.life.from <= life.to && life.from <= placed.life.to)
      .sort((a, b) => a.from - b.from);
    let from = 0;
    for (const rival of rivals) if (from + size > rival.from) from = Math.max(from, rival.to);
    places.set(life.buffer, { from, to: from + size, at: from + inLines(life.buffer.before), life });
    floats = Math.max(floats, from + size);
  }
  return { floats, placeOf: (buffer) => places.get(buffer)!.at };
}

function inLines(floats: number): number {
  return Math.ceil(floats / LINE_FLOATS) * LINE_FLOATS;
}

function sizeOf({ before, floats, after }: Buffer): number {
  return inLines(before) + inLines(floats + after);
}

function livesOf(
  drafts: readonly Draft[],
  ends: { readonly inputs: readonly Buffer[]; readonly outputs: readonly BufferView[] },
): Life[] {
  const lives = new Map<Buffer, Life>();
  const touch = (buffer: Buffer, step: number): void => {
    const root = rootOf({ buffer, at: 0 }).buffer;
    const life = lives.get(root);
    if (life === undefined) lives.set(root, { buffer: root, from: step, to: step });
    else {
      life.from = Math.min(life.from, step);
      life.to = Math.max(life.to, step);
    }
  };
  for (const input of ends.inputs) touch(input, -1);
  for (const [step, draft] of drafts.entries())
    for (const { buffer } of Object.values(draft.places)) touch(buffer, step);
  for (const { store } of ends.outputs) touch(store, drafts.length);
  return [...lives.values()];
}

/**
 * Lets a state that comes out take the place of the one that went in, where no step reads the old one after it began to write
 * the new one. A cell of an LSTM may do both at once.
 */
export function carryInPlace(
  drafts: readonly Draft[],
  state: { readonly input: Buffer; readonly output: BufferView },
): boolean {
  const { input, output } = state;
  const root = rootOf({ buffer: output.store, at: output.at });
  if (root.at !== 0 || root.buffer.floats !== input.floats || root.buffer === input) return false;
  if (input.within !== null || input.before + input.after > 0) return false;
  const writes = drafts.findIndex((draft) =>
    writesOf(draft).some((place) => rootOf(place).buffer === root.buffer),
  );
  const isSafe = drafts.every((draft, step) => {
    const reads = readsOf(draft).some((place) => rootOf(place).buffer === input);
    return (
      !reads || step < writes || (step === writes && isCellInPlace(draft, { input, target: root.buffer }))
    );
  });
  if (isSafe && writes >= 0) input.within = { buffer: root.buffer, at: 0 };
  return isSafe && writes >= 0;
}

/** Whether a cell reads a state only where its next one comes out, element by element. */
function isCellInPlace({ op, places }: Draft, state: { input: Buffer; target: Buffer }): boolean {
  if (op !== "lstm" || rootOf(places.input!).buffer === state.input) return false;
  return (["hidden", "cell"] as const).every((name) => {
    const before = rootOf(places[name]!);
    if (before.buffer !== state.input) return true;
    const after = rootOf(places[`${name}Out`]!);
    return after.buffer === state.target && before.at === after.at;
  });
}
