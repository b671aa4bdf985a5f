// The network ops in WebAssembly keep to the reference within the bound that native ones keep to, in both flavours, and write to
// nothing but their arena. REDLINE_PARITY_CASES sets the cases of each op: npm run test:parity -- --cases 10000

import { describe, expect, test } from "vitest";
import type { Kernels } from "../../../runtime/bindings/kernels.js";
import { seededRng } from "../../../runtime/core/rng.js";
import { extentsOf } from "../../../runtime/ops/network-extents.js";
import {
  ACTIVATIONS,
  type Activation,
  type NetworkStep,
  PLAIN,
  wordsOf,
} from "../../../runtime/ops/network-steps.js";
import { type PackedNetwork, packNetwork, WASM_STEPS } from "../../../runtime/ops/pack-network.js";
import { WasmNetwork } from "../../../runtime/ops/wasm-network.js";
import { instanceOf } from "../../support/wasm-kernels.js";
import { networkFaultOf, type RunNetwork } from "./network-bound.js";
import { networkCase } from "./network-cases.js";

const CASES = Number(process.env.REDLINE_PARITY_CASES ?? 500);
const SEED = Number(process.env.REDLINE_PARITY_SEED ?? 1);
const BEHIND_BYTES = 4096;

const flavours = (["relaxed", "simd128"] as const).map((flavour) => ({
  flavour,
  kernels: instanceOf(flavour),
}));
const usable = flavours.filter(
  (one): one is typeof one & { kernels: Kernels } => typeof one.kernels !== "string",
);

test("an engine without the flavour every engine should have is not passed over in silence", () => {
  expect(usable.map(({ flavour }) => flavour)).toContain("simd128");
});

/** Everything an instance's steps own, but the arena: words, constants and what lies behind. */
function aroundArena(kernels: Kernels, arena: Float32Array): Buffer {
  const { buffer } = kernels.memory;
  const start = kernels.heap_start();
  const end = arena.byteOffset + arena.byteLength;
  return Buffer.concat([
    Buffer.from(buffer, start, arena.byteOffset - start),
    Buffer.from(buffer, end, Math.min(BEHIND_BYTES, buffer.byteLength - end)),
  ]);
}

function runIn(kernels: Kernels): RunNetwork {
  return (step, { weights, arena }) => {
    const network = new WasmNetwork(kernels, { steps: [step], weights, arenaFloats: arena.length });
    network.arena.set(arena);
    const before = aroundArena(kernels, network.arena);
    network.run();
    if (!before.equals(aroundArena(kernels, network.arena)))
      throw new Error(`${step.op} writes outside its arena`);
    arena.set(network.arena);
  };
}

const sides = usable.flatMap(({ flavour, kernels }) => WASM_STEPS.map((op) => ({ op, flavour, kernels })));

test.each(sides)(`$op: $flavour keeps to the reference in ${CASES} cases`, ({ op, kernels }) => {
  const run = runIn(kernels);

  const faults = Array.from({ length: CASES }, (_, index) => SEED * 1_000_003 + index).flatMap((seed) => {
    const one = networkCase(op, seededRng(seed));
    const fault = networkFaultOf(one, run);
    return fault === undefined ? [] : [`seed ${seed}, ${JSON.stringify(one.step)}: ${fault}`];
  });

  expect(faults.slice(0, 5)).toEqual([]);
});

test.each(usable)("a curve of $flavour saturates exactly", ({ kernels }) => {
  const far = [20, 100, 3e38, Number.POSITIVE_INFINITY];
  const input = [...far, ...far.map((value) => -value), Number.NaN];
  const run = (activation: Activation): number[] => {
    const count = input.length;
    const curve = { ...PLAIN, activation: ACTIVATIONS.indexOf(activation) };
    const step = { op: "map", input: 0, output: count, count, ...curve } as const;
    const network = new WasmNetwork(kernels, {
      steps: [step],
      weights: new Float32Array(),
      arenaFloats: 2 * count,
    });
    network.arena.set(input);
    network.run();
    return [...network.arena.subarray(count)];
  };

  expect(run("sigmoid")).toEqual([1, 1, 1, 1, 0, 0, 0, 0, Number.NaN]);
  expect(run("tanh")).toEqual([1, 1, 1, 1, -1, -1, -1, -1, Number.NaN]);
});

test.skipIf(usable.length < 2).each(WASM_STEPS)("%s gives the same bits in both flavours", (op) => {
  const [one, other] = usable as [(typeof usable)[number], (typeof usable)[number]];

  for (let seed = 0; seed < 100; seed++) {
    const { step, weights, arena } = networkCase(op, seededRng(seed));
    const [first, second] = [arena.slice(), arena.slice()];
    runIn(one.kernels)(step, { weights, arena: first });
    runIn(other.kernels)(step, { weights, arena: second });

    const isSame = first.every((value, at) => Object.is(value, second[at]));
    expect(isSame ? seed : { seed, step }).toBe(seed);
  }
});

test("a step that the kernels lack is refused by its name", () => {
  const step = { op: "fold", input: 0, output: 1 } as unknown as NetworkStep;

  expect(() => packNetwork([step], new Float32Array())).toThrow(
    expect.objectContaining({
      code: "MODEL_UNSUITABLE",
      message: expect.stringMatching(/step 0\b.*received fold/),
    }),
  );
});

/** What the kernels say to a step's words over so many floats of constants and of arena. */
function statusOf(
  packed: PackedNetwork,
  { constantFloats, arenaFloats }: { constantFloats: number; arenaFloats: number },
): number {
  const { kernels } = usable[0]!;
  const at = kernels.heap_start();
  const constants = at + packed.words.byteLength;
  const arena = constants + packed.constants.byteLength;
  new Int32Array(kernels.memory.buffer, at, packed.words.length).set(packed.words);
  return kernels.network(at, packed.words.length, constants, constantFloats, arena, arenaFloats);
}

test.each(WASM_STEPS)("%s is refused where one of its places, or its constants, leads out", (op) => {
  for (let seed = 0; seed < 20; seed++) {
    const { step, weights, arena } = networkCase(op, seededRng(seed));
    const packed = packNetwork([step], weights);
    const room = { constantFloats: packed.constants.length, arenaFloats: arena.length };
    const fields = step as Readonly<Record<string, number | string>>;

    for (const { place, from, to } of extentsOf(step)) {
      for (const by of [arena.length - to + 1, -from - 1]) {
        const moved = { ...fields, [place]: Number(fields[place]) + by } as unknown as NetworkStep;
        const status = statusOf(packNetwork([moved], weights), room);
        expect({ seed, place, by, status }).toEqual({ seed, place, by, status: 1 });
      }
    }
    // Rows of constants are filled up to blocks of 16.
    const constantFloats = room.constantFloats - 16;
    if (constantFloats >= 0) expect(statusOf(packed, { ...room, constantFloats })).toBe(1);
    expect(statusOf(packed, room)).toBe(0);
  }
});

describe("words are refused before anything is written", () => {
  const { step, weights, arena } = networkCase("affine", seededRng(4));
  const packed = packNetwork([step], weights);
  const fields = packed.words.length;

  test.each<[string, (words: Int32Array) => Int32Array]>([
    ["of no step", () => Int32Array.of(0)],
    ["of a step that the kernels lack", () => Int32Array.of(99)],
    ["that end too early", (words) => words.subarray(0, 5)],
    ["that read before the arena", (words) => words.fill(0, 1, 2).fill(9, 10, 11)],
    ["that read past the arena", (words) => words.fill(1 << 20, 1, 2)],
    ["that write past the arena", (words) => words.fill(1 << 20, 2, 3)],
    ["whose weights lie past the constants", (words) => words.fill(1 << 28, 8, 9)],
    ["whose product of sizes is beyond 32 bits", (words) => words.fill(1 << 24, 3, 7)],
    ["of an activation there is not", (words) => words.fill(99, 12, 13)],
    ["of a slope below 0", (words) => words.fill(-1, 13, 14)],
    ["of a good step with a bad one behind it", (words) => Int32Array.of(...words, 0)],
  ])("%s", (_, change) => {
    const { kernels } = usable[0]!;
    const words = change(packed.words.slice());
    const at = kernels.heap_start();
    const constants = at + 4 * (fields + 16);
    const place = constants + packed.constants.byteLength;
    const { buffer } = kernels.memory;
    new Int32Array(buffer, at, words.length).set(words);
    new Float32Array(buffer, constants, packed.constants.length).set(packed.constants);
    const inMemory = new Float32Array(buffer, place, arena.length);
    inMemory.set(arena);

    const status = kernels.network(at, words.length, constants, packed.constants.length, place, arena.length);

    expect(status).toBe(1);
    expect(Buffer.from(buffer, place, arena.byteLength).equals(Buffer.from(arena.slice().buffer))).toBe(true);
  });

  test("which are done when nothing is wrong with them", () => {
    const { kernels } = usable[0]!;

    const network = new WasmNetwork(kernels, { steps: [step], weights, arenaFloats: arena.length });

    expect(() => network.run()).not.toThrow();
    expect(wordsOf([step]).length).toBe(fields);
  });
});
