// Owns the proof that a load counts every query from when it was due, whatever the subject was doing then.

import { expect, test } from "vitest";
import { runLoad } from "../../../../bench/trials/load-loop.js";
import type { LoadShape } from "../../../../bench/trials/load-shape.js";
import type { QueryEnd, Subject } from "../../../../bench/trials/subject.js";
import { monotonicUs } from "../../../../runtime/bindings/system-clock.js";
import { seededRng } from "../../../../runtime/core/rng.js";

const PLAN = { runtime: "test", version: "1", variant: "-", device: "cpu", threads: 1 };

const subject = (run: Subject["run"]): Subject => ({
  plan: PLAN,
  answers: "none",
  runsElsewhere: false,
  run,
  close: async () => {},
});

const load = (shape: LoadShape, run: Subject["run"], seconds = 0.2) =>
  runLoad({ subject: subject(run), shape, seconds, rng: seededRng(1), nowUs: monotonicUs });

const done = (over: Partial<QueryEnd> = {}): QueryEnd => ({
  outcome: "done / ok",
  isDone: true,
  settledUs: monotonicUs(),
  cpuUs: 5,
  ...over,
});

const STREAM = { scenario: "constant-stream", periodUs: 5000 } as const;

test("queries that were due while the subject held the thread are late by what it held it, and none is left out", async () => {
  let freeUs = 0;
  const record = await load(STREAM, async (index) => {
    if (index === 10) {
      const endUs = monotonicUs() + 60_000;
      while (monotonicUs() < endUs);
      freeUs = monotonicUs();
    }
    return done();
  });

  expect(record.dueUs).toHaveLength(40);
  expect(record.dueUs).toEqual(Array.from({ length: 40 }, (_, index) => index * 5000));
  for (let index = 11; index <= 21; index++) {
    const waitedUs = freeUs - (record.startUs + index * 5000);
    expect(record.latencyUs[index]!).toBeGreaterThanOrEqual(waitedUs);
    expect(record.arrivalErrorUs[index]!).toBeGreaterThanOrEqual(waitedUs);
    if (waitedUs > 5000) expect(record.missed[index], String(index)).toBe(1);
  }
  expect(record.missed.filter((missed) => missed === 1).length).toBeGreaterThanOrEqual(11);
});

test("a query that is not done is a miss even in time, and one settled past its period is a miss even when done", async () => {
  const record = await load(STREAM, async (index, dueUs) => {
    if (index === 3) return done({ outcome: "rejected / no-slot", isDone: false, settledUs: dueUs });
    return done({ settledUs: dueUs + (index === 5 ? 5001 : 5000) });
  });

  expect(record.missed.flatMap((missed, index) => (missed === 1 ? [index] : []))).toEqual([3, 5]);
  expect(record.outcomes).toEqual({ "done / ok": 39, "rejected / no-slot": 1 });
  expect(record.latencyUs[5]).toBe(5001);
});

test("queries under way at the end are waited for", async () => {
  const record = await load(
    STREAM,
    async () => {
      await new Promise((resume) => setTimeout(resume, 40));
      return done();
    },
    0.05,
  );

  expect(record.latencyUs).toHaveLength(10);
  expect(record.elapsedUs).toBeGreaterThan(45_000);
});

test("a single stream has one query under way, offline as many as there are slots", async () => {
  const most = async (shape: LoadShape): Promise<number> => {
    let underWay = 0;
    let high = 0;
    await load(
      shape,
      async () => {
        underWay += 1;
        high = Math.max(high, underWay);
        await new Promise((resume) => setTimeout(resume, 2));
        underWay -= 1;
        return done();
      },
      0.05,
    );
    return high;
  };

  expect(await most({ scenario: "single-stream" })).toBe(1);
  expect(await most({ scenario: "offline", inFlight: 6 })).toBe(6);
});

test("a load that has to reach a count goes on until it has", async () => {
  const record = await runLoad({
    subject: subject(async () => done()),
    shape: { scenario: "single-stream" },
    seconds: 0.001,
    leastQueries: 5000,
    rng: seededRng(1),
    nowUs: monotonicUs,
  });

  expect(record.latencyUs.length).toBeGreaterThanOrEqual(5000);
});

test("a wrong answer is counted and the first one kept", async () => {
  const record = await load(STREAM, async (index) => done(index % 10 === 4 ? { wrong: `at ${index}` } : {}));

  expect(record).toMatchObject({ wrong: 4, firstWrong: "at 4", toldCpuUs: 200 });
});

test("processor time that one run does not tell is not told at all", async () => {
  const record = await load(STREAM, async (index) => done({ cpuUs: index === 2 ? -1 : 5 }));

  expect(record.toldCpuUs).toBe(-1);
});

test("a subject that can go no further ends the load with its error", async () => {
  const failing = load(STREAM, async (index) => {
    if (index === 2) throw new Error("gone");
    return done();
  });

  await expect(failing).rejects.toThrow("gone");
});
