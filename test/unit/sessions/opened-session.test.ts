// A session's promises, over the real lane rules in virtual time.

import { beforeEach, describe, expect, test } from "vitest";
import { type Contract, freezeContract } from "../../../runtime/core/contract.js";
import { RedlineError } from "../../../runtime/core/errors.js";
import { scanNonFinite } from "../../../runtime/sessions/input-check.js";
import { OpenedSession } from "../../../runtime/sessions/opened-session.js";
import type { Outcome } from "../../../runtime/sessions/session.js";
import { EventHub } from "../../../runtime/telemetry/event-hub.js";
import { freePolicy } from "../../support/free-policy.js";
import { UNPLANNED } from "../../support/in-process-session.js";
import { VirtualClock } from "../../support/virtual-clock.js";
import { VirtualProvider } from "../../support/virtual-provider.js";

const X = Float32Array.of(1, 2, 3, 4);
let clock: VirtualClock;
let provider: VirtualProvider;
let events: EventHub;

beforeEach(() => {
  clock = new VirtualClock();
  provider = new VirtualProvider(clock);
  events = new EventHub();
});

function open(
  contract: Contract = { periodMs: 50 },
  overrides: { slots?: number; isInline?: boolean; isInlineWhenShort?: boolean } = {},
) {
  return OpenedSession.open({
    name: "doubler",
    model: "doubler",
    threads: 1,
    manifest: null,
    contract: freezeContract(contract),
    plan: UNPLANNED,
    provider,
    graphs: [
      {
        variant: "fp32",
        bytes: 0,
        request: {
          graph: null,
          criticality: "critical",
          laneIndex: 0,
          slots: overrides.slots ?? 3,
          statedShapes: {},
          isInline: overrides.isInline ?? false,
        },
      },
    ],
    admit: async () => freePolicy("fp32"),
    isInlineWhenShort: overrides.isInlineWhenShort ?? false,
    events,
    hasNonFinite: scanNonFinite,
    onClosed: () => {},
  });
}

async function finish(run: Promise<Outcome>, afterUs = 1_000_000): Promise<Outcome> {
  await clock.advanceTo(clock.nowUs() + afterUs);
  return run;
}

describe("a job", () => {
  test("is done with its outputs, and its latency counts from capture", async () => {
    const session = await open();
    await clock.advanceTo(5_000);

    const outcome = await finish(session.run({ x: X }, { capturedUs: 2_000 }));

    expect(outcome).toMatchObject({ status: "done", startedUs: 5_000, settledUs: 6_000, latencyUs: 4_000 });
    expect([...(outcome.outputs.y!.data as Float32Array)]).toEqual([2, 4, 6, 8]);
  });

  test("that cannot make its deadline any more is dropped without running, once run times are known", async () => {
    const session = await open();
    provider.work.busyUs = 30_000;
    (await finish(session.run({ x: X }))).release();

    const outcome = await finish(session.run({ x: X }, { capturedUs: clock.nowUs() - 25_000 }));

    expect(outcome).toMatchObject({ status: "dropped", reason: "stale", startedUs: -1 });
  });

  test("runs again soon after a slow start made every later one look hopeless", async () => {
    const session = await open();
    // A run that ends late all the same, as on a machine that is still starting up.
    provider.work.busyUs = 90_000;
    provider.work.stopUs = 90_000;
    expect(await finish(session.run({ x: X }))).toMatchObject({ status: "late", reason: "unstoppable" });
    provider.work.busyUs = 1000;

    const statuses: string[] = [];
    for (let frame = 0; frame < 8; frame += 1) {
      const outcome = await finish(session.run({ x: X }), 50_000);
      statuses.push(outcome.status);
      outcome.release();
    }

    expect(statuses.slice(0, 4)).toEqual(["dropped", "dropped", "dropped", "dropped"]);
    expect(statuses.slice(4)).toEqual(["done", "done", "done", "done"]);
  });

  test("over its deadline is cancelled, or kept when the contract keeps late results", async () => {
    const strict = await open();
    const patient = await open({ periodMs: 50, late: "keep" });
    provider.work.busyUs = 80_000;

    const cancelled = await finish(strict.run({ x: X }));
    const kept = await finish(patient.run({ x: X }));

    expect(cancelled).toMatchObject({ status: "cancelled", reason: "deadline", latencyUs: 50_010 });
    expect(kept).toMatchObject({ status: "late", reason: "kept", latencyUs: 80_000 });
    expect(kept.outputs.y).toBeDefined();
  });

  test("is stopped by its signal, also by one that is already aborted", async () => {
    const session = await open();
    const controller = new AbortController();

    const running = session.run({ x: X }, { signal: controller.signal });
    controller.abort();
    const aborted = session.run({ x: X }, { signal: controller.signal });

    expect(await finish(running)).toMatchObject({ status: "cancelled", reason: "signal" });
    expect(await finish(aborted)).toMatchObject({ status: "cancelled", reason: "signal" });
  });

  test("of a provider that fails says why", async () => {
    const session = await open();
    provider.work.kind = "failed";
    provider.work.message = "Non-zero status code returned while running Conv";

    const outcome = await finish(session.run({ x: X }));

    expect(outcome).toMatchObject({ status: "failed", reason: "provider", message: provider.work.message });
  });
});

describe("slots", () => {
  test("are held by outcomes until released; a run without a free slot is rejected", async () => {
    const session = await open({ periodMs: 50 }, { slots: 1 });
    const first = await finish(session.run({ x: X }));

    const rejected = await session.run({ x: X });
    first.release();
    first.release();
    const second = await finish(session.run({ x: X }));

    expect(rejected).toMatchObject({ status: "rejected", reason: "no-slot" });
    expect(second.status).toBe("done");
  });

  test("of jobs without results go back by themselves", async () => {
    const session = await open({ periodMs: 50 }, { slots: 1 });
    provider.work.kind = "non-finite";
    await finish(session.run({ x: X }));
    provider.work.kind = "completed";

    const outcome = await finish(session.run({ x: X }));

    expect(outcome.status).toBe("done");
  });

  test("can be reserved, written in place and run once", async () => {
    const session = await open({ periodMs: 50 }, { slots: 1 });
    const slot = session.reserve()!;
    (slot.inputs.x as Float32Array).set([5, 6, 7, 8]);

    expect(session.reserve()).toBeNull();
    const outcome = await finish(slot.run());

    expect([...(outcome.outputs.y!.data as Float32Array)]).toEqual([10, 12, 14, 16]);
    await expect(slot.run()).rejects.toMatchObject({ code: "INPUT_SLOT" });
    slot.release();
    expect(session.reserve()).toBeNull();
    outcome.release();
    expect(session.reserve()).not.toBeNull();
  });

  test("reserved with NaN written into them are refused and can be mended", async () => {
    const session = await open();
    const slot = session.reserve()!;
    const view = slot.inputs.x as Float32Array;
    view[2] = Number.NaN;

    await expect(slot.run()).rejects.toMatchObject({ code: "INPUT_NON_FINITE" });
    view[2] = 0;

    expect(await finish(slot.run())).toMatchObject({ status: "done" });
  });
});

describe("bad input", () => {
  const cases: [string, Record<string, unknown>, string, RegExp][] = [
    ["an unknown name", { x: X, z: X }, "INPUT_UNKNOWN", /z.*expected x/],
    ["a missing input", {}, "INPUT_MISSING", /x \(float32\[4\]\)/],
    [
      "a wrong type",
      { x: Int32Array.of(1, 2, 3, 4) },
      "INPUT_DTYPE",
      /expected float32.*received Int32Array/,
    ],
    ["a wrong length", { x: Float32Array.of(1) }, "INPUT_SHAPE", /expected \[4\], received 1 elements/],
    ["a wrong shape", { x: { data: X, shape: [2, 2] } }, "INPUT_SHAPE", /expected \[4\], received \[2, 2\]/],
    ["NaN", { x: Float32Array.of(1, Number.NaN, 3, 4) }, "INPUT_NON_FINITE", /NaN at element 1/],
    ["infinity", { x: Float32Array.of(1, 2, 3, Number.POSITIVE_INFINITY) }, "INPUT_NON_FINITE", /element 3/],
  ];

  test.each(cases)("%s is refused by name and costs no slot", async (_, inputs, code, message) => {
    const session = await open({ periodMs: 50 }, { slots: 1 });

    const error = await session.run(inputs as never).catch((caught: unknown) => caught);

    expect(error).toBeInstanceOf(RedlineError);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(await finish(session.run({ x: X }))).toMatchObject({ status: "done" });
    expect(session.stats().n).toBe(1);
  });
});

describe("closing", () => {
  test("settles waiting and running jobs, then rejects new ones", async () => {
    const session = await open();
    const jobs = [session.run({ x: X }), session.run({ x: X })];

    const closed = session.close();
    const outcomes = await finish(Promise.all(jobs) as never as Promise<never>);
    await closed;

    expect(outcomes).toMatchObject([{ reason: "closing" }, { reason: "closing" }]);
    expect(await session.run({ x: X })).toMatchObject({ status: "rejected", reason: "closed" });
    expect(session.reserve()).toBeNull();
  });
});

describe("runSync", () => {
  test("answers at once on a session opened inline, and is refused on any other", async () => {
    const inline = await open({ periodMs: 50 }, { isInline: true });
    const queued = await open();

    const outcome = inline.runSync({ x: X });

    expect([...(outcome.outputs.y!.data as Float32Array)]).toEqual([2, 4, 6, 8]);
    expect(() => queued.runSync({ x: X })).toThrowError(
      expect.objectContaining({ code: "SESSION_NOT_INLINE" }),
    );
  });

  test("throws when every slot is held", async () => {
    const inline = await open({ periodMs: 50 }, { isInline: true, slots: 1 });
    inline.runSync({ x: X });

    expect(() => inline.runSync({ x: X })).toThrowError(expect.objectContaining({ code: "SESSION_NO_SLOT" }));
  });
});

describe("a session whose short jobs stay on the caller's thread", () => {
  const SHORT = { isInlineWhenShort: true };

  test("uses its lane until a run has been seen to be short", async () => {
    provider.work.busyUs = 100;
    const session = await open({ periodMs: 50 }, SHORT);

    const first = await finish(session.run({ x: X }), 1_000);
    const second = await session.run({ x: X });

    expect([first.settledUs - first.startedUs, second.settledUs - second.startedUs]).toEqual([100, 0]);
    expect([...(second.outputs.y!.data as Float32Array)]).toEqual([2, 4, 6, 8]);
    expect(session.stats()).toMatchObject({ n: 2, outcomes: { done: 2 } });
  });

  test("keeps its lane for runs that are not short", async () => {
    provider.work.busyUs = 5_000;
    const session = await open({ periodMs: 50 }, SHORT);
    (await finish(session.run({ x: X }), 6_000)).release();

    const next = await finish(session.run({ x: X }), 6_000);

    expect(next.settledUs - next.startedUs).toBe(5_000);
  });

  test("leaves to the lane what is late or aborted", async () => {
    provider.work.busyUs = 100;
    const session = await open({ periodMs: 50 }, SHORT);
    (await finish(session.run({ x: X }), 1_000)).release();
    const aborted = new AbortController();
    aborted.abort();

    const late = await finish(session.run({ x: X }, { capturedUs: clock.nowUs() - 60_000 }), 1_000);
    const stopped = await finish(session.run({ x: X }, { signal: aborted.signal }), 1_000);

    expect([late.reason, stopped.reason]).toEqual(["stale", "signal"]);
  });

  test("lets no job overtake one that its lane still has", async () => {
    provider.work.busyUs = 100;
    const session = await open({ periodMs: 50 }, SHORT);
    const first = session.run({ x: X });
    const second = session.run({ x: X });
    await finish(first, 100);

    const third = await finish(session.run({ x: X }), 1_000);

    expect(third.startedUs).toBe((await second).settledUs);
    expect(third.settledUs - third.startedUs).toBe(100);
  });
});

describe("statistics", () => {
  test("say whether the contract was kept: what the caller stopped is no miss, what was too late is", async () => {
    const session = await open({ periodMs: 50, tolerate: { misses: 1, outOf: 3 } });
    (await finish(session.run({ x: X }))).release();
    const controller = new AbortController();
    controller.abort();
    await finish(session.run({ x: X }, { signal: controller.signal }));
    expect(session.stats()).toMatchObject({ n: 2, misses: 0, kept: true });

    provider.work.busyUs = 200_000;
    await finish(session.run({ x: X }));
    expect(session.stats()).toMatchObject({ n: 3, misses: 1, kept: true });

    await finish(session.run({ x: X }));
    expect(session.stats()).toMatchObject({
      n: 4,
      misses: 2,
      kept: false,
      outcomes: { done: 1, cancelled: 3 },
      latencyUs: { p50: 1000, max: 1000 },
    });
  });

  test("and every settlement is one event with every field", async () => {
    const session = await open();
    (await finish(session.run({ x: X }))).release();

    const { events: batch } = events.read(0);

    expect(batch).toHaveLength(1);
    expect(batch[0]).toEqual({
      kind: "job.settle",
      atUs: 1000,
      session: "doubler",
      jobId: 1,
      status: "done",
      reason: "ok",
      capturedUs: 0,
      startedUs: 0,
      deadlineUs: 50_000,
      cpuUs: 1000,
      detail: "",
    });
  });
});
