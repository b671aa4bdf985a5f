// Owns the promise of stored profiles: raw samples come back, and what has expired or is damaged is not believed.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ProfileRecord, ProfileStore, profileOf } from "../../../runtime/plans/profile-store.js";

const KEY = {
  machine: "two cores",
  modelSha256: "ab".repeat(32),
  runtimeVersion: "0.1.0",
  powerSource: "mains",
} as const;

const RECORD: ProfileRecord = {
  schema: 2,
  length: "full",
  model: "road@int8",
  key: KEY,
  choice: { variant: "int8", device: "cpu", threads: 1, spin: false },
  measured: [
    {
      conditions: { periodUs: 50_000, caches: "warm", neighbour: "none" },
      runUs: [1000, 1010, 1020],
      cpuUs: 990,
    },
    {
      conditions: { periodUs: 50_000, caches: "cold", neighbour: "none" },
      runUs: [1200, 1250, 1400],
      cpuUs: 1190,
    },
    {
      conditions: { periodUs: 50_000, caches: "warm", neighbour: "busy" },
      runUs: [1500, 1515, 1600],
      cpuUs: 1480,
    },
  ],
  energyMj: "unknown",
};

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "redline-profiles-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("what was measured comes back, samples and all, and is replaced by the next measurement", async () => {
  const store = new ProfileStore(root);

  await store.write({ ...RECORD, measured: RECORD.measured.slice(0, 1) });
  await store.write(RECORD);

  expect(await store.find(KEY)).toEqual({ holding: [RECORD], passed: [] });
});

test("on battery a profile of mains has expired, and says so", async () => {
  const store = new ProfileStore(root);
  const path = await store.write(RECORD);

  const found = await store.find({ ...KEY, powerSource: "battery" });

  expect(found).toEqual({ holding: [], passed: [{ path, because: "power was mains, is battery" }] });
});

test("mains and battery each keep their own profile", async () => {
  const store = new ProfileStore(root);
  const onBattery = { ...RECORD, key: { ...KEY, powerSource: "battery" as const } };
  await store.write(RECORD);
  await store.write(onBattery);

  expect((await store.find(KEY)).holding).toEqual([RECORD]);
  expect((await store.find(onBattery.key)).holding).toEqual([onBattery]);
});

test("a record of an older form is passed over, and says so", async () => {
  const store = new ProfileStore(root);
  const path = await store.write({ ...RECORD, schema: 1 } as unknown as ProfileRecord);

  expect(await store.find(KEY)).toEqual({
    holding: [],
    passed: [{ path, because: "it is of schema 1, not 2" }],
  });
});

test("the largest contention is that of the profiles that hold here", async () => {
  const store = new ProfileStore(root);
  const { modelSha256: _, ...here } = KEY;
  await store.write(RECORD);

  expect(await store.largestContention(here)).toBe(1.5);
  expect(await store.largestContention({ ...here, machine: "four cores" })).toBe(1);
});

test("a short profile has no cold runs and no tail: its worst run is half as long again as its median", () => {
  const short = { ...RECORD, length: "short" as const, measured: RECORD.measured.slice(0, 1) };

  expect(profileOf(short).profile).toMatchObject({ p50Us: 1010, wcetUs: 1515, samples: 3 });
});

test("a flipped bit makes a record damaged, not different", async () => {
  const store = new ProfileStore(root);
  const path = await store.write(RECORD);
  writeFileSync(path, readFileSync(path, "utf8").replace("1250", "1251"));

  expect((await store.find(KEY)).passed).toEqual([{ path, because: "its record is damaged" }]);
  expect(readdirSync(join(root, "profiles"))).toHaveLength(1);
});

test("another model's profiles are not this one's, and without any there are none", async () => {
  const store = new ProfileStore(root);

  expect(await store.find(KEY)).toEqual({ holding: [], passed: [] });
  await store.write(RECORD);
  expect(await store.find({ ...KEY, modelSha256: "cd".repeat(32) })).toEqual({ holding: [], passed: [] });
});

test("admission counts with cold caches, and with contention as a factor of its own", () => {
  const { profile, contention } = profileOf(RECORD);

  expect(profile).toMatchObject({ p50Us: 1250, wcetUs: 1400, samples: 3, cpuUs: 1190 });
  expect(contention).toBe(1.5);
});
