import { expect, test } from "vitest";
import { type Contract, freezeContract, isKept } from "../../../runtime/core/contract.js";

test("a contract's defaults are its period as deadline, interactive, cancel, one miss in a thousand", () => {
  expect(freezeContract({ periodMs: 32 })).toEqual({
    periodUs: 32_000,
    deadlineUs: 32_000,
    tolerate: { misses: 1, outOf: 1000 },
    criticality: "interactive",
    late: "cancel",
  });
});

test.each([
  [{ periodMs: 0 }, "contract.periodMs"],
  [{ periodMs: Number.NaN }, "contract.periodMs"],
  [{ periodMs: 50, deadlineMs: -1 }, "contract.deadlineMs"],
  [{ periodMs: 50, tolerate: { misses: 2, outOf: 1 } }, "contract.tolerate"],
  [{ periodMs: 50, tolerate: { misses: 0.5, outOf: 1 } }, "contract.tolerate"],
  [{ periodMs: 50, criticality: "urgent" as never }, "contract.criticality"],
  [{ periodMs: 50, late: "maybe" as never }, "contract.late"],
  [{ periodMs: 50, energyMj: 0 }, "contract.energyMj"],
  [{ periodMs: 50, energyMj: -3 }, "contract.energyMj"],
  [{ periodMs: 50, energyMj: Number.NaN }, "contract.energyMj"],
  [{ periodMs: 50, energyMj: Number.POSITIVE_INFINITY }, "contract.energyMj"],
  [{ periodMs: 50, energyMj: "30" as never }, "contract.energyMj"],
] satisfies [Contract, string][])("a contract such as %o is refused, naming the field", (contract, what) => {
  expect(() => freezeContract(contract)).toThrowError(
    expect.objectContaining({ code: "CONTRACT_INVALID", what }),
  );
});

test("what a job may take is part of a frozen contract where it was given", () => {
  expect(freezeContract({ periodMs: 50, energyMj: 30 }).energyMj).toBe(30);
  expect(freezeContract({ periodMs: 50 })).not.toHaveProperty("energyMj");
});

test("a contract is kept exactly up to its tolerance, and while nothing has settled", () => {
  const contract = freezeContract({ periodMs: 50, tolerate: { misses: 1, outOf: 1000 } });

  expect(isKept(contract, { misses: 0, n: 0 })).toBe(true);
  expect(isKept(contract, { misses: 1, n: 1000 })).toBe(true);
  expect(isKept(contract, { misses: 1, n: 999 })).toBe(false);
});
