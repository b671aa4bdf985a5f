// What `npm pack` would take along: every file that something in the package names, and nothing that belongs to the workshop.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { ensureBuilt, REPO_ROOT } from "./built-cli.js";

let packed: ReadonlySet<string>;

beforeAll(async () => {
  await ensureBuilt();
  const { stdout, stderr } = spawnSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: REPO_ROOT,
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  const [tarball] = JSON.parse(stdout || JSON.stringify(stderr)) as { files: { path: string }[] }[];
  packed = new Set(tarball?.files.map(({ path }) => path));
}, 120_000);

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(join(REPO_ROOT, path), "utf8")) as T;
}

interface NamingManifest {
  readonly variants: readonly { readonly sources: readonly string[] }[];
  readonly golden?: string;
  readonly card?: string;
  readonly licenceFile?: string;
}

/** The files a model's manifest promises to lie beside it. */
function filesNamedBy({ variants, golden, card, licenceFile }: NamingManifest): string[] {
  const bundled = variants.flatMap(({ sources }) => sources.filter((source) => source.startsWith("file:")));
  const named = [golden, card, licenceFile, ...bundled.map((source) => source.slice("file:".length))];
  return named.filter((name) => name !== undefined);
}

test("every file that a packed model's manifest names is packed", () => {
  const manifests = [...packed].filter((path) => /^models\/[^/]+\/manifest\.json$/.test(path));

  const named = manifests.flatMap((path) =>
    filesNamedBy(readJson<NamingManifest>(path)).map((name) => posix.join(posix.dirname(path), name)),
  );

  expect(manifests.length).toBeGreaterThanOrEqual(3);
  expect(named.length).toBeGreaterThanOrEqual(manifests.length * 3);
  expect(named.filter((path) => !packed.has(path))).toEqual([]);
});

test("every file that package.json names is packed", () => {
  const { bin, imports, exports } = readJson<Record<string, object>>("package.json");
  const named = JSON.stringify([bin, imports, exports]).match(/(?<="\.\/)[^"]+(?="(?!:))/g) ?? [];

  expect(named).toContain("dist/runtime/index.js");
  expect(named.filter((path) => path.includes(".") && !packed.has(path))).toEqual([]);
});

test("the kernels are packed with everything they load, and not their sources", () => {
  const { outputs } = readJson<{ outputs: object }>("kernels/pkg/build.json");
  const named = [...Object.keys(outputs), "build.json"].map((name) => `kernels/pkg/${name}`).sort();

  expect(named).toContain("kernels/pkg/redline-kernels-simd128.wasm");
  expect([...packed].filter((path) => path.startsWith("kernels/")).sort()).toEqual(named);
});

test("every file in the list of prebuilt ones is packed, the child program beside each addon", () => {
  const listed = existsSync(join(REPO_ROOT, "prebuilds", "sha256.json"))
    ? Object.keys(readJson<object>("prebuilds/sha256.json")).filter((key) => key.includes("/"))
    : [];

  const addons = listed.filter((path) => path.endsWith("/redline.node"));
  const children = listed.filter((path) => /\/redline-child(\.exe)?$/.test(path));
  expect(listed.filter((path) => !packed.has(`prebuilds/${path}`))).toEqual([]);
  expect(children.map(posix.dirname)).toEqual(addons.map(posix.dirname));
});

test("what builds the addon is packed, and no test, measurement or recipe", () => {
  const sources =
    readFileSync(join(REPO_ROOT, "binding.gyp"), "utf8").match(/(?<=")native\/[^"]+\.cc(?=")/g) ?? [];

  expect(sources.length).toBeGreaterThan(20);
  expect([...sources, "native/build.mjs"].filter((path) => !packed.has(path))).toEqual([]);
  expect(
    [...packed].filter((path) => /^(test|bench\/results|native\/test|models\/recipes|docs)\//.test(path)),
  ).toEqual([]);
});
