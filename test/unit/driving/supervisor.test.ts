// Owns the promises of the supervisor and the drop ratio, as tables of frames and what is said of them.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DropRatio } from "../../../runtime/driving/drop-ratio.js";
import { Supervisor } from "../../../runtime/driving/supervisor.js";
import type { ImageFrame } from "../../../runtime/sources/frame.js";

const DEADLINE_US = 50_000;

/** A picture of noise around a level; the same seed gives the same picture. */
function frame(fields: Partial<ImageFrame> & { seed?: number; level?: number; noise?: number }): ImageFrame {
  const { seed = 1, level = 120, noise = 40, ...given } = fields;
  const { width = 40, height = 30 } = given;
  let state = seed * 2_654_435_761;
  const data = Uint8Array.from({ length: width * height * 3 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.min(255, Math.max(0, level + ((state >>> 16) % (noise + 1)) - noise / 2));
  });
  return { id: 0, source: "s", capturedUs: 0, width, height, data, stem: "s", ...given };
}

describe("the supervisor's findings", () => {
  const first = frame({ id: 5, capturedUs: 1_000_000, seed: 1 });
  const cases = [
    {
      name: "a good frame",
      next: frame({ id: 6, capturedUs: 1_050_000, seed: 2 }),
      ageUs: 0,
      flags: [],
      use: "run",
    },
    {
      name: "a frame after a gap",
      next: frame({ id: 9, capturedUs: 1_200_000, seed: 2 }),
      ageUs: 0,
      flags: [],
      use: "run",
    },
    {
      name: "the same picture again",
      next: { ...first, id: 6, capturedUs: 1_050_000 },
      ageUs: 0,
      flags: ["frozen"],
      use: "abstain",
    },
    { name: "a picture with live noise", next: noisy(first), ageUs: 0, flags: [], use: "run" },
    {
      name: "a covered lens",
      next: frame({ id: 6, capturedUs: 1_050_000, seed: 2, level: 6, noise: 6 }),
      ageUs: 0,
      flags: ["black"],
      use: "abstain",
    },
    { name: "a night with a lamp", next: withLamp(), ageUs: 0, flags: [], use: "run" },
    {
      name: "an id that repeats",
      next: frame({ id: 5, capturedUs: 1_050_000, seed: 2 }),
      ageUs: 0,
      flags: ["out-of-order"],
      use: "drop",
    },
    {
      name: "an id that goes back",
      next: frame({ id: 4, capturedUs: 1_050_000, seed: 2 }),
      ageUs: 0,
      flags: ["out-of-order"],
      use: "drop",
    },
    {
      name: "a time that repeats",
      next: frame({ id: 6, capturedUs: 1_000_000, seed: 2 }),
      ageUs: 0,
      flags: ["out-of-order"],
      use: "drop",
    },
    {
      name: "a frame exactly at its deadline",
      next: frame({ id: 6, capturedUs: 1_050_000, seed: 2 }),
      ageUs: DEADLINE_US,
      flags: [],
      use: "run",
    },
    {
      name: "a frame past its deadline",
      next: frame({ id: 6, capturedUs: 1_050_000, seed: 2 }),
      ageUs: DEADLINE_US + 1,
      flags: ["late"],
      use: "drop",
    },
    {
      name: "late and out of order",
      next: frame({ id: 4, capturedUs: 1_050_000, seed: 2 }),
      ageUs: 60_000,
      flags: ["late", "out-of-order"],
      use: "drop",
    },
    {
      name: "another size",
      next: frame({ id: 6, capturedUs: 1_050_000, seed: 2, width: 41 }),
      ageUs: 0,
      flags: ["size-changed"],
      use: "run",
    },
  ];
  for (const { name, next, ageUs, flags, use } of cases) {
    test(`${name}: ${flags.join(", ") || "nothing"}, so ${use}`, () => {
      const supervisor = new Supervisor({ deadlineUs: DEADLINE_US });
      supervisor.check(first, first.capturedUs);

      const verdict = supervisor.check(next, next.capturedUs + ageUs);

      expect(verdict).toEqual({ flags, use });
    });
  }

  test("a frame out of order does not move the order", () => {
    const supervisor = new Supervisor({ deadlineUs: DEADLINE_US });
    supervisor.check(frame({ id: 5, capturedUs: 100 }), 100);
    supervisor.check(frame({ id: 2, capturedUs: 200, seed: 2 }), 200);

    const verdict = supervisor.check(frame({ id: 3, capturedUs: 300, seed: 3 }), 300);

    expect(verdict.flags).toEqual(["out-of-order"]);
  });

  test("a picture of one pixel can be judged", () => {
    const supervisor = new Supervisor({ deadlineUs: DEADLINE_US });

    const verdict = supervisor.check(frame({ width: 1, height: 1, level: 0, noise: 0 }), 0);

    expect(verdict.flags).toEqual(["black"]);
  });
});

describe("the drop ratio", () => {
  const PERIOD_US = 50_000;

  test("stays at zero while every frame is run", () => {
    const drops = new DropRatio({ periodUs: PERIOD_US });

    for (let id = 0; id < 1000; id++) drops.ran(id);

    expect(drops.ratio).toBe(0);
  });

  test("forgives the first ten runs", () => {
    const drops = new DropRatio({ periodUs: PERIOD_US });

    for (let run = 0; run < 10; run++) drops.ran(run * 8);

    expect(drops.ratio).toBe(0);
  });

  test("settles at the share of frames that go by unseen", () => {
    const drops = new DropRatio({ periodUs: PERIOD_US });

    for (let run = 0; run < 4000; run++) drops.ran(run * 2);

    expect(drops.ratio).toBeCloseTo(0.5, 3);
    expect(drops.isLagging).toBe(true);
  });

  test("says lagging only once more than a fifth is lost", () => {
    const sixth = new DropRatio({ periodUs: PERIOD_US });
    const third = new DropRatio({ periodUs: PERIOD_US });

    // Of every six frames one is lost; of every three one.
    for (let id = 0, k = 0; k < 4000; k++, id += k % 5 === 0 ? 2 : 1) sixth.ran(id);
    for (let id = 0, k = 0; k < 4000; k++, id += k % 2 === 0 ? 2 : 1) third.ran(id);

    expect([sixth.isLagging, third.isLagging]).toEqual([false, true]);
  });

  test("lies between zero and ten elevenths whatever the ids", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 1_000_000 }), { maxLength: 200 }), (steps) => {
        const drops = new DropRatio({ periodUs: PERIOD_US });

        let id = 0;
        for (const step of steps) {
          id += step;
          drops.ran(id);
        }

        expect(drops.ratio).toBeGreaterThanOrEqual(0);
        expect(drops.ratio).toBeLessThanOrEqual(10 / 11);
      }),
    );
  });
});

function noisy(from: ImageFrame): ImageFrame {
  return { ...from, id: 6, capturedUs: 1_050_000, data: from.data.map((value, i) => value + (i % 3) - 1) };
}

function withLamp(): ImageFrame {
  const night = frame({ id: 6, capturedUs: 1_050_000, seed: 2, level: 4, noise: 4 });
  night.data.fill(250, 0, night.data.length / 12);
  return night;
}
