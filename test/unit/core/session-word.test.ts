import fc from "fast-check";
import { expect, test } from "vitest";
import { CRITICALITIES } from "../../../runtime/core/contract.js";
import { ALLOWANCE_US_MAX, decodeWord, encodeWord, isSameWord } from "../../../runtime/core/session-word.js";

const word = fc.record({
  criticality: fc.constantFrom(...CRITICALITIES),
  isSuspended: fc.boolean(),
  isCancelledIfBlocking: fc.boolean(),
  latestStartAllowanceUs: fc.nat(ALLOWANCE_US_MAX),
});

test("a word read back says what was written, in 32 bits", () => {
  fc.assert(
    fc.property(word, (written) => {
      const bits = encodeWord(written);

      expect(Uint32Array.of(bits)[0]).toBe(bits);
      expect(decodeWord(bits)).toEqual(written);
    }),
  );
});

test("an allowance longer than a word can hold counts as the longest", () => {
  const written = { criticality: "critical", isSuspended: false, isCancelledIfBlocking: true } as const;

  const read = decodeWord(encodeWord({ ...written, latestStartAllowanceUs: 3_600_000_000 }));

  expect(read).toEqual({ ...written, latestStartAllowanceUs: ALLOWANCE_US_MAX });
});

test("words that differ in one thing are not the same, and bits that are no word are refused", () => {
  const plain = {
    criticality: "interactive",
    isSuspended: false,
    isCancelledIfBlocking: false,
    latestStartAllowanceUs: 5,
  } as const;

  expect(isSameWord(plain, { ...plain })).toBe(true);
  expect(isSameWord(plain, { ...plain, isSuspended: true })).toBe(false);
  expect(isSameWord(plain, { ...plain, latestStartAllowanceUs: 6 })).toBe(false);
  expect(() => decodeWord(3)).toThrow("no session word");
});
