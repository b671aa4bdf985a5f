// Owns the promise of a session in a browser: bad input throws, everything else is an outcome, one run at a time.

import { expect, test } from "vitest";
import type { BrowserGraph } from "../../../runtime/browser/browser-graph.js";
import { BrowserSession } from "../../../runtime/browser/browser-session.js";
import { type Contract, DEFAULT_CONTRACT, freezeContract } from "../../../runtime/core/contract.js";
import type { Tensor } from "../../../runtime/core/tensor.js";

interface Stage {
  nowUs: number;
  running: number;
  mostRunning: number;
  closed: number;
  answer: (input: Float32Array, stage: Stage) => Float32Array;
}

/** A graph of two floats that takes a turn of the loop, on a clock that stands still. */
function opened(answer: Stage["answer"] = (input) => input.map((value) => 2 * value), contract?: Contract) {
  const stage: Stage = { nowUs: 0, running: 0, mostRunning: 0, closed: 0, answer };
  const graph: BrowserGraph = {
    provider: "program",
    device: "wasm",
    detail: "a graph of the test",
    inputs: [{ name: "x", dtype: "float32", shape: [2] }],
    outputs: [{ name: "y", dtype: "float32", shape: [2] }],
    run: async (inputs) => {
      stage.running += 1;
      stage.mostRunning = Math.max(stage.mostRunning, stage.running);
      await Promise.resolve();
      const y: Tensor = { data: stage.answer(inputs.x!.data as Float32Array, stage), shape: [2] };
      stage.running -= 1;
      return { y };
    },
    close: async () => {
      stage.closed += 1;
    },
  };
  const clock = { nowUs: () => stage.nowUs, setAlarm: () => ({ cancel: () => {} }) };
  const session = new BrowserSession(graph, {
    name: "two",
    model: "two",
    variant: "bytes",
    manifest: null,
    contract: freezeContract(contract ?? DEFAULT_CONTRACT),
    clock,
  });
  return { session, stage };
}

const PAIR = Float32Array.of(1, 2);

test("a run answers its outputs in memory that stays until it is released", async () => {
  const { session } = opened();

  const first = await session.run({ x: PAIR });
  const second = await session.run({ x: Float32Array.of(3, 4) });

  expect([first.status, first.reason]).toEqual(["done", "ok"]);
  expect([...(first.outputs.y!.data as Float32Array)]).toEqual([2, 4]);
  expect([...(second.outputs.y!.data as Float32Array)]).toEqual([6, 8]);
});

test("without a free slot a job is rejected, and a released one makes room", async () => {
  const { session } = opened();
  const held = [await session.run({ x: PAIR }), await session.run({ x: PAIR })];

  const refused = await session.run({ x: PAIR });
  held[0]!.release();
  held[0]!.release();
  const after = await session.run({ x: PAIR });
  const again = await session.run({ x: PAIR });

  expect([refused.status, refused.reason]).toEqual(["rejected", "no-slot"]);
  expect(after.status).toBe("done");
  expect(again.status).toBe("rejected");
  expect(session.stats()).toMatchObject({ n: 5, outcomes: { done: 3, rejected: 2 }, kept: false });
});

test("two jobs at once run one after the other", async () => {
  const { session, stage } = opened();

  const outcomes = await Promise.all([session.run({ x: PAIR }), session.run({ x: PAIR })]);

  expect(outcomes.map(({ status }) => status)).toEqual(["done", "done"]);
  expect(stage.mostRunning).toBe(1);
});

test.each([
  ["an unknown name", { z: PAIR }, "INPUT_UNKNOWN"],
  ["a missing input", {}, "INPUT_MISSING"],
  ["another type", { x: Int32Array.of(1, 2) }, "INPUT_DTYPE"],
  ["another size", { x: Float32Array.of(1) }, "INPUT_SHAPE"],
  ["a NaN", { x: Float32Array.of(1, Number.NaN) }, "INPUT_NON_FINITE"],
] as const)("%s is refused, and takes no slot", async (_, inputs, code) => {
  const { session } = opened();

  for (let time = 0; time < 3; time++)
    await expect(session.run(inputs as never)).rejects.toMatchObject({ code });

  expect((await session.run({ x: PAIR })).status).toBe("done");
});

test("a late result is delivered late, or called unstoppable where the contract wanted it stopped", async () => {
  const late: Stage["answer"] = (input, stage) => {
    stage.nowUs += 50_000;
    return input;
  };
  const keeping = opened(late, { periodMs: 20, late: "keep" });
  const stopping = opened(late, { periodMs: 20 });

  const kept = await keeping.session.run({ x: PAIR });
  const unstoppable = await stopping.session.run({ x: PAIR });
  const stale = await stopping.session.run({ x: PAIR }, { capturedUs: 0 });

  expect([kept.status, kept.reason, kept.latencyUs]).toEqual(["late", "kept", 50_000]);
  expect([unstoppable.status, unstoppable.reason]).toEqual(["late", "unstoppable"]);
  expect([stale.status, stale.reason]).toEqual(["dropped", "stale"]);
});

test("what the graph throws and what it computes wrongly are outcomes, and give the slot back", async () => {
  const throwing = opened(() => {
    throw new Error("device lost");
  });
  const wrong = opened(() => Float32Array.of(Number.NaN, 0));

  for (let time = 0; time < 3; time++) {
    const failed = await throwing.session.run({ x: PAIR });
    expect([failed.status, failed.reason, failed.message]).toEqual(["failed", "provider", "device lost"]);
    const nonFinite = await wrong.session.run({ x: PAIR });
    expect([nonFinite.status, nonFinite.reason]).toEqual(["failed", "non-finite"]);
  }
});

test("an older frame is superseded, and a gap shows", async () => {
  const { session } = opened();
  const runs = [];
  for (const frame of [0, 1, 1, 3]) {
    const outcome = await session.run({ x: PAIR }, { frame });
    runs.push([outcome.status, outcome.isConsecutive]);
    outcome.release();
  }

  expect(runs).toEqual([
    ["done", true],
    ["done", true],
    ["dropped", false],
    ["done", false],
  ]);
});

test("a reserved slot is written in place, checked, and given back", async () => {
  const { session } = opened();
  const slot = session.reserve()!;
  (slot.inputs.x as Float32Array).set([5, 6]);

  const outcome = await slot.run();
  const bad = session.reserve()!;
  (bad.inputs.x as Float32Array)[0] = Number.POSITIVE_INFINITY;

  expect([...(outcome.outputs.y!.data as Float32Array)]).toEqual([10, 12]);
  await expect(bad.run()).rejects.toMatchObject({ code: "INPUT_NON_FINITE" });
  bad.release();
  expect(session.reserve()).not.toBeNull();
});

test("a slot that has been run cannot be run again", async () => {
  const { session } = opened();
  const slot = session.reserve()!;
  await slot.run();

  await expect(slot.run()).rejects.toMatchObject({ code: "INPUT_SLOT" });
});

test("a signal that has fired cancels, and a closed session rejects", async () => {
  const { session, stage } = opened();

  const cancelled = await session.run({ x: PAIR }, { signal: AbortSignal.abort() });
  await session.close();
  await session.close();
  const closed = await session.run({ x: PAIR });

  expect([cancelled.status, cancelled.reason]).toEqual(["cancelled", "signal"]);
  expect([closed.status, closed.reason]).toEqual(["rejected", "closed"]);
  expect(session.reserve()).toBeNull();
  expect(stage.closed).toBe(1);
});
