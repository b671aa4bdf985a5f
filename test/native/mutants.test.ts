// The command that tries mutated models, in its smallest form: its exit status, its rows, and the store it leaves nobody.

import { spawnSync } from "node:child_process";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { ensureBuilt, REPO_ROOT } from "../e2e/built-cli.js";
import { makeFolder } from "../unit/store/catalogue-folder.js";

beforeAll(ensureBuilt);

test("six mutants leave the host alive, each row a clean end, and nothing in the system's temporary folder", async () => {
  const folder = await makeFolder();
  const [temporary, results] = [join(folder, "tmp"), join(folder, "results")];
  await mkdir(temporary);
  const words = ["--n", "6", "--seed", "7", "--small", "--crash-opens", "0", "--results", results];

  const { status, stderr } = spawnSync(
    process.execPath,
    [join(REPO_ROOT, "dist/bench/mutants/main.js"), ...words],
    {
      encoding: "utf8",
      env: { ...process.env, TMPDIR: temporary, TEMP: temporary, TMP: temporary },
    },
  );

  expect(stderr).toMatch(/^seed 7\n/);
  expect(stderr).toMatch(/host alive in 6 of 6; 6 of 6 mutants ended clean or equal.*SHOWN/);
  expect(status).toBe(0);
  const rows = (await readFile(join(results, "mutants.ndjson"), "utf8")).trim().split("\n");
  const types = rows.map((row) => (JSON.parse(row) as { type: string }).type);
  expect(types).toEqual(["run", ...Array(6).fill("mutant"), "summary"]);
  expect((await readdir(temporary)).filter((name) => name.startsWith("redline-"))).toEqual([]);
});
