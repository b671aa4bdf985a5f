// The scheduler in a running program: real models and the real host beside sessions that pretend to be busy.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { NullOptions } from "../../runtime/bindings/addon.js";
import { loadNative } from "../../runtime/bindings/load.js";
import { SystemClock } from "../../runtime/bindings/system-clock.js";
import { freezeContract } from "../../runtime/core/contract.js";
import { planRung } from "../../runtime/core/rung.js";
import { createRuntime, type LadderStep, LIMITS, type Runtime } from "../../runtime/index.js";
import { NativeProvider } from "../../runtime/providers/ort/native-provider.js";
import { laneIdOf, RuntimeScheduler } from "../../runtime/runtime-scheduler.js";
import { scanNonFinite } from "../../runtime/sessions/input-check.js";
import { OpenedSession } from "../../runtime/sessions/opened-session.js";
import { EventHub } from "../../runtime/telemetry/event-hub.js";
import { UNPLANNED } from "../support/in-process-session.js";

const IMAGE = new Float32Array(3 * 320 * 320).fill(0.5);

let runtime: Runtime;
beforeEach(async () => {
  runtime = await createRuntime({ vetting: "off", lanesPerClass: 1 });
});
afterEach(() => runtime.close());

function told(kind: string): string[] {
  return runtime.events
    .read(0)
    .events.filter((event) => event.kind === kind)
    .map(({ session, detail }) => `${session}: ${detail}`);
}

async function until(isThere: () => boolean, withinMs: number): Promise<void> {
  const endUs = runtime.clock.nowUs() + withinMs * 1000;
  while (!isThere() && runtime.clock.nowUs() < endUs) await new Promise((resolve) => setTimeout(resolve, 20));
}

test("overload moves a real model down its ladder, and it climbs back when the overload is over", async () => {
  const road = await runtime.open("road-seg@fp32-320", {
    contract: { periodMs: 1000, late: "keep", criticality: "background" },
    ladder: ["road-seg@int8-320", { rate: 1 / 2 }],
  });
  const camera = await runtime.open("camera", {
    provider: "null",
    contract: { periodMs: 100, criticality: "critical", tolerate: { misses: 1, outOf: 10 } },
  });
  const before = await road.run({ image: IMAGE });

  // Frames that come in after their deadline: whatever the machine does, the camera is late.
  const endUs = runtime.clock.nowUs() + 8_000_000;
  while (road.rung.index === 0 && runtime.clock.nowUs() < endUs) {
    const capturedUs = runtime.clock.nowUs() - 110_000;
    (await camera.run({ input: new Float32Array(1) }, { capturedUs })).release();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }

  const { rung } = road;
  const after = await road.run({ image: IMAGE });
  expect(before).toMatchObject({ status: "done", rung: { index: 0, variant: "fp32-320" } });
  expect(rung).toMatchObject({ index: 1, kind: "variant", variant: "int8-320" });
  expect(after.rung).toEqual(rung);
  expect(road.stats()).toMatchObject({ variant: "int8-320", rung: { index: 1 } });
  expect(told("ladder.move")).toEqual([
    expect.stringMatching(/^road-seg: rung 0 .* to 1 \(int8-320\): late, session \d+: \d+ late/),
  ]);
  for (const outcome of [before, after]) outcome.release();
  await camera.close();
  await until(() => road.rung.index === 0, 15_000);
  expect(told("ladder.move").at(-1)).toMatch(/rung 1 .* to 0 .*: calm/);
});

test("a run that hangs costs its lane and not its session, and every job settles once", async () => {
  const { addon } = loadNative();
  const provider = new NativeProvider({
    name: "null",
    addon: addon!,
    ortLibraryPath: () => "",
    sharing: "shared",
  });
  const events = new EventHub();
  const clock = new SystemClock(() => provider.nowUs(), { holdsProcess: false });
  const admit = () => ({ isAdmitted: true, reasons: [] });
  const scheduler = new RuntimeScheduler({ clock, events, providers: [provider], admit });
  const open = (name: string, work: NullOptions): Promise<OpenedSession> => {
    const contract = freezeContract({ periodMs: 50, deadlineMs: work.busyUs ? 50 : 20_000 });
    const { criticality } = contract;
    const lane = { criticality, laneIndex: 7 };
    const request = { graph: null, ...lane, slots: 3, statedShapes: {}, isInline: false, null: work };
    const rung = planRung({ variant: "null", device: "cpu" });
    const profile = { p50Us: 0, wcetUs: 10_000, cpuUs: -1, energyMj: "unknown" } as const;
    return OpenedSession.open({
      ...{ name, model: "null", threads: 1, manifest: null, contract, plan: UNPLANNED, provider, events },
      graphs: [{ variant: "null", bytes: 0, request }],
      admit: async () =>
        scheduler.admit({
          contract,
          rungs: [{ rung, profile, laneId: laneIdOf(criticality, 7), memoryBytes: 0 }],
          isTemporal: false,
          isPromised: true,
        }),
      isInlineWhenShort: false,
      hasNonFinite: scanNonFinite,
      onClosed: () => {},
    });
  };
  // A null run that never looks whether it has to stop.
  const hanging = await open("hanging", { busyUs: 4_000_000, nodeUs: 4_000_000 });
  const healthy = await open("healthy", {});
  const details = (kind: string) =>
    events
      .read(0)
      .events.filter((event) => event.kind === kind)
      .map(({ session, detail }) => `${session}: ${detail}`);

  const hung = hanging.run({ input: new Float32Array(1) });
  const behind = healthy.run({ input: new Float32Array(1) });

  expect(await hung).toMatchObject({ status: "failed", reason: "lost" });
  expect(await behind).toMatchObject({ status: "done" });
  await until(() => details("session.reopen").length > 0, 2000);
  expect(details("lane.replace")).toEqual([": interactive lane 7 did not stop within its grace"]);
  expect(details("session.reopen")).toEqual(["hanging: opened anew after its provider lost a job"]);
  const slot = hanging.reserve();
  expect(slot).not.toBeNull();
  slot?.release();
  expect(details("job.settle")).toHaveLength(2);
  await Promise.all([hanging.close(), healthy.close()]);
  scheduler.close();
  expect(hanging.stats()).toMatchObject({ n: 1, outcomes: { failed: 1 } });
});

test("a frame that is not newer is dropped by a real session, and the next one runs", async () => {
  const road = await runtime.open("road-seg@int8-320");

  const outcomes = [];
  for (const frame of [3, 3, 4]) {
    const outcome = await road.run({ image: IMAGE }, { frame });
    outcomes.push(`${outcome.status} ${outcome.reason} ${outcome.isConsecutive}`);
    outcome.release();
  }

  expect(outcomes).toEqual(["done ok false", "dropped superseded false", "done ok true"]);
});

describe("a ladder that cannot be stood on", () => {
  const model = "road-seg@int8-320";
  const cases: readonly [string, string, readonly LadderStep[], object][] = [
    [
      "with an unknown variant",
      model,
      ["int4-320"],
      { code: "MODEL_VARIANT_UNKNOWN", received: "int4-320", expected: "int8-320, fp32-320" },
    ],
    ["with a rate of 0", model, [{ rate: 0 }], { code: "CONTRACT_INVALID", received: "rate 0" }],
    ["with a rate of 1", model, [{ rate: 1 }], { code: "CONTRACT_INVALID", received: "rate 1" }],
    ["with no rate", model, [{ rate: Number.NaN }], { code: "CONTRACT_INVALID", received: "rate NaN" }],
    [
      "that rises",
      model,
      [{ rate: 1 / 4 }, { rate: 1 / 2 }],
      { code: "CONTRACT_INVALID", received: "rate 0.5" },
    ],
    [
      "with a device that is not here",
      model,
      [{ device: "npu" }],
      { code: "CONTRACT_INVALID", received: "device npu" },
    ],
    [
      "that goes on after off",
      model,
      ["off", "fp32-320"],
      { code: "CONTRACT_INVALID", expected: "nothing after off" },
    ],
    ["of too many steps", model, new Array(8).fill("off"), { code: "CONTRACT_INVALID", received: "8 steps" }],
  ];

  test.each(cases)("%s is refused by name", async (_, name, ladder, error) => {
    await expect(runtime.open(name, { ladder })).rejects.toMatchObject(error);
    expect(runtime.stats().sessions).toEqual([]);
  });
});

test("there are so many sessions and no more, and a closed one makes room", async () => {
  const open = () => runtime.open("null", { provider: "null", slots: 1 });
  const sessions = [];
  for (let count = 0; count < LIMITS.sessionsPerRuntime; count += 1) sessions.push(await open());

  await expect(open()).rejects.toMatchObject({ code: "SESSION_LIMIT", expected: "at most 256 sessions" });
  await sessions[0]!.close();

  expect((await open()).name).toBe("null");
});
