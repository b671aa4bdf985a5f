// The int8 product of the WASM kernels equals its definition bit for bit, in both flavours, and stays inside its memory.
// REDLINE_PARITY_CASES and REDLINE_PARITY_SEED as in parity.test.ts.

import { describe, expect, test } from "vitest";
import { FLAVOURS } from "#kernels";
import { instanceOf, watched } from "../../support/wasm-kernels.js";
import { differsAt } from "./gemv-i8-cases.js";

const CASES = Number(process.env.REDLINE_PARITY_CASES ?? 500);
const SEED = Number(process.env.REDLINE_PARITY_SEED ?? 1);

describe.each(FLAVOURS.map((flavour) => ({ flavour, instance: instanceOf(flavour) })))(
  "the int8 product, wasm $flavour",
  ({ instance }) => {
    test.skipIf(typeof instance === "string")(`equals its definition in ${CASES} cases`, () => {
      if (typeof instance === "string") throw new Error(instance);
      const { kernels, faults } = watched(instance);

      const seeds = Array.from({ length: CASES }, (_, index) => SEED * 1_000_003 + index);
      const differing = seeds.filter((seed) => differsAt(kernels, seed));

      expect(differing.slice(0, 5)).toEqual([]);
      expect(faults.slice(0, 5)).toEqual([]);
    });
  },
);
