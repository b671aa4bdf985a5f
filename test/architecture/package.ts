// Owns the rules about what is published and what it depends on. Reads no file itself.

import type { Violation } from "./source-tree.js";

export interface PackageManifest {
  readonly name?: string;
  readonly type?: string;
  readonly gypfile?: boolean;
  readonly license?: string;
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly engines?: Readonly<Record<string, string>>;
  readonly files?: readonly string[];
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** What the published package must carry to run from an empty folder: code, addon, manifests, samples, source of the addon. */
export const SHIPPED = [
  "dist",
  "prebuilds",
  "kernels/pkg",
  "models/*/manifest.json",
  "models/samples",
  "native",
  "binding.gyp",
];

/** The invariants of package.json. */
export function checkPackage(manifest: PackageManifest): Violation[] {
  const scripts = manifest.scripts ?? {};
  const faults = [
    ...["preinstall", "install", "postinstall"]
      .filter((name) => name in scripts)
      .map((name) => `script "${name}": a published package runs nothing on a user's machine`),
    manifest.gypfile === false ? "" : "gypfile is not false: npm would run node-gyp at install",
    manifest.type === "module" ? "" : "type is not module",
    manifest.license === "Apache-2.0" ? "" : "license is not Apache-2.0",
    manifest.bin?.redline === undefined ? "bin has no redline" : "",
    JSON.stringify(manifest.exports?.["."] ?? {}).includes('"types"') ? "" : "exports has no types",
    manifest.engines?.node === ">=20.19" ? "" : "engines.node is not >=20.19",
    ...SHIPPED.filter((path) => manifest.files?.includes(path) !== true).map((path) => `files lacks ${path}`),
  ];
  const ranges = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    .map(([name, version]) => `${name}@${version} is not an exact version`);
  return [...faults, ...ranges]
    .filter((detail) => detail !== "")
    .map((detail) => ({ file: "package.json", line: 1, rule: "package", detail }));
}

/** Every runtime dependency has a decision page that names it in its first line. */
export function checkDecisions(given: {
  manifest: PackageManifest;
  pages: readonly { readonly path: string; readonly text: string }[];
}): Violation[] {
  return Object.keys(given.manifest.dependencies ?? {})
    .filter((name) => !given.pages.some(({ text }) => (text.split("\n")[0] ?? "").includes(name)))
    .map((name) => ({
      file: "package.json",
      line: 1,
      rule: "decision",
      detail: `no page in docs/decisions has ${name} in its title`,
    }));
}

const DECISION_PARTS = ["Context", "Decision", "Cost", "What would change our mind"];

/** A decision is one page: context, decision, cost, what would change our mind. */
export function checkDecisionShape(
  pages: readonly { readonly path: string; readonly text: string }[],
): Violation[] {
  return pages.flatMap(({ path, text }) => {
    const missing = DECISION_PARTS.filter((part) => !new RegExp(`^(#+ |\\*\\*)${part}`, "im").test(text));
    const isLong = text.split("\n").length > 70;
    const isNumbered = /^docs\/decisions\/\d{4}-[a-z0-9-]+\.md$/.test(path);
    return [
      ...missing.map((part) => ({ file: path, line: 1, rule: "decision", detail: `has no part "${part}"` })),
      ...(isLong ? [{ file: path, line: 71, rule: "decision", detail: "is longer than one page" }] : []),
      ...(isNumbered ? [] : [{ file: path, line: 1, rule: "decision", detail: "is not NNNN-title.md" }]),
    ];
  });
}
