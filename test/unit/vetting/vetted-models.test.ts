// How a file stands with the verdicts of its store: vetted, refused, vetted before, or not at all.

import { expect, test } from "vitest";
import { type VettedModel, vettingOf } from "../../../runtime/vetting/vetted-models.js";

const FILE = { model: "beacon", variantId: "fp32", expectedSha256: "a".repeat(64) };

function verdict(given: Partial<VettedModel>): VettedModel {
  const common = { key: "k", model: "beacon@fp32", sha256: FILE.expectedSha256, path: "p" };
  return { ...common, state: "passed", isCurrent: true, ...given };
}

const refused = { state: "refused", code: "MODEL_CRASHED", path: "r.json" } as const;

test.each([
  ["no verdict", [], { state: "untried" }],
  ["a verdict on another model", [verdict({ model: "other@fp32", sha256: "b" })], { state: "untried" }],
  ["a verdict", [verdict({})], { state: "passed" }],
  ["a verdict that is damaged", [verdict({ state: "damaged" })], { state: "outdated" }],
  ["a verdict of another machine", [verdict({ isCurrent: false })], { state: "outdated" }],
  ["a verdict on its older bytes", [verdict({ sha256: "b" })], { state: "outdated" }],
  ["a refusal", [verdict(refused)], { state: "refused", code: "MODEL_CRASHED", path: "r.json" }],
  ["a refusal of another machine", [verdict({ ...refused, isCurrent: false })], { state: "outdated" }],
  ["a refusal with some options and none with others", [verdict(refused), verdict({})], { state: "passed" }],
] as const)("a file with %s", (_, verdicts, expected) => {
  expect(vettingOf(FILE, verdicts)).toEqual(expected);
});
