// Owns the proof that the store's upkeep can be done from the command line: export, import, repair, rollback, gc.

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensureBuilt, redline } from "./built-cli.js";

let folder: string;
/** A machine that has the bundled model, and one that will get it. */
let here: Record<string, string>;
let away: Record<string, string>;

beforeAll(ensureBuilt, 120_000);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "redline-models-"));
  here = { REDLINE_HOME: join(folder, "here"), REDLINE_OFFLINE: "1" };
  away = { REDLINE_HOME: join(folder, "away"), REDLINE_OFFLINE: "1" };
});

afterAll(() => rm(folder, { recursive: true }));

test("a bundled model is pulled, with its licence shown once and kept", async () => {
  const first = await redline(["models", "pull", "road-seg", "--json"], { env: here });
  const second = await redline(["models", "pull", "road-seg", "--json"], { env: here });

  expect(first.lines.map(({ type }) => type)).toEqual(["licence", "pulled", "summary"]);
  expect(first.lines[0]).toMatchObject({ model: "road-seg", licence: "Apache-2.0" });
  expect(await readFile(String(first.lines[0]?.textPath), "utf8")).toContain("Apache License");
  expect(second.lines.map(({ type }) => type)).toEqual(["pulled", "summary"]);
  expect([first.status, second.status]).toEqual([0, 0]);
});

test("an export crosses to another store, whose damaged file is named and repaired from it", async () => {
  const stick = join(folder, "stick");
  const out = await redline(["models", "export", stick, "road-seg", "--json"], { env: here });
  const into = await redline(["models", "import", stick, "--json"], { env: away });
  const blobs = join(folder, "away", "blobs", "sha256");
  const [blob = ""] = await readdir(blobs);
  await writeFile(join(blobs, blob), "damaged");

  const again = await redline(["models", "import", stick], { env: away });
  const verified = await redline(["models", "verify", "--json"], { env: away });

  expect(out.lines[0]).toMatchObject({ type: "exported", model: "road-seg" });
  expect(into.lines.map(({ type }) => type)).toEqual(["licence", "imported", "summary"]);
  expect(into.lines[1]).toMatchObject({ model: "road-seg", isInUse: true });
  expect(again.out).toMatch(/\d+ files, .* there already/);
  expect(verified.lines.filter(({ state }) => state === "damaged")).toEqual([]);
  expect(verified.lines.find(({ variantId }) => variantId === "int8-320")?.vetting).toEqual({
    state: "untried",
  });
  expect([out.status, into.status, again.status, verified.status]).toEqual([0, 0, 0, 0]);
});

test("verify names a damaged file and how to repair it, and --repair sets it aside", async () => {
  const blobs = join(folder, "here", "blobs", "sha256");
  const [blob = ""] = await readdir(blobs);
  const stray = "ab".repeat(32);
  await writeFile(join(blobs, stray), "a blob no manifest names");

  const named = await redline(["models", "verify"], { env: here });
  const mended = await redline(["models", "verify", "--repair", "--json"], { env: here });

  expect(named.err).toContain(join(blobs, stray));
  expect(named.err).toContain("hint: redline models verify --repair");
  expect(named.status).toBe(65);
  expect(mended.status).toBe(0);
  expect(await readdir(blobs)).toContain(blob);
  expect(await readdir(join(folder, "here", "quarantine"))).toEqual([stray]);
});

test("gc says what would go, and what went", async () => {
  const planned = await redline(["models", "gc", "--budget", "1MB", "--dry-run", "--json"], { env: here });
  const done = await redline(["models", "gc", "--budget", "1MB"], { env: here });
  const forced = await redline(["models", "gc", "--budget", "0", "--force", "--json"], { env: here });

  expect(planned.lines[0]).toMatchObject({ type: "removed", reason: "quarantined" });
  expect(planned.summary).toMatchObject({
    dryRun: true,
    budgetBytes: 1_000_000,
    isWithinBudget: expect.any(Boolean),
  });
  expect(done.out).toContain("1 files went");
  expect(forced.summary).toMatchObject({ heldBytes: 0, isWithinBudget: true });
  expect([planned.status, done.status, forced.status]).toEqual([0, 0, 0]);
});

test("a rollback without a second version, a bad budget and a folder that is no export are refused by name", async () => {
  const rollback = await redline(["models", "rollback", "road-seg"], { env: here });
  const budget = await redline(["models", "gc", "--budget", "lots"], { env: here });
  const none = await redline(["models", "import", folder], { env: away });

  expect(rollback.err).toContain("[STORE_NO_VERSION]");
  expect(rollback.status).toBe(66);
  expect(budget.err).toContain("a size is written as 500MB or 2GB");
  expect(budget.status).toBe(64);
  expect(none.err).toContain("[STORE_EXPORT_INVALID]");
  expect(none.err).toContain("redline models export");
  expect(none.status).toBe(65);
});

test("every verb has examples and says where the store lies", async () => {
  for (const verb of ["list", "pull", "verify", "rollback", "export", "import", "gc"]) {
    const { out, status } = await redline(["models", verb, "--help"]);

    expect(out).toMatch(/Examples:\n {2}(REDLINE_\S+ )?redline models /);
    expect(out).toContain(`redline models ${verb}`);
    expect(out).toContain("$REDLINE_HOME");
    expect(status).toBe(0);
  }
});
