// Counting one session: quantiles while it is open, and what is left of them when it has closed.

import { expect, test } from "vitest";
import { eventOf } from "../../../runtime/core/events.js";
import { SessionCounters } from "../../../runtime/telemetry/session-counters.js";

function countDone(counters: SessionCounters, latenciesUs: Iterable<number>): void {
  for (const latencyUs of latenciesUs) {
    const times = { atUs: latencyUs, capturedUs: 0 };
    counters.count(eventOf({ kind: "job.settle", status: "done", reason: "ok", ...times }));
  }
}

test("a session without a result has quantiles of zero", () => {
  expect(new SessionCounters().latencyUs).toEqual({ p50: 0, p90: 0, p99: 0, p999: 0, max: 0 });
});

test("a closed session keeps its quantiles, whatever a later session counts", () => {
  const closed = new SessionCounters();
  countDone(closed, [100, 200, 300]);
  closed.freeze();
  const later = new SessionCounters();

  countDone(
    later,
    Array.from({ length: 1000 }, () => 900_000),
  );

  expect(closed.latencyUs).toMatchObject({ p50: 200, max: 300 });
  expect(later.latencyUs.p50).toBeGreaterThan(890_000);
});

test("a session does not see what an earlier one counted", () => {
  const earlier = new SessionCounters();
  countDone(earlier, [500_000]);
  earlier.freeze();
  const counters = new SessionCounters();

  countDone(counters, [10]);

  expect(counters.latencyUs).toMatchObject({ p50: 10, max: 10 });
});
