// Asks whether a store survives a failure at every step it takes on the disk, whatever it was doing: an error of the
// system, a disk that turns, an end of the process or of the power, a clock that jumps, a rival.

import path from "node:path";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { RedlineError } from "../../../runtime/core/errors.js";
import { blobPath } from "../../../runtime/store/blobs.js";
import type { Disk } from "../../../runtime/store/disk.js";
import { DiskStore } from "../../../runtime/store/disk-store.js";
import { sha256Of } from "../../unit/store/catalogue-folder.js";
import { chosenSteps, isWhole, tally } from "./extent.js";
import { type Fault, faultyDisk, Killed } from "./faulty-disk.js";
import type { MemoryDisk, PowerCut } from "./memory-disk.js";
import { SCENARIOS, type Scenario, type Start } from "./scenarios.js";
import {
  checkStore,
  damagedIn,
  diskOf,
  hashAt,
  judgeExport,
  lapseLocks,
  MODEL,
  makeWorld,
  NEW,
  placeOn,
  SOUND,
  storeIn,
  type World,
  wrongBlobs,
} from "./store-world.js";

const DAY_MS = 86_400_000;

/** What strikes: a fault of the disk, and what else happens at that step. */
interface Strike {
  readonly name: string;
  readonly fault: Fault;
  readonly power?: PowerCut;
  /** The code an error has, when there is one. */
  readonly tells?: string;
  /** How far the wall clock jumps. */
  readonly clockMs?: number;
  /** What another process does, start to end, while this one stands at the step. */
  readonly rival?: "same" | "pull" | "gc";
}

const STRIKES: readonly Strike[] = [
  ...(["ENOSPC", "EACCES", "EROFS", "EIO"] as const).map((fault) => ({ name: `one ${fault}`, fault })),
  { name: "disk full", fault: "full", tells: "STORE_WRITE_FAILED" },
  { name: "disk read-only", fault: "read-only", tells: "STORE_WRITE_FAILED" },
  { name: "permission withdrawn", fault: "forbidden" },
  { name: "kill", fault: "die" },
  { name: "kill in a write", fault: "tear" },
  { name: "power cut, names kept", fault: "die", power: "names" },
  { name: "power cut, contents kept", fault: "die", power: "contents" },
  { name: "clock a day ahead", fault: "nothing", clockMs: DAY_MS },
  { name: "clock a day back", fault: "nothing", clockMs: -DAY_MS },
  { name: "second writer without a lock", fault: "nothing", rival: "same" },
  { name: "second writer that pulls", fault: "nothing", rival: "pull" },
  { name: "second writer that collects", fault: "nothing", rival: "gc" },
];

let world: World;
const disks = new Map<Start, MemoryDisk>();

beforeAll(async () => {
  world = await makeWorld();
  for (const { from } of SCENARIOS) if (!disks.has(from)) disks.set(from, await diskOf(from, world));
});

afterEach(() => {
  vi.useRealTimers();
});

/** How many steps a scenario takes when nothing fails. */
async function stepsOf(scenario: Scenario): Promise<number> {
  const { memory, place, given } = benchOf(scenario);
  const counted = faultyDisk(null, memory.disk);
  await scenario.act(storeIn({ ...place, disk: counted.disk }, given), place.beside);
  return counted.steps.length;
}

function benchOf(scenario: Scenario) {
  const memory = (disks.get(scenario.from) as MemoryDisk).copy();
  return { memory, place: placeOn(memory), given: { catalogue: world[scenario.catalogue], world } };
}

/** A disk on which a process believes that it holds every lock. */
function lockless(disk: Disk): Disk {
  const mkdir = async (at: string, options?: { recursive: boolean }) => {
    if (!at.endsWith(".lock")) return disk.mkdir(at, options);
    return disk.mkdir(at, { recursive: true }).then(() => undefined);
  };
  return { ...disk, mkdir: mkdir as Disk["mkdir"] };
}

/** What is wrong after one fault; nothing when all promises were kept. */
async function breakAt(scenario: Scenario, strike: Strike, at: number): Promise<string[]> {
  const { memory, place, given } = benchOf(scenario);
  const { root, disk, beside } = place;
  const complaints: string[] = [];
  const meanwhile = async () => {
    if (strike.clockMs !== undefined) vi.setSystemTime(Date.now() + strike.clockMs);
    if (strike.rival === "same") {
      // It may meet what the one that stands still has just made, and must say so.
      await scenario
        .act(storeIn({ root, disk: lockless(disk) }, given), beside)
        .catch((error: unknown) => complaints.push(...untold(error)));
    }
    // One that keeps to the locks waits for them a moment and then says that they are held.
    const patient = new DiskStore(
      { root, catalogue: [given.catalogue], mirror: world.mirror, offline: true, lockTimeoutMs: 0 },
      disk,
    );
    if (strike.rival === "pull")
      await patient.pull(MODEL).catch((error: unknown) => complaints.push(...untold(error)));
    if (strike.rival === "gc")
      await patient.collect({ budgetBytes: 0 }).catch((error: unknown) => complaints.push(...untold(error)));
  };
  if (strike.clockMs !== undefined) vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  const faulty = faultyDisk({ at, fault: strike.fault, meanwhile }, disk);
  const outcome = await scenario.act(storeIn({ root, disk: faulty.disk }, given), beside).then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ("value" in outcome) complaints.push(...(await misled(outcome.value, disk)));
  else complaints.push(...untold(outcome.error, strike.tells));
  // Whoever pulls gets the file, whatever others do to it: a rival installs the same bytes under the same name.
  if ("error" in outcome && strike.fault === "nothing" && scenario.name.includes("pull"))
    complaints.push(`ended with ${String(outcome.error)}`);
  if (strike.power !== undefined) memory.cut(strike.power);
  if (strike.fault !== "nothing") await lapseLocks(root, disk);

  const named = await damagedIn(storeIn(place, given));
  const wrong = await wrongBlobs(root, disk);
  const before = scenario.from === "damaged blob" ? [blobPath(root, sha256Of(NEW))] : [];
  if (named.length > 1) complaints.push(`verify names ${named.join(", ")}`);
  if (named.some((one) => !before.includes(one)) && scenario.from !== "damaged record")
    complaints.push(`verify names ${named.join(", ")}`);
  if (wrong.some((one) => !named.includes(one))) complaints.push(`verify does not name ${wrong.join(", ")}`);

  const judged = async (name: string, { mustBeWhole }: { mustBeWhole: boolean }) => {
    if (scenario.leaves === undefined) return [];
    const target = `${beside}${scenario.leaves}`;
    const away = { root: path.join(memory.root, name), disk };
    return judgeExport(away, { target, catalogue: given.catalogue, mustBeWhole });
  };
  complaints.push(...(await judged("first copy", { mustBeWhole: scenario.beside === scenario.leaves })));
  await scenario.act(storeIn(place, given), beside).catch((error: unknown) => {
    complaints.push(`the next attempt ended with ${String(error)}`);
  });
  const found = await checkStore({ root, disk, ...given });
  if (JSON.stringify(found) !== JSON.stringify(SOUND)) complaints.push(JSON.stringify(found));
  complaints.push(...(await judged("copy", { mustBeWhole: true })));
  vi.useRealTimers();
  const where = `${scenario.name}: ${strike.name} at ${at}, ${faulty.steps[at - 1]}`;
  return complaints.map((complaint) => `${where}: ${complaint}`);
}

/** What a store that was told of as done must still give after the power is cut, with nobody to ask for more. */
async function survives(scenario: Scenario): Promise<unknown> {
  const { memory, place, given } = benchOf(scenario);
  await scenario.act(storeIn(place, given), place.beside);
  memory.cut("contents");
  const { root, disk, beside } = place;
  const alone = (at: string) =>
    new DiskStore({ root: at, catalogue: [given.catalogue], offline: true }, disk);
  if (scenario.leaves === undefined) return (await alone(root).resolve(MODEL)).manifest?.version;
  const copy = path.join(memory.root, "copy");
  await alone(copy).import(`${beside}${scenario.leaves}`);
  return (await alone(copy).resolve(MODEL)).manifest?.version;
}

/** An end that a user is not told of in the store's own words. */
function untold(error: unknown, code?: string): string[] {
  const isTold = error instanceof RedlineError && (code === undefined || error.code === code);
  if (isTold || error instanceof Killed) return [];
  return [`ended with ${String(error)}`];
}

/** A model that was answered with other bytes than its manifest promises. */
async function misled(value: unknown, disk: Disk): Promise<string[]> {
  const { path: at, variant } = (value ?? {}) as { path?: string; variant?: { sha256: string } };
  if (at === undefined || variant == null) return [];
  return (await hashAt(at, disk)) === variant.sha256 ? [] : [`answered ${at} with other bytes`];
}

describe.each(SCENARIOS)("$name", (scenario) => {
  test.each(STRIKES)(
    "leaves a sound store: $name at a step",
    async (strike) => {
      const steps = await stepsOf(scenario);
      const places = chosenSteps(steps, { count: 1, shift: STRIKES.indexOf(strike) });

      const complaints: string[] = [];
      for (const at of places) complaints.push(...(await breakAt(scenario, strike, at)));

      expect(steps).toBeGreaterThan(20);
      expect(complaints).toEqual([]);
      tally(`${strike.name}, at a step`, places.length);
    },
    isWhole ? 600_000 : 60_000,
  );
});

test.each(SCENARIOS.filter(({ name }) => name !== "gc to nothing"))(
  "$name: what was told as done is there after a power cut",
  async (scenario) => {
    const version = await survives(scenario);

    expect(version).toBe(
      scenario.catalogue === "oldCatalogue" || scenario.name === "rollback" ? "1.0.0" : "2.0.0",
    );
    tally("power cut after the end");
  },
);

test("the version before is whole after a power cut, and can be rolled back to", async () => {
  const memory = (disks.get("empty") as MemoryDisk).copy();
  const place = placeOn(memory);
  const given = { catalogue: world.newCatalogue, world };
  for (const catalogue of [world.oldCatalogue, world.newCatalogue])
    await storeIn(place, { catalogue, world }).pull(MODEL);
  memory.cut("contents");
  await storeIn(place, given).rollback(MODEL);
  memory.cut("contents");

  const { manifest, goldenPath } = await storeIn(place, given).resolve(MODEL);

  expect(manifest?.version).toBe("1.0.0");
  expect(
    memory
      .files()
      .get(path.relative(memory.root, goldenPath ?? ""))
      ?.toString(),
  ).toBe('{"version":"1.0.0"}');
  tally("power cut after the end");
});
