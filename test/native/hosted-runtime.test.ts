// The hosted runtime: the same promises as any runtime, from another thread, whatever the program's own thread does.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { createRuntime, type HostedRuntime, startLiveRun, type WorkUnderWay } from "../../runtime/index.js";
import { PATIENCE } from "./native-host.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const ROAD = join(ROOT, "models/road-seg/road-seg-int8.onnx");
const WORK = new URL("./hosting/count-work.mjs", import.meta.url);
const NULL = {
  provider: "null",
  contract: { periodMs: 10, deadlineMs: 60_000 },
  admit: "best-effort",
} as const;

let runtime: HostedRuntime;
const start = async (options: Parameters<typeof createRuntime>[0] = {}): Promise<HostedRuntime> => {
  runtime = await createRuntime({ vetting: "off", ...options, hosted: true });
  return runtime;
};

/** The counting work, once it has begun. */
async function countingOn(hosted: HostedRuntime) {
  const counts = new Int32Array(new SharedArrayBuffer(4));
  const { work } = await new Promise<{ work: WorkUnderWay }>((resolve) => {
    const started = hosted.host(WORK, {
      data: { counts, endsAfter: 1e6 },
      onMessage: () => resolve({ work: started }),
    });
  });
  return { work, counts };
}

beforeAll(() => {
  const thread = join(ROOT, "dist/runtime/hosting/host-thread.js");
  if (!existsSync(thread)) execFileSync("npm", ["run", "build:ts"], { cwd: ROOT, stdio: "inherit" });
});
afterEach(() => runtime?.close());

describe("sessions of a hosted runtime", () => {
  test("give what a runtime on this thread gives, by inputs and by a reserved slot", async () => {
    await using here = await createRuntime({ vetting: "off" });
    const image = Float32Array.from({ length: 3 * 320 * 320 }, (_, index) => (index % 255) / 255);
    const expected = (await (await here.open(ROAD)).run({ image })).outputs;
    const session = await (await start()).open(ROAD);

    const outcome = await session.run({ image });
    const slot = session.reserve()!;
    (slot.inputs.image as Float32Array).set(image);
    const reserved = await slot.run();

    expect(outcome.status).toBe("done");
    expect(outcome.outputs.drivable!.data).toEqual(expected.drivable!.data);
    expect(reserved.outputs.lanes!.data).toEqual(expected.lanes!.data);
    expect(session.inputs).toMatchObject([{ name: "image", shape: [1, 3, 320, 320] }]);
    // A caller may write its own array again at once: what ran was what it held then.
    const again = session.run({ image });
    image.fill(0);
    expect((await again).outputs.drivable!.data).toEqual(expected.drivable!.data);
  });

  test("refuse bad input and bad options with the codes of any runtime", async () => {
    const hosted = await start();
    const session = await hosted.open(new Uint8Array(readFileSync(ROAD)));

    await expect(session.run({})).rejects.toMatchObject({ code: "INPUT_MISSING", what: expect.any(String) });
    await expect(session.run({ image: new Float32Array(2) })).rejects.toMatchObject({ code: "INPUT_SHAPE" });
    await expect(session.run({ image: (() => 1) as never })).rejects.toMatchObject({ code: "INPUT_DTYPE" });
    await expect(hosted.open("/nowhere.onnx")).rejects.toMatchObject({ code: "MODEL_FILE_MISSING" });
    await expect(hosted.open(ROAD, { inline: true })).rejects.toMatchObject({ code: "PROVIDER_OPTION" });
    expect(() => session.runSync({})).toThrow(expect.objectContaining({ code: "SESSION_NOT_INLINE" }));
    const refused = createRuntime({ hosted: true, power: { packageWatts: -1 } });
    await expect(refused).rejects.toMatchObject({ code: "BUDGET_INVALID" });
  });

  test("settle as promised: no slot, a signal, closed; and count and tell of it", async () => {
    const hosted = await start();
    const session = await hosted.open("null", { ...NULL, slots: 1, null: { busyUs: 2_000_000 * PATIENCE } });
    const told: string[] = [];
    hosted.events.subscribe(({ status, reason }) => status !== "" && told.push(`${status}/${reason}`));
    const input = new Float32Array(1);
    const stop = new AbortController();

    const running = session.run({ input }, { signal: stop.signal });
    const crowded = await session.run({ input });
    stop.abort();
    const stopped = await running;
    await session.close();
    const late = await session.run({ input });

    expect([crowded.status, crowded.reason]).toEqual(["rejected", "no-slot"]);
    expect([stopped.status, stopped.reason]).toEqual(["cancelled", "signal"]);
    expect([late.status, late.reason]).toEqual(["rejected", "closed"]);
    expect(session.reserve()).toBeNull();
    expect(told).toEqual(expect.arrayContaining(["rejected/no-slot", "cancelled/signal"]));
    expect(session.stats()).toMatchObject({ outcomes: { cancelled: 1 } });
  });

  test("hold as many reserved slots as they have, and take each back once", async () => {
    const session = await (await start()).open("null", { ...NULL, slots: 2 });

    const slots = [session.reserve()!, session.reserve()!];
    expect(session.reserve()).toBeNull();
    slots[0]!.release();
    slots[0]!.release();
    const outcome = await slots[1]!.run();
    await expect(slots[1]!.run()).rejects.toMatchObject({ code: "INPUT_SLOT" });
    expect([session.reserve(), session.reserve()].map((slot) => slot === null)).toEqual([false, true]);
    outcome.release();
    outcome.release();

    expect(session.reserve()).not.toBeNull();
    expect(session.reserve()).toBeNull();
  });
});

describe("the host thread", () => {
  test("goes on while the program's thread stands still", async () => {
    const hosted = await start();
    const { work, counts } = await countingOn(hosted);

    const before = Atomics.load(counts, 0);
    const until = performance.now() + 400 * PATIENCE;
    while (performance.now() < until);
    const meanwhile = Atomics.load(counts, 0) - before;
    work.stop();

    expect(meanwhile).toBeGreaterThan(5);
    expect(await work.finished).toBe("stopped");
  });

  test("tells what a work answers, and what it throws", async () => {
    const hosted = await start();
    const counts = new Int32Array(new SharedArrayBuffer(4));

    const ended = await hosted.host(WORK, { data: { counts, endsAfter: 3 } }).finished;
    const thrown = hosted.host(WORK, { data: { counts, endsAfter: 3, fails: "throw" } }).finished;

    expect([ended, counts[0]]).toEqual(["ended", 3]);
    await expect(thrown).rejects.toThrow("the work's own error");
    await expect(hosted.host(new URL("file:///nowhere.mjs")).finished).rejects.toThrow(/nowhere/);
  });

  test("that ends leaves no question open and no process hanging", async () => {
    const hosted = await start();
    const session = await hosted.open("null", { ...NULL, null: { busyUs: 500_000 * PATIENCE } });
    const counts = new Int32Array(new SharedArrayBuffer(4));

    const running = session.run({ input: new Float32Array(1) });
    const work = hosted.host(WORK, { data: { counts, endsAfter: 1, fails: "exit" } });

    await expect(work.finished).rejects.toMatchObject({ code: "PROVIDER_LOST" });
    expect(await running).toMatchObject({ status: "failed", reason: "lost" });
    await expect(hosted.open(ROAD)).rejects.toMatchObject({ code: "PROVIDER_LOST" });
    await hosted.close();
    await expect(hosted.open(ROAD)).rejects.toMatchObject({ code: "PROVIDER_LOST" });
  });

  test("closes once, with its sessions", async () => {
    const hosted = await start();
    const session = await hosted.open("null", NULL);
    const { work } = await countingOn(hosted);

    await Promise.all([hosted.close(), hosted.close()]);

    expect(await work.finished).toBe("stopped");
    expect(await session.run({ input: new Float32Array(1) })).toMatchObject({ reason: "closed" });
    await expect(hosted.open(ROAD)).rejects.toMatchObject({ code: "RUNTIME_CLOSED" });
  });

  test("runs the main job, and reports it", async () => {
    const run = await startLiveRun({ runtime: await start(), seconds: PATIENCE });

    const midway = run.report();
    const { contracts, seconds } = await run.finished;

    expect(midway.contracts.map(({ session }) => session)).toEqual(["voice", "driving"]);
    expect(contracts.every(({ n }) => n > 0)).toBe(true);
    expect(seconds).toBeGreaterThan(0.9 * PATIENCE);
  });
});
