import { expect, test } from "vitest";
import { LIMITS } from "../../../runtime/core/limits.js";
import { describeRung, freezeLadder, type LadderStep } from "../../../runtime/core/rung.js";

const ground = {
  plan: { variant: "fp32", device: "npu" },
  variants: [
    { id: "fp32", inputElements: 400 },
    { id: "int8", inputElements: 400 },
    { id: "int8-256", inputElements: 200 },
  ],
  devices: ["cpu", "npu"],
};

test("a ladder is laid out from the plan down, each rung changing one thing", () => {
  const rungs = freezeLadder(
    ["int8", { device: "cpu" }, "int8-256", { rate: 0.5 }, { rate: 0.25 }, "off"],
    ground,
  );

  expect(rungs.map(describeRung)).toEqual([
    "as planned",
    "int8",
    "on cpu",
    "int8-256",
    "rate 0.5",
    "rate 0.25",
    "off",
  ]);
  expect(rungs.map(({ kind }) => kind)).toEqual([
    "full",
    "variant",
    "device",
    "input",
    "rate",
    "rate",
    "off",
  ]);
  expect(rungs[4]).toEqual({ index: 4, kind: "rate", variant: "int8-256", device: "cpu", rate: 0.5 });
  expect(rungs[6]).toMatchObject({ index: 6, rate: 0 });
});

test("a session without a ladder stands on its plan", () => {
  expect(freezeLadder([], ground)).toEqual([
    { index: 0, kind: "full", variant: "fp32", device: "npu", rate: 1 },
  ]);
});

test("a ladder that names an unknown variant is refused with the variants there are", () => {
  expect(() => freezeLadder(["int4"], ground)).toThrow(
    expect.objectContaining({
      code: "MODEL_VARIANT_UNKNOWN",
      expected: "fp32, int8, int8-256",
      received: "int4",
    }),
  );
});

test.each<[string, LadderStep[]]>([
  ["a device that does not exist", [{ device: "gpu" }]],
  ["a rate of zero", [{ rate: 0 }]],
  ["a rate that is no number", [{ rate: Number.NaN }]],
  ["a rate of one", [{ rate: 1 }]],
  ["a negative rate", [{ rate: -0.5 }]],
  ["a rate above the one before", [{ rate: 0.25 }, { rate: 0.5 }]],
  ["a step after off", ["off", "int8"]],
  ["more steps than a ladder may have", new Array<LadderStep>(LIMITS.rungsPerSession).fill("int8")],
])("%s is refused", (_, steps) => {
  expect(() => freezeLadder(steps, ground)).toThrow(expect.objectContaining({ code: "CONTRACT_INVALID" }));
});
