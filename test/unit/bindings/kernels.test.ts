// Owns the proof that kernels are used only when whole and right on this engine, and that whatever was passed over is said.

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeEach, expect, test } from "vitest";
import { initSync } from "#kernels";
import { load } from "../../../kernels/pkg/node.js";
import { loadKernels } from "../../../runtime/bindings/kernels.js";
import { KERNELS_FOLDER } from "../../support/wasm-kernels.js";

const PACKAGE = join(KERNELS_FOLDER, "pkg");
const scratch = mkdtempSync(join(tmpdir(), "redline-kernels-load-"));
const from = pathToFileURL(`${scratch}/`);
const major = Number(process.versions.node.split(".")[0]);

beforeEach(() => cpSync(PACKAGE, scratch, { recursive: true }));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function nameOf(flavour: string): string {
  return `redline-kernels-${flavour}.wasm`;
}

/** A build's bytes with every instruction of one opcode turned into another. */
function turned(flavour: string, { opcode, into }: { opcode: readonly number[]; into: readonly number[] }) {
  const bytes = readFileSync(join(PACKAGE, nameOf(flavour)));
  let count = 0;
  for (
    let at = bytes.indexOf(Buffer.from(opcode));
    at >= 0;
    at = bytes.indexOf(Buffer.from(opcode), at + 1)
  ) {
    bytes.set(into, at);
    count++;
  }
  return { bytes, count };
}

test("the best flavour that this engine computes rightly is loaded, once", () => {
  const loaded = loadKernels();

  expect(loaded.kernels).not.toBeNull();
  expect(loadKernels()).toBe(loaded);
  if (major >= 22) expect(loaded).toMatchObject({ flavour: "relaxed", passed: [] });
  else expect(loaded).toMatchObject({ flavour: "simd128", passed: [{ flavour: "relaxed" }] });
});

test("an altered build is passed over with both hashes, and the other one is used", () => {
  const bytes = readFileSync(join(PACKAGE, nameOf("relaxed")));
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(join(scratch, nameOf("relaxed")), bytes);

  const { passed, ...loaded } = load({ from });

  expect(loaded).toMatchObject({ flavour: "simd128" });
  expect(passed[0]?.reason).toMatch(
    /^redline-kernels-relaxed\.wasm: expected sha256 [0-9a-f]{64}, received /,
  );
});

test("without a usable build there are no kernels, and a reason for each", () => {
  for (const flavour of ["relaxed", "simd128"]) rmSync(join(scratch, nameOf(flavour)));

  const loaded = load({ from });

  expect(loaded.kernels).toBeNull();
  expect(loaded.passed.map(({ flavour }) => flavour)).toEqual(["relaxed", "simd128"]);
  for (const { reason } of loaded.passed) expect(reason).toContain("ENOENT");
});

test.each([
  ["adds as it should subtract", [0xfd, 0xe5, 0x01], [0xfd, 0xe4, 0x01], "float arithmetic"],
  ["multiplies pairs as it should add them", [0xfd, 0xf0, 0x01], [0xfd, 0xf2, 0x01], "double sums"],
  ["narrows bytes without a sign", [0xfd, 0x65], [0xfd, 0x66], "conversions"],
  ["multiplies where it should add up products", [0xfd, 0xba, 0x01], [0xfd, 0xb5, 0x01], "dot products"],
])("an engine that %s is refused by its own test", (_, opcode, into, group) => {
  const { bytes, count } = turned("simd128", { opcode, into });

  expect(count).toBeGreaterThan(0);
  expect(() => initSync({ module: bytes })).toThrow(/^this engine computes wrongly: /);
  expect(() => initSync({ module: bytes })).toThrow(group);
});

test.skipIf(major !== 20)(
  "Node 20 with its experimental relaxed SIMD, which is wrong, is refused that flavour",
  () => {
    const script = `
    const { load } = await import(${JSON.stringify(pathToFileURL(join(PACKAGE, "node.js")).href)});
    const { flavour, passed } = load();
    console.log(JSON.stringify({ flavour, passed }));
  `;

    const { stdout } = spawnSync(
      process.execPath,
      ["--experimental-wasm-relaxed-simd", "--input-type=module", "--eval", script],
      { encoding: "utf8" },
    );

    expect(JSON.parse(stdout)).toEqual({
      flavour: "simd128",
      passed: [{ flavour: "relaxed", reason: "this engine computes wrongly: dot products" }],
    });
  },
);

test("of relaxed instructions the builds hold the int8 product alone: others answer otherwise from one processor to the next", () => {
  const relaxedIn = (flavour: string): Set<number> => {
    const bytes = readFileSync(join(PACKAGE, nameOf(flavour)));
    // 0xfd, then a number from 0x100 to 0x114 in seven bits a byte.
    const places = [...bytes.keys()].filter(
      (at) => bytes[at] === 0xfd && bytes[at + 1]! >= 0x80 && bytes[at + 1]! <= 0x94 && bytes[at + 2] === 2,
    );
    return new Set(places.map((at) => 0x100 + (bytes[at + 1]! & 0x7f)));
  };

  expect(relaxedIn("relaxed")).toEqual(new Set([0x113]));
  expect(relaxedIn("simd128")).toEqual(new Set());
});
