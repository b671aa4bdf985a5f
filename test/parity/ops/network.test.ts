// Every implementation of every network op keeps to the reference within its bound, and touches nothing else.
// REDLINE_PARITY_CASES sets the cases of each op: npm run test:parity -- --cases 10000

import { describe, expect, test } from "vitest";
import { loadNative } from "../../../runtime/bindings/load.js";
import { seededRng } from "../../../runtime/core/rng.js";
import { extentsOf } from "../../../runtime/ops/network-extents.js";
import {
  ACTIVATIONS,
  type Activation,
  PLAIN,
  STEP_FORMS,
  type StepName,
  wordsOf,
} from "../../../runtime/ops/network-steps.js";
import { network } from "../../../runtime/ops/reference/network.js";
import { networkFaultOf, type RunNetwork } from "./network-bound.js";
import { networkCase } from "./network-cases.js";

const CASES = Number(process.env.REDLINE_PARITY_CASES ?? 500);
const SEED = Number(process.env.REDLINE_PARITY_SEED ?? 1);

const { addon } = loadNative();
const names = addon?.networkSets ?? [];
const ops = Object.keys(STEP_FORMS) as StepName[];

function faultsOf(op: StepName, { run, cases }: { run: RunNetwork; cases: number }): string[] {
  return Array.from({ length: cases }, (_, index) => SEED * 1_000_003 + index).flatMap((seed) => {
    const one = networkCase(op, seededRng(seed));
    const fault = networkFaultOf(one, run);
    return fault === undefined ? [] : [`seed ${seed}, ${JSON.stringify(one.step)}: ${fault}`];
  });
}

test("the addon is there, and offers more than the scalar network ops on x64 and ARM64", () => {
  expect(names[0]).toBe("scalar");
  const vector = { x64: "avx2", arm64: "neon" }[process.arch as string];
  if (vector !== undefined) expect(names).toContain(vector);
});

const sides = names.flatMap((name, set) => ops.map((op) => ({ op, name, set })));

test.each(sides)(`$op: native $name keeps to the reference in ${CASES} cases`, ({ op, set }) => {
  const run: RunNetwork = (step, { weights, arena }) =>
    addon!.runNetwork(set, wordsOf([step]), weights, arena);

  expect(faultsOf(op, { run, cases: CASES }).slice(0, 5)).toEqual([]);
});

test.each(names.map((name, set) => ({ name, set })))(
  "a curve of native $name saturates exactly",
  ({ set }) => {
    const far = [20, 100, 3e38, Number.POSITIVE_INFINITY];
    const input = Float32Array.from([...far, ...far.map((value) => -value), Number.NaN]);
    const run = (activation: Activation): number[] => {
      const count = input.length;
      const arena = new Float32Array(2 * count);
      arena.set(input);
      const code = ACTIVATIONS.indexOf(activation);
      const step = { op: "map", input: 0, output: count, count, ...PLAIN, activation: code } as const;
      addon!.runNetwork(set, wordsOf([step]), new Float32Array(), arena);
      return [...arena.subarray(count)];
    };

    expect(run("sigmoid")).toEqual([1, 1, 1, 1, 0, 0, 0, 0, Number.NaN]);
    expect(run("tanh")).toEqual([1, 1, 1, 1, -1, -1, -1, -1, Number.NaN]);
  },
);

describe("an implementation is caught that", () => {
  const broken =
    (spoil: (written: { arena: Float32Array; from: number; to: number }) => void): RunNetwork =>
    (step, { weights, arena }) => {
      network([step], { weights, arena });
      const isWritten = ({ place }: { place: string }): boolean =>
        (STEP_FORMS[step.op].writes as readonly string[]).includes(place);
      const { from, to } = extentsOf(step).find(isWritten)!;
      spoil({ arena, from, to });
    };

  test.each<[string, string, RunNetwork]>([
    [
      "is off by a ten-thousandth",
      "in place of",
      broken(({ arena, from }) => arena.fill(arena[from]! * 1.0001 + 1e-3, from, from + 1)),
    ],
    [
      "leaves the last element unwritten",
      "in place of",
      broken(({ arena, to }) => arena.fill(123_456, to - 1, to)),
    ],
    ["writes a float too far", "writes outside", broken(({ arena, to }) => arena.fill(7, to, to + 1))],
    [
      "writes a float too early",
      "writes outside",
      broken(({ arena, from }) => arena.fill(7, from - 1, from)),
    ],
  ])("%s", (_, words, run) => {
    for (const op of ops) {
      const faults = faultsOf(op, { run, cases: 40 });

      expect(faults.some((fault) => fault.includes(words)) ? op : faults).toBe(op);
    }
  });
});

describe("words are refused", () => {
  const words = (change: (words: Int32Array) => void): Int32Array => {
    const { step } = networkCase("affine", seededRng(4));
    const given = wordsOf([step]);
    change(given);
    return given;
  };
  const { weights, arena } = networkCase("affine", seededRng(4));

  test.each<[string, Int32Array]>([
    ["of no step", Int32Array.of(0)],
    ["that end too early", words(() => {}).subarray(0, 5)],
    ["that read before the arena", words((all) => all.fill(0, 1, 2).fill(9, 10, 11))],
    ["that read past the arena", words((all) => all.fill(1 << 20, 1, 2))],
    ["that write past the arena", words((all) => all.fill(1 << 20, 2, 3))],
    ["whose weights lie past the constants", words((all) => all.fill(1 << 28, 8, 9))],
    ["whose product of sizes is beyond 32 bits", words((all) => all.fill(1 << 24, 3, 7))],
    ["of an activation there is not", words((all) => all.fill(99, 12, 13))],
  ])("%s", (_, given) => {
    for (const set of names.keys())
      expect(() => addon!.runNetwork(set, given, weights, arena.slice())).toThrow(
        expect.objectContaining({ code: "OP_ARGUMENT" }),
      );
  });
});
