// The TypeScript lane, in virtual time, against the suite every lane must pass.

import type { LaneJob, Settlement } from "../../../runtime/core/lane.js";
import { initialWord } from "../../../runtime/core/session-word.js";
import type { RunEnd } from "../../../runtime/scheduler/lane-core.js";
import { type Executor, ModelLane } from "../../../runtime/scheduler/model-lane.js";
import { type LaneUnderTest, laneSuite } from "../../support/lane-suite.js";
import { VirtualClock } from "../../support/virtual-clock.js";

const BUSY_US = 1000;
/** How long a terminate takes to bite: one node of the pretended graph. */
const STOP_US = 10;

/** Runs every job for BUSY_US of virtual time, or until terminated. */
class VirtualExecutor implements Executor {
  private finish: ((kind: RunEnd["kind"]) => void) | undefined;

  constructor(private readonly clock: VirtualClock) {}

  start(_job: LaneJob, ended: (end: RunEnd) => void): void {
    const startedUs = this.clock.nowUs();
    const alarm = this.clock.setAlarm(startedUs + BUSY_US, () => finish("completed"));
    const finish = (kind: RunEnd["kind"]): void => {
      if (this.finish === finish) this.finish = undefined;
      alarm.cancel();
      const endedUs = this.clock.nowUs();
      // Of a run that was given up too: the lane must not listen to it.
      ended({ kind, endedUs, cpuUs: endedUs - startedUs });
    };
    this.finish = finish;
  }

  terminate(): void {
    const { finish } = this;
    this.clock.setAlarm(this.clock.nowUs() + STOP_US, () => {
      if (this.finish === finish) finish?.("terminated");
    });
  }
}

async function open(): Promise<LaneUnderTest> {
  const clock = new VirtualClock();
  await clock.advanceTo(10_000);
  const settlements: Settlement[] = [];
  const lane = new ModelLane({
    clock,
    executor: new VirtualExecutor(clock),
    onSettle: (settlement) => settlements.push(settlement),
  });
  lane.publish(1, initialWord("interactive"));
  return {
    busyUs: BUSY_US,
    canStop: true,
    nowUs: () => clock.nowUs(),
    submit: (job) => lane.submit({ ...job, sessionId: 1, slot: 0 }),
    cancel: (jobId, reason) => lane.cancel(jobId, reason),
    publish: (word) => lane.publish(1, word),
    running: () => (lane.started ? [lane.started] : []),
    replace: () => lane.replace(),
    async settled(count) {
      const limitUs = clock.nowUs() + 1000 * BUSY_US;
      while (settlements.length < count && clock.nowUs() < limitUs)
        await clock.advanceTo(clock.nowUs() + BUSY_US / 10);
      return settlements;
    },
    close: () => Promise.resolve(),
  };
}

laneSuite("the TypeScript lane model", open);
