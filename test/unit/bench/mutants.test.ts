// The trial of mutated models: which results are clean, what a dead host comes to, and that a seed makes the same mutants.

import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { startArm } from "../../../bench/harness/child.js";
import { matmulChain } from "../../../bench/harness/onnx-model.js";
import { type Died, MutantArm } from "../../../bench/mutants/arm.js";
import { type Campaign, type Pair, runCampaign } from "../../../bench/mutants/campaign.js";
import { judge } from "../../../bench/mutants/judgement.js";
import { makeMutant } from "../../../bench/mutants/mutant.js";
import type { Trial, TrialResult } from "../../../bench/mutants/protocol.js";
import { structureOf } from "../../../bench/mutants/structure.js";
import { lineOf, summaryOf } from "../../../bench/mutants/summary.js";

const SOURCES = [{ name: "chain", bytes: matmulChain({ nodes: 6, size: 8, matrices: 3 }) }];
const SEED = 7;

describe("a result", () => {
  const outputs = (...values: number[]): TrialResult => ({
    kind: "done",
    outputs: { y: { data: Float32Array.from(values), shape: [values.length] } },
  });
  const refused = (code: string | null, message = ""): TrialResult => ({ kind: "refused", code, message });

  test.each([
    ["a refusal with a code", refused("MODEL_LOAD_FAILED"), null, true],
    ["a crash by signal", refused("MODEL_CRASHED", "SIGSEGV while opening"), null, true],
    ["a crash on Windows", refused("MODEL_CRASHED", "exception 0xc0000005 while opening"), null, true],
    ["a crash that names no signal", refused("MODEL_CRASHED", "it ended"), null, false],
    ["an error without a code", refused(null, "oh"), null, false],
    ["an error of ours that a model cannot cause", refused("RUNTIME_CLOSED"), null, false],
    ["the reference's outputs", outputs(1, 2), outputs(1, 2.001), true],
    ["other outputs", outputs(1, 2), outputs(1, 2.1), false],
    ["a number where the reference has none", outputs(1, 2), outputs(1, Number.NaN), false],
    ["infinity in both", outputs(1, Number.POSITIVE_INFINITY), outputs(1, Number.POSITIVE_INFINITY), true],
    ["fewer elements", outputs(1), outputs(1, 2), false],
    ["outputs of a model that killed the reference", outputs(1), null, false],
    ["outputs of a model that the reference refuses", outputs(1), refused(null), false],
  ])("that is %s is judged", (_, result, reference, isGood) => {
    expect(judge(result, reference).good).toBe(isGood);
  });

  test("without one of the reference's outputs is another result", () => {
    const reference: TrialResult = { kind: "done", outputs: { y: { data: [], shape: [0] } } };

    expect(judge({ kind: "done", outputs: {} }, reference)).toMatchObject({
      good: false,
      detail: "y: missing",
    });
  });
});

describe("a seed", () => {
  test("makes the same mutants again, most of them with another structure", () => {
    const make = (index: number) => makeMutant(SOURCES, { seed: SEED, index });
    const mutants = Array.from({ length: 40 }, (_, index) => make(index));

    const structural = mutants.filter(({ isStructural }) => isStructural);

    expect(mutants.map(({ index }) => make(index).bytes)).toEqual(mutants.map(({ bytes }) => bytes));
    expect(structural.length).toBeGreaterThanOrEqual(24);
    for (const { bytes } of structural) expect(structureOf(bytes)).not.toBe(structureOf(SOURCES[0]!.bytes));
  });
});

describe("a campaign", () => {
  class FalseTester {
    deaths = 0;
    readonly trials: Trial[] = [];
    constructor(private readonly answer: (trial: Trial) => TrialResult | Died) {}

    async try(trial: Trial): Promise<TrialResult | Died> {
      this.trials.push(trial);
      const result = this.answer(trial);
      if (result.kind === "died") this.deaths += 1;
      return result;
    }

    async close(): Promise<void> {}
  }

  const refuse = (): TrialResult => ({ kind: "refused", code: "MODEL_INVALID", message: "" });
  const done = (value: number): TrialResult => ({
    kind: "done",
    outputs: { y: { data: [String(value)], shape: [1] } },
  });
  const died: Died = { kind: "died", message: "SIGSEGV" };

  function play(
    host: (trial: Trial) => TrialResult | Died,
    given: Partial<Campaign> & { readonly reference?: (trial: Trial) => TrialResult | Died } = {},
  ) {
    const forgotten: number[] = [];
    const testers = { host: new FalseTester(host), reference: new FalseTester(given.reference ?? refuse) };
    const pair: Pair = { ...testers, forget: async () => void forgotten.push(testers.host.trials.length) };
    const campaign: Campaign = {
      ...{ sources: SOURCES, seed: SEED, from: 0, n: 20, crash: Uint8Array.of(1), crashOpens: 3 },
      ...{ pairs: [pair], write: () => {}, say: () => {}, ...given },
    };
    return { summary: runCampaign(campaign), forgotten, ...testers };
  }

  test("in which every mutant is refused in good order is shown", async () => {
    const { summary, forgotten } = play(refuse);

    expect(await summary).toMatchObject({ good: 20, hostDeaths: 0, misses: [] });
    expect(lineOf(await summary)).toMatch(/host alive in 23 of 23.*known crash 3 opens.*SHOWN$/);
    expect(forgotten).toEqual([20, 21, 22]);
  });

  test("in which one mutant kills the host is missed, and goes on", async () => {
    const { summary, host } = play(({ inputSeed }) => (inputSeed === SEED + 4 ? died : refuse()));

    const { misses, good } = await summary;

    expect(good).toBe(19);
    expect(misses).toEqual(["the host died 1 times", expect.stringContaining("1 results are neither")]);
    expect(lineOf(await summary)).toMatch(/host alive in 22 of 23.*MISSED/);
    expect(host.trials).toHaveLength(23);
  });

  test("whose host dies between two trials is missed too", async () => {
    const { summary, host } = play(refuse);
    host.deaths += 1;

    expect((await summary).misses).toEqual(["the host died 1 times"]);
  });

  test("in which the known crash kills the host, or is not there, is missed", async () => {
    const killed = play(({ shapes }) => ("state" in shapes ? died : refuse()));
    const absent = play(refuse, { crash: null });

    expect((await killed.summary).misses).toContain("the host died 3 times");
    expect((await absent.summary).misses).toEqual(["the known crash was opened 0 of 3 times"]);
  });

  test("asks the reference without its optimiser where that kills it", async () => {
    const reference = (trial: Trial) => (trial.isUnoptimized === true ? done(1) : died);
    const equal = play(() => done(1), { reference });
    const other = play(() => done(2), { reference });

    expect(await equal.summary).toMatchObject({ good: 20, referenceDeaths: 23, misses: [] });
    expect(await other.summary).toMatchObject({ good: 0 });
  });

  test("whose mutants change too few graphs is missed", () => {
    const verdict = { good: true, what: "equal", detail: "" } as const;
    const tried = [true, false].map((isStructural) => ({ mutations: [], isStructural, verdict }));
    const none = { crashOpens: 0, crash: { opens: 0, verdicts: [] }, hostDeaths: 0, referenceDeaths: 0 };

    const { misses } = summaryOf({ seed: SEED, n: 2, tried, ...none, seconds: 1 });

    expect(misses).toEqual(["1 of 2 mutants changed the graph, at least 60 % must"]);
  });
});

describe("a process that mutants are tried in", () => {
  const arm = () => new MutantArm(() => startArm("../test/support/dying-arm.mjs"));
  const trial = (inputSeed: number): Trial => ({ bytes: Uint8Array.of(1), inputSeed, shapes: {} });

  test("that dies of one is counted, and another takes its place", async () => {
    const host = arm();

    const killed = await host.try(trial(1));
    const after = await host.try(trial(0));

    expect(killed).toMatchObject({ kind: "died", message: expect.stringContaining("SIGSEGV") });
    expect(after).toMatchObject({ kind: "settled" });
    expect(host.deaths).toBe(1);
    await host.close();
    expect(host.deaths).toBe(1);
  });

  test("that dies after its answer is counted, whether or not another trial follows", async () => {
    const followed = arm();
    const last = arm();

    for (const host of [followed, last]) await host.try(trial(2));
    await pause(500);
    await followed.try(trial(0));
    await Promise.all([followed.close(), last.close()]);

    expect([followed.deaths, last.deaths]).toEqual([1, 1]);
  });

  test("that hangs is ended and counted", async () => {
    const host = new MutantArm(() => startArm("../test/support/dying-arm.mjs"), 300);

    const hung = await host.try(trial(4));

    expect(hung).toMatchObject({ kind: "died", message: expect.stringContaining("SIGKILL") });
    expect(host.deaths).toBe(1);
  });

  test("that answers with an error of nobody's lives, and its answer is not clean", async () => {
    const host = arm();

    const result = await host.try(trial(3));

    expect(judge(result as TrialResult, null)).toMatchObject({ good: false, what: "unclean-error" });
    expect(host.deaths).toBe(0);
    await host.close();
  });
});
