// Owns the promise of measured profiles, in virtual time: paced runs, each set of conditions, nothing left open.

import { expect, test } from "vitest";
import {
  type MeasuredModel,
  type MeasureRequest,
  measureRuns,
} from "../../../runtime/plans/measure-profile.js";
import { VirtualClock } from "../../support/virtual-clock.js";

/** Models that run for a millisecond alone, and half a millisecond longer for each other that runs. */
class Models {
  readonly clock = new VirtualClock();
  readonly startsUs: number[] = [];
  open = 0;
  running = 0;
  fails = false;

  measure(given: Partial<MeasureRequest> = {}) {
    const open = async (): Promise<MeasuredModel> => this.model(this.open++ === 0);
    return measureRuns({ open, neighbours: 1, clock: this.clock, periodUs: 20_000, runs: 5, ...given });
  }

  private model(isSubject: boolean): MeasuredModel {
    return {
      run: async () => {
        if (isSubject) this.startsUs.push(this.clock.nowUs());
        const runUs = 1000 + 500 * this.running;
        this.running += 1;
        await new Promise<void>((resolve) => this.clock.setAlarm(this.clock.nowUs() + runUs, resolve));
        this.running -= 1;
        return this.fails ? undefined : { runUs, cpuUs: 900 };
      },
      close: async () => {
        this.open -= 1;
      },
    };
  }
}

test("runs are a period apart, under each set of conditions, and nothing stays open", async () => {
  const models = new Models();
  const measuring = models.measure();

  await models.clock.advanceTo(1_000_000);
  const measured = await measuring;

  expect(
    measured?.map(({ conditions, runUs, cpuUs }) => [conditions.caches, conditions.neighbour, runUs, cpuUs]),
  ).toEqual([
    ["warm", "none", [1000, 1000, 1000, 1000, 1000], 900],
    ["cold", "none", [1000, 1000, 1000, 1000, 1000], 900],
    ["warm", "busy", [1500, 1500, 1500, 1500, 1500], -1],
  ]);
  // Three runs warm up, back to back; the first paced one starts a period after them.
  expect(models.startsUs.slice(3, 8)).toEqual([23_000, 43_000, 63_000, 83_000, 103_000]);
  expect({ open: models.open, running: models.running }).toEqual({ open: 0, running: 0 });
});

test("a model whose runs fail has no profile", async () => {
  const models = new Models();
  models.fails = true;
  const measuring = models.measure();

  await models.clock.advanceTo(1_000_000);

  expect(await measuring).toBeUndefined();
  expect(models.open).toBe(0);
});

test("an interrupted measurement leaves nothing open", async () => {
  const models = new Models();
  const stop = new AbortController();
  const refused = expect(models.measure({ signal: stop.signal })).rejects.toThrow("enough");

  await models.clock.advanceTo(270_000);
  expect(models.open).toBe(2);
  stop.abort(new Error("enough"));
  await models.clock.advanceTo(1_000_000);

  await refused;
  expect(models.open).toBe(0);
});

test("a short measurement ends with its patience, but not before the third run", async () => {
  const models = new Models();
  const conditions = [{ caches: "warm", neighbour: "none" }] as const;
  const measuring = models.measure({ conditions, patienceUs: 85_000, runs: 100 });
  await models.clock.advanceTo(1_000_000);
  const impatient = models.measure({ conditions, patienceUs: 1, runs: 100, neighbours: 0 });
  await models.clock.advanceTo(2_000_000);

  expect((await measuring)?.map(({ runUs }) => runUs.length)).toEqual([5]);
  expect((await impatient)?.map(({ runUs }) => runUs.length)).toEqual([3]);
  // One run warms up when there is no time for three.
  expect(models.startsUs.length).toBe(3 + 5 + 1 + 3);
});

test("on one core no neighbour is measured", async () => {
  const models = new Models();
  const measuring = models.measure({ neighbours: 0 });

  await models.clock.advanceTo(1_000_000);

  expect((await measuring)?.map(({ conditions }) => conditions.neighbour)).toEqual(["none", "none"]);
});
