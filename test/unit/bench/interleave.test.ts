// Owns the proof that arms take turns and that every arm gets as many blocks as every other.

import { expect, test } from "vitest";
import { interleave } from "../../../bench/harness/interleave.js";

test("each round begins with the next arm and blocks never overlap", async () => {
  const order: string[] = [];
  let running = 0;

  await interleave({
    arms: ["a", "b", "c"],
    rounds: 3,
    restMs: 0,
    block: async (arm) => {
      running += 1;
      await Promise.resolve();
      order.push(`${arm}${running}`);
      running -= 1;
    },
  });

  expect(order).toEqual(["a1", "b1", "c1", "b1", "c1", "a1", "c1", "a1", "b1"]);
});
