// Owns the proof that the package installs without running anything and that each dependency was decided upon.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkDecisionShape, checkDecisions, checkPackage, type PackageManifest } from "./package.js";
import { REPO_ROOT, readTree, report } from "./source-tree.js";

const manifest = JSON.parse(readFileSync(join(REPO_ROOT, "package.json"), "utf8")) as PackageManifest;

test("the published package runs no script and ships what a user needs", () => {
  expect(report(checkPackage(manifest))).toEqual([]);
});

test("a checkout installs without reaching for the CUDA download", () => {
  const npmrc = readFileSync(join(REPO_ROOT, ".npmrc"), "utf8");

  expect(npmrc.split("\n")).toContain("onnxruntime-node-install=skip");
  expect(npmrc).not.toMatch(/registry|_auth/i);
});

test("every runtime dependency has a decision page", () => {
  const pages = readTree({ under: ["docs/decisions"], endings: [".md"] });

  expect(report(checkDecisions({ manifest, pages }))).toEqual([]);
});

test("every decision is one page of context, decision, cost and what would change it", () => {
  const pages = readTree({ under: ["docs/decisions"], endings: [".md"] });

  expect(report(checkDecisionShape(pages))).toEqual([]);
});

test("an install script, a missing file list entry, a loose version and an undecided dependency are seen", () => {
  const bad: PackageManifest = {
    ...manifest,
    scripts: { postinstall: "node setup.js" },
    files: ["dist"],
    dependencies: { leftpad: "^1.0.0" },
  };

  const faults = report([...checkPackage(bad), ...checkDecisions({ manifest: bad, pages: [] })]);

  expect(faults.some((fault) => fault.includes('script "postinstall"'))).toBe(true);
  expect(faults.some((fault) => fault.includes("files lacks prebuilds"))).toBe(true);
  expect(faults.some((fault) => fault.includes("leftpad@^1.0.0 is not an exact version"))).toBe(true);
  expect(faults.some((fault) => fault.includes("no page in docs/decisions has leftpad"))).toBe(true);
});

test("a decision without its cost is seen", () => {
  const pages = [
    {
      path: "docs/decisions/0042-x.md",
      text: "# x\n## Context\n## Decision\n## What would change our mind\n",
    },
  ];

  expect(report(checkDecisionShape(pages))).toEqual([
    'docs/decisions/0042-x.md:1 [decision] has no part "Cost"',
  ]);
});
