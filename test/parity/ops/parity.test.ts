// Every implementation of every op writes, bit for bit, what the reference writes, and nothing else.
// REDLINE_PARITY_CASES sets the cases of each op: npm run test:parity -- --cases 10000

import { describe, expect, test } from "vitest";
import { FLAVOURS } from "#kernels";
import { loadNative } from "../../../runtime/bindings/load.js";
import { seededRng } from "../../../runtime/core/rng.js";
import { type OpKernels, REFERENCE_KERNELS } from "../../../runtime/ops/kernels.js";
import { nativeKernels } from "../../../runtime/ops/native-kernels.js";
import { kernelsIn } from "../../../runtime/ops/wasm-kernels.js";
import { instanceOf, watched } from "../../support/wasm-kernels.js";
import { OP_CASES } from "./cases.js";
import { faultOf } from "./fault.js";

const CASES = Number(process.env.REDLINE_PARITY_CASES ?? 500);
const SEED = Number(process.env.REDLINE_PARITY_SEED ?? 1);

const { addon } = loadNative();
const natives = addon === null ? [] : nativeKernels(addon);
const flavours = FLAVOURS.map((flavour) => ({ flavour, instance: instanceOf(flavour) }));
const ops = Object.keys(OP_CASES);

/** Faults of an implementation, with the seed that shows each again. */
function faultsOf(op: string, kernels: OpKernels, cases: number): string[] {
  return Array.from({ length: cases }, (_, index) => SEED * 1_000_003 + index).flatMap((seed) => {
    const one = OP_CASES[op]!(seededRng(seed));
    const fault = faultOf(one, kernels);
    return fault === undefined ? [] : [`seed ${seed}, ${one.title}: ${fault}`];
  });
}

test("the addon is there, and offers more than the scalar ops on x64 and ARM64", () => {
  expect(natives.map(({ name }) => name)).toContain("native scalar");
  const vector = { x64: "native avx2", arm64: "native neon" }[process.arch as string];
  if (vector !== undefined) expect(natives[0]!.name).toBe(vector);
});

const sides = natives.flatMap((kernels) => ops.map((op) => ({ op, name: kernels.name, kernels })));

test.each(sides)(`$op: $name equals the reference in ${CASES} cases`, ({ op, kernels }) => {
  expect(faultsOf(op, kernels, CASES).slice(0, 5)).toEqual([]);
});

describe.each(flavours)("wasm $flavour", ({ flavour, instance }) => {
  // An engine without relaxed SIMD, or with a wrong one, refuses that flavour; the other one runs everywhere.
  test.skipIf(flavour === "relaxed" && typeof instance === "string")("is there", () => {
    expect(instance).toBeTypeOf("object");
  });

  // What the kernels have not is the reference itself, and would equal it in vain.
  const own = ops.filter((op) => {
    if (typeof instance === "string") return true;
    const name = op as keyof OpKernels;
    return kernelsIn(instance, { name: flavour })[name] !== REFERENCE_KERNELS[name];
  });

  test.skipIf(typeof instance === "string").each(own)(
    `%s equals the reference in ${CASES} cases and stays inside its views`,
    (op) => {
      if (typeof instance === "string") throw new Error(instance);
      const { kernels, faults } = watched(instance);

      expect(faultsOf(op, kernelsIn(kernels, { name: flavour }), CASES).slice(0, 5)).toEqual([]);
      expect(faults.slice(0, 5)).toEqual([]);
    },
  );

  test.skipIf(typeof instance === "string")("a byte behind an output in linear memory is seen", () => {
    if (typeof instance === "string") throw new Error(instance);
    const straying = {
      ...instance,
      level: (...given: Parameters<typeof instance.level>) => {
        instance.level(...given);
        new Uint8Array(instance.memory.buffer)[given[2] + 40] = 0;
      },
    };
    const { kernels, faults } = watched(straying);

    faultsOf("level", kernelsIn(kernels, { name: flavour }), 3);

    expect(faults).toHaveLength(3);
    expect(faults[0]).toContain("level writes to address");
  });
});

describe("an implementation is caught that", () => {
  /** Runs the reference, then does one thing wrong to the first view that it reads, or the last that it writes. */
  const broken = (spoil: (written: Uint8Array, read: Uint8Array) => void): OpKernels => {
    const after =
      <Call extends (...given: never[]) => unknown>(run: Call) =>
      (...given: Parameters<Call>) => {
        const answer = run(...given);
        const views = (given as unknown[]).slice(1).flatMap(viewsIn);
        const [read, written] = [views[0], views.at(-1)];
        if (read !== undefined && written !== undefined) spoil(written, read);
        return answer;
      };
    const { name, ...calls } = REFERENCE_KERNELS;
    const spoiled = Object.entries(calls).map(([op, run]) => [op, after(run as never)]);
    return { name: `broken ${name}`, ...Object.fromEntries(spoiled) } as OpKernels;
  };
  /** The memory of the views in an argument, with what lies around them. */
  const viewsIn = (argument: unknown): Uint8Array[] => {
    if (ArrayBuffer.isView(argument)) {
      const { buffer, byteOffset, byteLength } = argument;
      return [new Uint8Array(buffer as ArrayBuffer).subarray(byteOffset, byteOffset + byteLength)];
    }
    return typeof argument === "object" && argument !== null
      ? Object.values(argument)
          .filter((value) => ArrayBuffer.isView(value))
          .flatMap(viewsIn)
      : [];
  };
  const flip = (view: Uint8Array) => view.set(view.subarray(0, 1).map((byte) => byte ^ 1));
  const outside = (view: Uint8Array, at: number) => new Uint8Array(view.buffer, view.byteOffset + at, 1);

  test.each<[string, string, (written: Uint8Array, read: Uint8Array) => void]>([
    ["changes the last bit of an output", "differs", flip],
    ["leaves the end of an output unwritten", "differs", (written) => written.fill(0xa5, -1)],
    ["writes a byte too far", "writes outside", (written) => outside(written, written.length).fill(0)],
    ["writes a byte too early", "writes outside", (written) => outside(written, -1).fill(0)],
    ["writes to its input", "writes to what", (_, read) => flip(read)],
  ])("%s", (_, words, spoil) => {
    for (const op of ops) {
      const faults = faultsOf(op, broken(spoil), 40);

      expect(faults.some((fault) => fault.includes(words)) ? op : faults).toBe(op);
    }
  });
});
