// Owns the promises of a contract's record in a live run. Arithmetic only: no session runs here.

import { expect, test } from "vitest";
import { ContractTally } from "../../runtime/contract-record.js";
import { freezeContract } from "../../runtime/core/contract.js";
import { eventOf } from "../../runtime/core/events.js";
import { planRung } from "../../runtime/core/rung.js";

function tally(): ContractTally {
  return new ContractTally({
    name: "driving",
    model: "road-seg",
    variant: "int8-320",
    device: "cpu",
    rung: planRung({ variant: "int8-320", device: "cpu" }),
    threads: 1,
    manifest: null,
    contract: freezeContract({ periodMs: 50, tolerate: { misses: 1, outOf: 10 } }),
  });
}

function done(atUs: number) {
  const times = { capturedUs: atUs - 9000, startedUs: atUs - 8000, cpuUs: 8000 };
  return eventOf({ kind: "job.settle", atUs, status: "done", reason: "ok", ...times });
}

test("a frame that never reached its session counts as dropped and as missed", () => {
  const record = tally();
  for (let frame = 1; frame <= 8; frame++) record.counters.count(done(frame * 50_000));
  record.camera = { skipped: 1, starved: 3 };
  record.refused = 1;

  const read = record.read(400_000);

  expect(read).toMatchObject({ n: 10, misses: 2, skipped: 1, refused: 1, starved: 3, kept: false });
  expect(read.outcomes).toMatchObject({ done: 8, dropped: 2 });
});

test("a record without losses is its session's own counts, in the contract's words", () => {
  const record = tally();
  for (let frame = 1; frame <= 10; frame++) record.counters.count(done(frame * 50_000));

  const read = record.read(500_000);

  expect(read).toMatchObject({
    session: "driving",
    periodMs: 50,
    deadlineMs: 50,
    n: 10,
    misses: 0,
    kept: true,
  });
  expect(read.cpuShare).toBeCloseTo(0.16, 5);
});

test("periods without a frame lighten the load and are no misses", () => {
  const record = tally();
  record.counters.count(done(50_000));
  record.camera = { skipped: 0, starved: 5 };

  expect(record.read(300_000)).toMatchObject({ n: 1, misses: 0, starved: 5, kept: true });
});

test("a job that was dropped before it started adds nothing to the processor's share", () => {
  const record = tally();
  record.counters.count(done(50_000));
  record.counters.count(eventOf({ kind: "job.drop", atUs: 100_000, status: "dropped", reason: "stale" }));

  expect(record.read(100_000).cpuShare).toBeCloseTo(0.08, 5);
});
