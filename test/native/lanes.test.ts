// Real lanes on real threads: order, drops, deadlines, cancels and closing, each job settled exactly once.

import { describe, expect, test } from "vitest";
import { matmulChain } from "../../bench/harness/onnx-model.js";
import { SUBMIT_KEEP_LATE } from "../../runtime/bindings/addon.js";
import { LIMITS } from "../../runtime/core/limits.js";
import { NativeHost, PATIENCE, type Settled, shared, until } from "./native-host.js";

const host = new NativeHost();
const ms = (milliseconds: number): number => milliseconds * 1000;

/** A session that is busy with one job of `busyMs`, long enough to be seen, so that what is submitted next has to wait. */
async function busySession({ busyMs, slots }: { busyMs: number; slots: number }) {
  const { sessionId } = await host.openNull(ms(busyMs) * PATIENCE, { slots });
  const first = host.submit(sessionId, { slot: 0 });
  await until(() => host.addon.lanes().some((lane) => lane.isRunning));
  return { sessionId, first };
}

describe("a lane", () => {
  test("runs a job and takes its times where it ran", async () => {
    const { sessionId } = await host.openNull(ms(5));

    const beforeUs = host.addon.nowUs();
    const settled = await host.run(sessionId);

    expect(settled.outcome).toBe("done/ok");
    expect(settled.startedUs).toBeGreaterThanOrEqual(beforeUs);
    expect(settled.settledUs - settled.startedUs).toBeGreaterThanOrEqual(ms(5));
    expect(settled.cpuUs).toBeGreaterThan(0);
    expect(settled.settledUs).toBeLessThanOrEqual(host.addon.nowUs());
  });

  test("runs waiting jobs earliest deadline first, whatever their order of arrival", async () => {
    const { sessionId, first } = await busySession({ busyMs: 20, slots: 4 });
    const late = host.submit(sessionId, { slot: 1, deadlineInUs: ms(9000) });
    const soon = host.submit(sessionId, { slot: 2, deadlineInUs: ms(7000) });
    const middle = host.submit(sessionId, { slot: 3, deadlineInUs: ms(8000) });

    const settled = await Promise.all([first, late, soon, middle].map((job) => job.settled));

    const order = settled.toSorted((a, b) => a.startedUs - b.startedUs).map((job) => job.jobId);
    expect(order).toEqual([first, soon, middle, late].map((job) => job.jobId));
    const runs = settled.toSorted((a, b) => a.startedUs - b.startedUs);
    for (const [index, run] of runs.entries()) {
      if (index > 0) expect(run.startedUs).toBeGreaterThanOrEqual(runs[index - 1]!.settledUs);
    }
  });

  test("drops a waiting job when its latest start passes, while another job still runs", async () => {
    const { sessionId, first } = await busySession({ busyMs: 200, slots: 2 });
    const waiting = host.submit(sessionId, { slot: 1, latestStartInUs: ms(10) });

    const dropped = await waiting.settled;
    const isFirstRunning = host.addon.lanes().some((lane) => lane.isRunning);
    const ran = await first.settled;

    expect(dropped).toMatchObject({ outcome: "dropped/stale", startedUs: -1, cpuUs: -1 });
    expect(isFirstRunning).toBe(true);
    expect(dropped.settledUs).toBeLessThan(ran.settledUs);
  });

  test("drops a job that arrives after its latest start", async () => {
    const { sessionId } = await host.openNull(0);

    const { outcome } = await host.run(sessionId, { latestStartInUs: -1 });

    expect(outcome).toBe("dropped/stale");
  });

  test("stops a running job at its deadline", async () => {
    const { sessionId } = await host.openNull(ms(2000));

    const settled = await host.run(sessionId, { deadlineInUs: ms(20) });

    expect(settled.outcome).toBe("cancelled/deadline");
    expect(settled.settledUs - settled.startedUs).toBeLessThan(ms(1000));
  });

  test("lets a late job finish when its contract keeps late results", async () => {
    const { sessionId } = await host.openNull(ms(30));

    const { outcome } = await host.run(sessionId, { deadlineInUs: ms(10), flags: SUBMIT_KEEP_LATE });

    expect(outcome).toBe("late/kept");
  });

  test("says so when a run cannot be stopped in time", async () => {
    const { sessionId } = await host.openNull(0, { null: { busyUs: ms(30), nodeUs: ms(500) } });

    const { outcome } = await host.run(sessionId, { deadlineInUs: ms(10) });

    expect(outcome).toBe("late/unstoppable");
  });

  test("tells a provider's failure from a stop", async () => {
    const { sessionId } = await host.openNull(0, { null: { failEvery: 2 } });

    const outcomes = [await host.run(sessionId), await host.run(sessionId), await host.run(sessionId)];

    expect(outcomes.map((settled) => settled.outcome)).toEqual(["done/ok", "failed/provider", "done/ok"]);
    expect(outcomes[1]!.message).toMatch(/fails every 2/);
  });
});

describe("a cancel", () => {
  test("settles a waiting job at once, with the reason that was given", async () => {
    const { sessionId, first } = await busySession({ busyMs: 100, slots: 2 });
    const waiting = host.submit(sessionId, { slot: 1 });

    host.addon.cancel(waiting.jobId, 1);
    const cancelled = await waiting.settled;
    const ran = await first.settled;

    expect(cancelled).toMatchObject({ outcome: "cancelled/preempted", startedUs: -1 });
    expect(cancelled.settledUs).toBeLessThan(ran.settledUs);
    expect(ran.outcome).toBe("done/ok");
  });

  test("stops a running job, and the slot runs again", async () => {
    const { sessionId, first } = await busySession({ busyMs: 2000, slots: 1 });

    host.addon.cancel(first.jobId, 0);
    const stopped = await first.settled;
    const again = host.submit(sessionId, { slot: 0, deadlineInUs: ms(10) });

    expect(stopped.outcome).toBe("cancelled/signal");
    expect(stopped.startedUs).toBeGreaterThan(0);
    expect((await again.settled).outcome).toBe("cancelled/deadline");
  });

  test("of a job that has settled or never was changes nothing", async () => {
    const { sessionId } = await host.openNull(0);
    const { jobId, outcome } = await host.run(sessionId);
    const before = host.settled.length;

    host.addon.cancel(jobId, 0);
    host.addon.cancel(123_456_789, 0);
    await host.run(sessionId);

    expect(outcome).toBe("done/ok");
    expect(host.settled.length).toBe(before + 1);
  });

  test("stops a real model between two of its nodes, long before its end", async () => {
    await host.loadOrt();
    const size = PATIENCE === 1 ? 384 : 128;
    const { sessionId } = await host.openModel(matmulChain({ nodes: 60, size }));
    const x = shared("float32", [size, size]);
    host.addon.bindSlot(sessionId, 0, [x], [shared("float32", [size, size])]);
    const whole = await host.run(sessionId);
    const wholeUs = whole.settledUs - whole.startedUs;

    const stopped = await host.run(sessionId, { deadlineInUs: Math.round(wholeUs / 4) });
    const after = await host.run(sessionId);

    expect(stopped.outcome).toBe("cancelled/deadline");
    expect(stopped.settledUs - stopped.startedUs).toBeLessThan(wholeUs * 0.9);
    expect([whole.outcome, after.outcome]).toEqual(["done/ok", "done/ok"]);
  });
});

describe("misuse", () => {
  test("of a slot whose job is in flight is refused, and the job is unharmed", async () => {
    const { sessionId, first } = await busySession({ busyMs: 20, slots: 1 });

    expect(() => host.submit(sessionId, { slot: 0 })).toThrowError(
      expect.objectContaining({ code: "INPUT_SLOT" }),
    );
    expect((await first.settled).outcome).toBe("done/ok");
  });

  test("of a closed session settles rejected", async () => {
    const { sessionId } = await host.openNull(0);
    await host.addon.closeSession(sessionId);

    expect((await host.run(sessionId)).outcome).toBe("rejected/closed");
    expect(() => host.addon.bindSlot(sessionId, 0, [], [])).toThrowError(
      expect.objectContaining({ code: "SESSION_CLOSED" }),
    );
    await expect(host.addon.closeSession(sessionId)).resolves.toBeUndefined();
  });

  test("a lane holds as many waiting jobs as its limit says and rejects the next", async () => {
    const sessions = await Promise.all(
      Array.from({ length: LIMITS.jobsPerLane / LIMITS.slotsPerSession + 1 }, () =>
        host.openNull(ms(50) * PATIENCE, { slots: LIMITS.slotsPerSession, laneIndex: 1 }),
      ),
    );
    const first = host.submit(sessions[0]!.sessionId, { slot: 0 });
    await until(() => host.addon.lanes().some((lane) => lane.laneIndex === 1 && lane.isRunning));
    const jobs = sessions.flatMap(({ sessionId }, index) =>
      Array.from({ length: LIMITS.slotsPerSession - (index === 0 ? 1 : 0) }, (_, slot) =>
        host.submit(sessionId, { slot: index === 0 ? slot + 1 : slot }),
      ),
    );
    const { queued } = host.addon.lanes().find((lane) => lane.laneIndex === 1)!;

    for (const { sessionId } of sessions) void host.addon.closeSession(sessionId);
    const outcomes = (await Promise.all([first, ...jobs].map((job) => job.settled))).map(
      (job) => job.outcome,
    );

    expect(queued).toBe(LIMITS.jobsPerLane);
    expect(outcomes.filter((outcome) => outcome === "rejected/no-slot").length).toBe(
      jobs.length - LIMITS.jobsPerLane,
    );
  });
});

describe("closing a session", () => {
  test("settles its running and waiting jobs first, then answers", async () => {
    const { sessionId, first } = await busySession({ busyMs: 3000, slots: 3 });
    const waiting = [1, 2].map((slot) => host.submit(sessionId, { slot }));
    const settledBeforeClose: Settled[] = [];
    for (const job of [first, ...waiting]) void job.settled.then((record) => settledBeforeClose.push(record));

    await host.addon.closeSession(sessionId);

    expect(settledBeforeClose.map((job) => job.outcome)).toEqual(Array(3).fill("cancelled/closing"));
  });
});

describe("a storm of submissions and cancels", () => {
  test("settles ten thousand jobs exactly once each, through a ring far smaller than that", async () => {
    const sessions = await Promise.all(
      (["critical", "interactive", "background"] as const).flatMap((criticality) =>
        [0, 50].map((busyUs) => host.openNull(busyUs, { criticality, slots: 64 })),
      ),
    );
    const free = sessions.flatMap(({ sessionId }) =>
      Array.from({ length: 64 }, (_, slot) => ({ sessionId, slot })),
    );
    const before = host.settled.length;
    const submitted: number[] = [];
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 48271) % 2147483647;
      return seed % below;
    };

    while (submitted.length < 10_000) {
      const place = free.pop();
      if (place === undefined) {
        await new Promise(setImmediate);
        continue;
      }
      const job = host.submit(place.sessionId, { slot: place.slot, deadlineInUs: random(ms(20)) });
      submitted.push(job.jobId);
      void job.settled.then(() => free.push(place));
      if (random(3) === 0) host.addon.cancel(submitted[random(submitted.length)]!, 0);
    }
    await until(() => host.settled.length - before === submitted.length);
    await Promise.all(sessions.map(({ sessionId }) => host.addon.closeSession(sessionId)));

    const ids = host.settled.slice(before).map((record) => record.jobId);
    expect(ids.toSorted((a, b) => a - b)).toEqual(submitted);
  });
});

describe("the event loop", () => {
  test("keeps turning while a model loads and runs", async () => {
    await host.loadOrt();
    const size = PATIENCE === 1 ? 512 : 128;
    let turns = 0;
    const counting = setInterval(() => {
      turns += 1;
    }, 1);

    const { sessionId } = await host.openModel(matmulChain({ nodes: 40, size }), {
      criticality: "background",
    });
    host.addon.bindSlot(sessionId, 0, [shared("float32", [size, size])], [shared("float32", [size, size])]);
    const turnsBefore = turns;
    const settled = await host.run(sessionId);
    clearInterval(counting);

    // A blocked loop would see no turn between submission and settlement, however long the run.
    expect(settled.settledUs - settled.startedUs).toBeGreaterThan(ms(5));
    expect(turns - turnsBefore).toBeGreaterThan(2);
  });
});

describe("runInline", () => {
  test("runs on the calling thread and leaves its times and message", async () => {
    const { sessionId } = await host.openNull(0, { null: { busyUs: 1000, failEvery: 2 } });
    const times = new Float64Array(3);

    const first = host.addon.runInline(sessionId, 0, 0, times);
    const ranUs = times[1]! - times[0]!;
    const second = host.addon.runInline(sessionId, 0, 0, times);

    expect(first).toBe(0);
    expect(ranUs).toBeGreaterThanOrEqual(1000);
    expect(second).toBe(14);
    expect(host.addon.takeMessage(-1)).toMatch(/fails every 2/);
    expect(host.addon.takeMessage(-1)).toBeUndefined();
  });
});

describe("lanes", () => {
  test("tell the class and scheduling each really has", async () => {
    await host.openNull(0, { criticality: "background" });

    const background = host.addon.lanes().find((lane) => lane.criticality === "background")!;

    expect(background.regime).toBe(host.addon.probeRegimes().background);
  });
});
