// Every implementation of every op writes, bit for bit, what the reference writes, and nothing else.
// REDLINE_PARITY_CASES sets the cases of each op: npm run test:parity -- --cases 10000

import { expect, test } from "vitest";
import { loadNative } from "../../../runtime/bindings/load.js";
import { seededRng } from "../../../runtime/core/rng.js";
import { REFERENCE_KERNELS } from "../../../runtime/ops/kernels.js";
import { nativeKernels } from "../../../runtime/ops/native-kernels.js";
import { OP_CASES, type OpCase } from "./cases.js";
import { bytesOf } from "./guarded.js";

const CASES = Number(process.env.REDLINE_PARITY_CASES ?? 500);
const SEED = Number(process.env.REDLINE_PARITY_SEED ?? 1);

const { addon } = loadNative();
const natives = addon === null ? [] : nativeKernels(addon);

/** NaN has many bit patterns: which one comes out is no promise, that it is one is. */
function canonical(bytes: Uint8Array, view: unknown): Uint8Array {
  if (view instanceof Float32Array) {
    const floats = new Float32Array(bytes.buffer);
    floats.forEach((value, at) => {
      if (Number.isNaN(value)) floats[at] = Number.NaN;
    });
  } else if (view instanceof Float64Array) {
    const floats = new Float64Array(bytes.buffer);
    floats.forEach((value, at) => {
      if (Number.isNaN(value)) floats[at] = Number.NaN;
    });
  }
  return bytes;
}

function play(one: OpCase, kernels: typeof REFERENCE_KERNELS) {
  const before = one.inputs.map(({ view }) => bytesOf(view));
  const { outputs, answer } = one.run(kernels);
  const isTidy =
    [...one.inputs, ...outputs].every((memory) => memory.isIntact()) &&
    one.inputs.every(({ view }, at) => Buffer.compare(bytesOf(view), before[at]!) === 0);
  return { isTidy, answer, written: outputs.map(({ view }) => canonical(bytesOf(view), view)) };
}

test("the addon is there, and offers more than the scalar ops on x64 and ARM64", () => {
  expect(natives.map(({ name }) => name)).toContain("native scalar");
  const vector = { x64: "native avx2", arm64: "native neon" }[process.arch as string];
  if (vector !== undefined) expect(natives[0]!.name).toBe(vector);
});

const ops = Object.keys(OP_CASES);
const sides = natives.flatMap((kernels) => ops.map((op) => ({ op, name: kernels.name, kernels })));

test.each(sides)(`$op: $name equals the reference in ${CASES} cases`, ({ op, kernels }) => {
  for (let index = 0; index < CASES; index++) {
    const seed = SEED * 1_000_003 + index;
    const one = OP_CASES[op]!(seededRng(seed));

    const wanted = play(one, REFERENCE_KERNELS);
    const received = play(one, kernels);

    // Compared by hand: an assertion a case would take most of the time.
    const isSame =
      wanted.answer === received.answer &&
      wanted.written.every((bytes, at) => Buffer.compare(bytes, received.written[at]!) === 0);
    if (!isSame || !wanted.isTidy || !received.isTidy) {
      expect({ seed, title: one.title, ...received }).toEqual({ seed, title: one.title, ...wanted });
      expect({ seed, title: one.title, isTidy: wanted.isTidy }).toEqual({
        seed,
        title: one.title,
        isTidy: true,
      });
    }
  }
});
