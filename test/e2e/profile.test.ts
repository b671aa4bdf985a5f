// Owns the proof that `redline profile` measures a real model and `redline plan` chooses by what it kept.

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensureBuilt, redline } from "./built-cli.js";

let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "redline-profile-"));
  await ensureBuilt();
}, 120_000);

afterAll(() => rm(home, { recursive: true, force: true }));

const redlineAtHome = (...argv: string[]) => redline([...argv, "--json"], { env: { REDLINE_HOME: home } });

test("a model is measured, kept, planned for, and refused where no way of running it fits", async () => {
  const before = await redlineAtHome("plan", "road-seg");
  const profiled = await redlineAtHome("profile", "road-seg@int8-320", "--period", "20", "--runs", "4");
  const planned = await redlineAtHome("plan", "road-seg", "--period", "1000", "--explain");
  const refused = await redlineAtHome("plan", "road-seg", "--deadline", "0.001", "--explain");

  expect([before.status, before.summary.error]).toEqual([65, "MODEL_UNSUITABLE"]);
  expect(profiled.status).toBe(0);
  const profiles = profiled.lines.filter(({ type }) => type === "profile");
  expect(profiles.length).toBe(profiled.summary.profiles);
  for (const { samples, p50Ms, wcetMs, cpuMs, contention } of profiles as Record<string, number>[]) {
    expect(samples).toBe(4);
    expect(p50Ms).toBeGreaterThan(0);
    expect(wcetMs).toBeGreaterThanOrEqual(p50Ms!);
    expect(cpuMs).toBeGreaterThan(0);
    expect(contention).toBeGreaterThanOrEqual(1);
  }
  const plans = planned.lines.filter(({ type }) => type === "plan");
  expect(plans.length).toBe(profiles.length);
  expect(plans.map(({ verdict }) => verdict === "chosen")).toEqual(plans.map((_, index) => index === 0));
  expect([refused.status, refused.summary.error]).toEqual([75, "PLAN_INFEASIBLE"]);
});

test("a damaged profile is named and not believed", async () => {
  await redlineAtHome("profile", "road-seg@int8-320", "--period", "10", "--runs", "1");
  const folder = join(home, "profiles");
  const names = await readdir(folder);
  for (const name of names) {
    const text = await readFile(join(folder, name), "utf8");
    await writeFile(join(folder, name), text.replace('"cpu"', '"gpu"'));
  }

  const { status, lines } = await redlineAtHome("plan", "road-seg@int8-320");

  expect(status).toBe(65);
  expect(lines.find(({ type }) => type === "error")?.received).toContain("its record is damaged");
});
