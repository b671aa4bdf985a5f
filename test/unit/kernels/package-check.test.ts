// Owns the proof that kernels/pkg is what its sources give, and that each way of not being so has a message of its own.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { KERNELS_FOLDER } from "../../support/wasm-kernels.js";

const RELAXED = "redline-kernels-relaxed.wasm";
const MISSING_COMPILER = 69;
const scratch = mkdtempSync(join(tmpdir(), "redline-kernels-check-"));
const kernels = join(scratch, "kernels");

beforeEach(() => {
  rmSync(kernels, { recursive: true, force: true });
  cpSync(KERNELS_FOLDER, kernels, { recursive: true });
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** `--check` of the copy: its status and what it complains about. */
function check(env: Readonly<Record<string, string>> = {}): { status: number | null; faults: string[] } {
  const run = spawnSync(process.execPath, [join(kernels, "build.mjs"), "--check"], {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  return { status: run.status, faults: run.stderr.split("\n").filter((line) => line !== "") };
}

function flipLastByte(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(path, bytes);
}

test("both builds together stay under 200 kB", () => {
  const sizes = ["relaxed", "simd128"].map(
    (flavour) => statSync(join(KERNELS_FOLDER, `pkg/redline-kernels-${flavour}.wasm`)).size,
  );

  expect(sizes[0]! + sizes[1]!).toBeLessThanOrEqual(200_000);
});

test("what is committed belongs to its sources, and a machine without Rust says that it compared no bytes", () => {
  const { status, faults } = check({ PATH: scratch });

  expect(faults).toEqual([
    expect.stringMatching(
      /^the bytes were not compared: the pinned Rust is missing; type: rustup toolchain install \d/,
    ),
  ]);
  expect(status).toBe(MISSING_COMPILER);
});

test("a source that changed after the build is named as stale", () => {
  appendFileSync(join(kernels, "src/level.rs"), "// Another thought.\n");

  expect(check()).toEqual({
    status: 1,
    faults: ["kernels/pkg is stale: src/level.rs changed after it was built; type: npm run build:kernels"],
  });
});

test.each([
  ["a build", RELAXED, () => flipLastByte(join(kernels, "pkg", RELAXED))],
  ["the glue", "node.js", () => appendFileSync(join(kernels, "pkg/node.js"), "\n")],
  ["a file put beside it", "more.js", () => writeFileSync(join(kernels, "pkg/more.js"), "")],
  ["a file taken away", "browser.js", () => rmSync(join(kernels, "pkg/browser.js"))],
])("%s that was altered is named", (_, name, alter) => {
  alter();

  expect(check()).toEqual({
    status: 1,
    faults: [`kernels/pkg/${name} was altered after it was built; type: npm run build:kernels`],
  });
});

test("other bytes from the same sources are told", ({ skip }) => {
  // A source whose record was forged with it: nothing but building again can tell.
  const source = join(kernels, "src/margins.rs");
  const altered = readFileSync(source, "utf8").replace("16_777_216.0", "16_777_217.0");
  writeFileSync(source, altered);
  const record = JSON.parse(readFileSync(join(kernels, "pkg/build.json"), "utf8"));
  record.sources["src/margins.rs"] = createHash("sha256").update(altered).digest("hex");
  writeFileSync(join(kernels, "pkg/build.json"), `${JSON.stringify(record, null, 2)}\n`);

  const { status, faults } = check();
  if (status === MISSING_COMPILER) skip(faults.join("\n"));

  expect(status).toBe(1);
  expect(faults).toContainEqual(
    expect.stringMatching(
      /^kernels\/pkg\/redline-kernels-relaxed\.wasm: the same sources give other bytes, from byte \d+ on/,
    ),
  );
});
