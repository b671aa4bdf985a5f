// Owns the proof that every system gets the commands of its own package manager.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { FaultKind } from "../../runtime/bindings/addon-fault.js";
import { GLIBC_REMEDY, remedyForLibrary } from "../../runtime/bindings/load.js";
import { packageRoot } from "../../runtime/bindings/package-root.js";
import { remedyFor, remedyForAddon, systemFamily } from "../../runtime/remedies.js";

test.each([
  { release: 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n', family: "debian" },
  { release: 'ID="rocky"\nID_LIKE="rhel centos fedora"\n', family: "fedora" },
  { release: "ID=alpine\n", family: "alpine" },
  { release: "ID=endeavouros\nID_LIKE=arch\n", family: "arch" },
  { release: "ID=nixos\n", family: "linux" },
])("a system that calls itself $release is of the family $family", async ({ release, family }) => {
  const folder = await mkdtemp(join(tmpdir(), "redline-release-"));
  const osReleasePath = join(folder, "os-release");
  await writeFile(osReleasePath, release);

  const found = systemFamily({ platform: "linux", osReleasePath });

  expect(found).toBe(family);
  await rm(folder, { recursive: true });
});

test("a Linux without a release file still gets advice", () => {
  const family = systemFamily({ platform: "linux", osReleasePath: "does-not-exist" });

  expect(remedyFor("compiler", { family })).toContain("C++17 compiler");
});

test("Macs and Windows are told apart from Linux", () => {
  expect(remedyFor("ffmpeg", { family: systemFamily({ platform: "darwin" }) })).toBe("brew install ffmpeg");
  expect(remedyFor("ffmpeg", { family: systemFamily({ platform: "win32" }) })).toBe(
    "winget install Gyan.FFmpeg",
  );
});

const BUILT = join("app", "build", "Release", "redline.node");
const SHIPPED = join("app", "node_modules", "redline-rt", "prebuilds", "linux-x64", "redline.node");

test.each<{ kind: FaultKind; path: string; detail?: string; says: RegExp }>([
  { kind: "absent", path: BUILT, says: /^sudo apt-get install -y build-essential/ },
  { kind: "absent", path: SHIPPED, says: /^rm -rf .*npm run build:prebuilds && npm pack$/ },
  { kind: "disabled", path: "REDLINE_NO_ADDON", says: /^unset REDLINE_NO_ADDON$/ },
  { kind: "damaged", path: BUILT, says: /^npm run build:native$/ },
  { kind: "damaged", path: SHIPPED, says: /^rm -rf node_modules\/redline-rt && npm install/ },
  { kind: "platform", path: BUILT, says: /^npm run build:native$/ },
  { kind: "version", path: SHIPPED, says: /^rm -rf/ },
  { kind: "libc", path: SHIPPED, says: /glibc 2\.28 or newer/ },
  { kind: "refused", path: SHIPPED, detail: "version `GLIBC_2.28' not found", says: /glibc 2\.28 or newer/ },
])("an addon that is $kind at $path has its remedy", ({ kind, path, detail = "", says }) => {
  expect(remedyForAddon([{ kind, path, detail }], { family: "debian" })).toMatch(says);
});

test("the first place that held a file decides, not one that held none", () => {
  const faults = [
    { kind: "absent", path: BUILT, detail: "" },
    { kind: "damaged", path: SHIPPED, detail: "" },
  ] as const;

  expect(remedyForAddon(faults, { family: "windows" })).toMatch(/^rmdir \/s \/q node_modules\\redline-rt/);
});

test("the ONNX Runtime to install is the one the package depends on", async () => {
  const manifest = JSON.parse(await readFile(join(packageRoot(), "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };

  const remedy = remedyForLibrary("libonnxruntime.so.1: file too short");

  expect(remedy).toContain(`onnxruntime-node@${manifest.dependencies["onnxruntime-node"]} `);
});

test.each([
  "libonnxruntime.so.1: libc.musl-x86_64.so.1: cannot open shared object file",
  "libm.so.6: version `GLIBC_2.38' not found (required by libonnxruntime.so.1)",
])("a library that the system refuses with '%s' is no reason to install it again", (said) => {
  expect(remedyForLibrary(said)).toBe(GLIBC_REMEDY);
});
