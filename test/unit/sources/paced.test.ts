// Owns the promises of paced and looped sources, in virtual time.

import { describe, expect, test } from "vitest";
import { looped } from "../../../runtime/sources/frame-loop.js";
import { type PacedOptions, paced } from "../../../runtime/sources/paced.js";
import { VirtualClock } from "../../support/virtual-clock.js";

interface Item {
  readonly id: number;
  readonly capturedUs: number;
}

const PERIOD_US = 50_000;

/** `count` items; reading each takes `readUs` of virtual time. */
function items(clock: VirtualClock, shape: { count: number; readUs?: number }) {
  const state = { read: 0, opened: 0, closed: 0 };
  const source: AsyncIterable<Item> = {
    async *[Symbol.asyncIterator]() {
      state.opened++;
      try {
        for (let id = 0; id < shape.count; id++) {
          const readUs = shape.readUs ?? 0;
          if (readUs > 0)
            await new Promise<void>((resolve) => clock.setAlarm(clock.nowUs() + readUs, resolve));
          state.read++;
          yield { id, capturedUs: clock.nowUs() };
        }
      } finally {
        state.closed++;
      }
    },
  };
  return { source, state };
}

/** Takes every item as soon as it comes and notes when that was. */
function take(
  clock: VirtualClock,
  options: { count: number; readUs?: number } & Partial<PacedOptions<Item>>,
) {
  const { source, state } = items(clock, options);
  const camera = paced(source, { clock, periodUs: PERIOD_US, ...options });
  const seen: { id: number; capturedUs: number; atUs: number }[] = [];
  const done = (async () => {
    for await (const { id, capturedUs } of camera) seen.push({ id, capturedUs, atUs: clock.nowUs() });
  })();
  return { camera, seen, state, done };
}

describe("a paced source", () => {
  test("delivers item k at its own instant, captured at that instant", async () => {
    const clock = new VirtualClock();
    const { seen, camera, done } = take(clock, { count: 3 });

    await clock.advanceTo(1_000_000);
    await done;

    expect(seen).toEqual([
      { id: 0, capturedUs: 0, atUs: 0 },
      { id: 1, capturedUs: 50_000, atUs: 50_000 },
      { id: 2, capturedUs: 100_000, atUs: 100_000 },
    ]);
    expect([camera.skipped, camera.starved]).toEqual([0, 0]);
  });

  test("does not count reading as latency while reading is quicker than the period", async () => {
    const clock = new VirtualClock();
    const { seen, camera, done } = take(clock, { count: 4, readUs: 30_000 });

    await clock.advanceTo(1_000_000);
    await done;

    expect(seen.map(({ capturedUs, atUs }) => atUs - capturedUs)).toEqual([0, 0, 0, 0]);
    expect(seen[0]?.atUs).toBe(30_000);
    expect(camera.starved).toBe(0);
  });

  test("leaves instants empty, and counts them, when reading is slower than the period", async () => {
    const clock = new VirtualClock();
    const { seen, camera, done } = take(clock, { count: 3, readUs: 80_000 });

    await clock.advanceTo(1_000_000);
    await done;

    expect(seen.map(({ id }) => id)).toEqual([0, 1, 2]);
    expect(seen.map(({ capturedUs, atUs }) => atUs - capturedUs)).toEqual([0, 0, 0]);
    expect(seen.map(({ capturedUs }) => capturedUs)).toEqual([80_000, 180_000, 280_000]);
    expect(camera.starved).toBe(2);
  });

  test("reads at most one item ahead", async () => {
    const clock = new VirtualClock();
    const { state, seen } = take(clock, { count: 100 });

    await clock.advanceTo(49_999);

    expect([seen.length, state.read]).toEqual([1, 2]);
  });

  test("overwrites what a late consumer did not take, never bursts, and counts it", async () => {
    const clock = new VirtualClock();
    const { source } = items(clock, { count: 10 });
    const camera = paced(source, { clock, periodUs: PERIOD_US });
    const frames = camera[Symbol.asyncIterator]();
    const first = await Promise.all([frames.next(), clock.advanceTo(0)]);

    await clock.advanceTo(210_000);
    const second = await frames.next();
    const third = frames.next();
    await clock.advanceTo(250_000);

    expect(first[0].value.id).toBe(0);
    expect(second.value).toMatchObject({ id: 4, capturedUs: 200_000 });
    expect((await third).value).toMatchObject({ id: 5, capturedUs: 250_000 });
    expect(camera.skipped).toBe(3);
  });

  test("keeps what a late consumer did not take when it stands for a microphone", async () => {
    const clock = new VirtualClock();
    const { source } = items(clock, { count: 10 });
    const camera = paced(source, { clock, periodUs: PERIOD_US, untaken: "keep" });
    const chunks = camera[Symbol.asyncIterator]();
    await Promise.all([chunks.next(), clock.advanceTo(0)]);

    await clock.advanceTo(210_000);
    const late = [await chunks.next(), await chunks.next(), await chunks.next(), await chunks.next()];

    expect(late.map(({ value }) => [value.id, value.capturedUs])).toEqual([
      [1, 50_000],
      [2, 100_000],
      [3, 150_000],
      [4, 200_000],
    ]);
    expect(camera.skipped).toBe(0);
  });

  test("skips to the present after the event loop stood still", async () => {
    const clock = new StallingClock();
    const { seen, camera, done } = take(clock, { count: 8 });
    await clock.advanceTo(60_000);

    // The alarm for 100 ms rings only at 230 ms.
    clock.stallUntil(230_000);
    await clock.advanceTo(1_000_000);
    await done;

    expect(seen.map(({ id }) => id)).toEqual([0, 1, 4, 5, 6, 7]);
    expect(seen[2]).toEqual({ id: 4, capturedUs: 200_000, atUs: 230_000 });
    expect(seen[3]).toEqual({ id: 5, capturedUs: 250_000, atUs: 250_000 });
    expect(camera.skipped).toBe(2);
  });

  test("closes its source when the consumer leaves early", async () => {
    const clock = new VirtualClock();
    const { source, state } = items(clock, { count: 10 });
    const leave = (async () => {
      for await (const { id } of paced(source, { clock, periodUs: PERIOD_US })) if (id === 1) break;
    })();

    await clock.advanceTo(60_000);
    await leave;

    expect(state.closed).toBe(1);
  });

  test("delivers everything before the error that ended its source", async () => {
    const clock = new VirtualClock();
    const failing = async function* () {
      yield { id: 0, capturedUs: 0 };
      throw new Error("cable pulled");
    };
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { id } of paced(failing(), { clock, periodUs: PERIOD_US })) seen.push(id);
    })();

    await Promise.all([expect(reading).rejects.toThrow("cable pulled"), clock.advanceTo(1_000_000)]);

    expect(seen).toEqual([0]);
  });

  test("goes round with ids that go on rising", async () => {
    const clock = new VirtualClock();
    const { seen, camera } = take(clock, { count: 3, loop: true });

    await clock.advanceTo(349_999);

    expect(seen.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(camera.starved).toBe(0);
  });
});

describe("a looped source", () => {
  const clock = new VirtualClock();

  test("remembers a short lap instead of reading it again", async () => {
    const { source, state } = items(clock, { count: 2 });

    await firstOf(looped(source), 7);

    expect(state.opened).toBe(1);
  });

  test("reads a lap beyond the memory bound again", async () => {
    const { source, state } = items(clock, { count: 2 });
    const heavy = {
      async *[Symbol.asyncIterator]() {
        for await (const item of source) yield { ...item, data: new Uint8Array(100) };
      },
    };

    const seen = await firstOf(looped(heavy, { cacheBytes: 150 }), 6);

    expect(state.opened).toBe(3);
    expect(seen.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("ends when a lap gives nothing", async () => {
    const pipe = (async function* () {
      yield { data: new Uint8Array(1) };
    })();

    const seen = await firstOf(looped(pipe, { cacheBytes: 0 }), 10);

    expect(seen).toHaveLength(1);
  });
});

async function firstOf<T>(source: AsyncIterable<T>, count: number): Promise<T[]> {
  const seen: T[] = [];
  for await (const item of source) {
    seen.push(item);
    if (seen.length === count) break;
  }
  return seen;
}

/** A clock whose alarms can all be held up, as a busy event loop holds them. */
class StallingClock extends VirtualClock {
  #stalledUntilUs = 0;

  stallUntil(untilUs: number): void {
    this.#stalledUntilUs = untilUs;
  }

  override setAlarm(atUs: number, ring: () => void) {
    return super.setAlarm(atUs, () => {
      if (this.nowUs() < this.#stalledUntilUs) super.setAlarm(this.#stalledUntilUs, ring);
      else ring();
    });
  }
}
