// Owns code that is wrong on purpose, one defect a name, made by subclassing or wrapping what ships.
// Invariant: no defect needs a switch in production code, and each breaks the law it names.

import type { LaneJob } from "../../runtime/core/lane.js";
import { PowerGovernor } from "../../runtime/power/governor.js";
import { Ladder, type LadderMove, type LadderView } from "../../runtime/scheduler/ladder.js";
import { type LaneActions, LaneCore, type RunEnd } from "../../runtime/scheduler/lane-core.js";
import { LaneWatch } from "../../runtime/scheduler/lane-watch.js";
import { ModeChange } from "../../runtime/scheduler/mode-change.js";
import type { SessionPlan } from "../../runtime/scheduler/scheduled-session.js";
import { Scheduler } from "../../runtime/scheduler/scheduler.js";
import { SlotPool } from "../../runtime/sessions/slot-pool.js";
import { type HouseParts, PRODUCTION } from "./house-parts.js";
import { POWER_WINDOW_US } from "./package-power.js";
import { Processor, type Run } from "./processor.js";
import { shippedGovernor } from "./shipped-governor.js";

/** A defect: the law it breaks, and the parts that are wrong. */
export interface Defect {
  readonly breaks: readonly number[];
  readonly parts: Partial<HouseParts>;
}

/** A lane that loses a waiting job when it is cancelled. */
class ForgetfulCore extends LaneCore {
  private readonly gate: { isMuted: boolean };

  constructor(actions: LaneActions) {
    const gate = { isMuted: false };
    super({ ...muted(actions, gate) });
    this.gate = gate;
  }

  override cancel(jobId: number, request: Parameters<LaneCore["cancel"]>[1]): void {
    this.gate.isMuted = true;
    super.cancel(jobId, request);
    this.gate.isMuted = false;
  }
}

function muted(actions: LaneActions, gate: { isMuted: boolean }): LaneActions {
  return {
    start: (job) => actions.start(job),
    terminate: (job) => actions.terminate(job),
    settle: (settlement) => {
      if (!gate.isMuted) actions.settle(settlement);
    },
  };
}

/** A lane that takes the latest deadline first. */
class BackwardsCore extends LaneCore {
  private readonly held: LaneJob[] = [];

  override submit(job: LaneJob): void {
    this.held.push(job);
    this.held.sort((a, b) => a.deadlineUs - b.deadlineUs);
  }

  override tick(nowUs: number): void {
    const next = this.isRunning ? undefined : this.held.pop();
    if (next) super.submit(next, nowUs);
    super.tick(nowUs);
  }
}

/** A lane that runs every fortieth job beside the others. */
class DoubleCore extends LaneCore {
  private readonly other: LaneCore;
  private count = 0;

  constructor(actions: LaneActions) {
    super(actions);
    this.other = new LaneCore(actions);
  }

  override submit(job: LaneJob, nowUs: number): void {
    this.count += 1;
    if (this.count % 40 === 0) this.other.submit(job, nowUs);
    else super.submit(job, nowUs);
  }

  override tick(nowUs: number): void {
    super.tick(nowUs);
    this.other.tick(nowUs);
  }

  override runEnded(end: RunEnd): void {
    if (this.isRunning) super.runEnded(end);
    else this.other.runEnded(end);
  }
}

/** A lane that hears of a cancel only when the job would start. */
class DeafCore extends LaneCore {
  private runningId = -1;

  constructor(actions: LaneActions) {
    super({
      ...muted(actions, { isMuted: false }),
      start: (job) => {
        this.runningId = job.jobId;
        actions.start(job);
      },
    });
  }

  override cancel(jobId: number, request: Parameters<LaneCore["cancel"]>[1]): void {
    if (jobId === this.runningId) super.cancel(jobId, request);
  }
}

/** A ladder that takes two rungs where there are two. */
class HastyLadder extends Ladder {
  protected override step(...given: Parameters<Ladder["step"]>): LadderMove {
    const [standing, step] = given;
    const by = step.to - standing.at;
    const to = standing.rungs[step.to + by] === undefined ? step.to : step.to + by;
    return super.step(standing, { ...step, to });
  }
}

/** A ladder that never climbs. */
class StuckLadder extends Ladder {
  override decide(view: LadderView): LadderMove | undefined {
    return super.decide({ ...view, mayClimb: false });
  }
}

/** A mode that never goes back. */
class StuckMode extends ModeChange {
  override nextWakeUs(): number {
    return Number.POSITIVE_INFINITY;
  }
}

/** A watch that believes every lane alive. */
class BlindWatch extends LaneWatch {
  override tick(nowUs: number): ReturnType<LaneWatch["tick"]> {
    return { overrun: super.tick(nowUs).overrun, hung: [] };
  }
}

/** A machine whose lanes all have the priority of the lowest. */
class FlatProcessor extends Processor {
  protected override urgency(a: Run, b: Run): number {
    return a.order - b.order;
  }
}

/** Slots of which the last is handed out twice. */
class GenerousPool extends SlotPool {
  override take(): number {
    return Math.max(0, super.take());
  }
}

/** A scheduler that remembers jobs that were too late to start. */
class HoardingScheduler extends Scheduler {
  override settled(settlement: Parameters<Scheduler["settled"]>[0]): void {
    const job = this.jobs.get(settlement.jobId);
    super.settled(settlement);
    if (job && settlement.reason === "signal") this.jobs.set(settlement.jobId, job);
  }
}

/** A scheduler that counts one miss more than was tolerated. */
class LaxScheduler extends Scheduler {
  override open(plan: SessionPlan): ReturnType<Scheduler["open"]> {
    const { tolerate } = plan.contract;
    const lax = { misses: tolerate.misses + 1, outOf: Math.max(2, tolerate.outOf) };
    return super.open({ ...plan, contract: { ...plan.contract, tolerate: lax } });
  }
}

/** A scheduler that never hears that a session is back. */
class AloofScheduler extends Scheduler {
  override reopened(): void {}
}

/** A scheduler that looks at power only once. */
class CarelessScheduler extends Scheduler {
  private hasLooked = false;

  override takePower(pressure: Parameters<Scheduler["takePower"]>[0]): void {
    if (this.hasLooked) return;
    this.hasLooked = true;
    super.takePower(pressure);
  }
}

/** A governor that hears only of larger budgets. */
class SpendthriftGovernor extends PowerGovernor {
  private mostWatts = 0;

  override setBudget(packageWatts: number): void {
    this.mostWatts = Math.max(this.mostWatts, packageWatts);
    super.setBudget(this.mostWatts);
  }
}

/** A governor that takes what may be spent for nothing. */
class MiserlyGovernor extends PowerGovernor {
  protected override headroom(): number {
    return 0;
  }
}

const schedulerOf =
  (Made: typeof Scheduler): HouseParts["scheduler"] =>
  ({ rules, ports, ladder, modeChange, watch }) =>
    new Made(rules, ports, ladder, modeChange, watch);

/** Every defect by name. */
export const DEFECTS: Readonly<Record<string, Defect>> = {
  "a lane settles a stopped job twice": {
    breaks: [1],
    parts: {
      core: (actions) =>
        new LaneCore({
          ...muted(actions, { isMuted: false }),
          settle: (settlement) => {
            actions.settle(settlement);
            if (settlement.status === "cancelled") actions.settle(settlement);
          },
        }),
    },
  },
  "a lane loses a waiting job that is cancelled": {
    breaks: [1, 5],
    parts: { core: (actions) => new ForgetfulCore(actions) },
  },
  "a lane starts a job while another runs": {
    breaks: [2],
    parts: { core: (actions) => new DoubleCore(actions) },
  },
  "a slot is handed out twice": { breaks: [2], parts: { slots: (count) => new GenerousPool(count) } },
  "a lane takes the latest deadline first": {
    breaks: [3, 5, 10],
    parts: { core: (actions) => new BackwardsCore(actions) },
  },
  "admission lets everything in": {
    breaks: [3, 10],
    parts: { admission: () => () => ({ isAdmitted: true, reasons: [] }) },
  },
  "a job must start four times as early as its profile says": {
    breaks: [3, 10],
    parts: {
      scheduler: ({ ports, ...rest }) =>
        PRODUCTION.scheduler({
          ...rest,
          ports: {
            ...ports,
            publish: (sessionId, word) =>
              ports.publish(sessionId, { ...word, latestStartAllowanceUs: 4 * word.latestStartAllowanceUs }),
          },
        }),
    },
  },
  "the scheduler remembers jobs that were called off": {
    breaks: [4],
    parts: { scheduler: schedulerOf(HoardingScheduler) },
  },
  "a lane does not hear that a waiting job is cancelled": {
    breaks: [5],
    parts: { core: (actions) => new DeafCore(actions) },
  },
  "a hung lane is never replaced": { breaks: [1, 5], parts: { watch: (rules) => new BlindWatch(rules) } },
  "the ladder takes two rungs at once": {
    breaks: [6, 8],
    parts: { ladder: (rules) => new HastyLadder(rules) },
  },
  "the ladder climbs without a calm": {
    breaks: [6],
    parts: { ladder: (rules) => new Ladder({ ...rules, calmUs: 0, calmUsMax: 0 }) },
  },
  "the ladder forgets that a climb was undone": {
    breaks: [6],
    parts: { ladder: (rules) => new Ladder({ ...rules, relapseUs: 0 }) },
  },
  "the lanes of a lower class have the priority of a higher": {
    breaks: [7],
    parts: { processor: (shape, events) => new FlatProcessor(shape, events) },
  },
  "the ladder never climbs": { breaks: [8], parts: { ladder: (rules) => new StuckLadder(rules) } },
  "the mode never goes back": { breaks: [8], parts: { modeChange: (rules) => new StuckMode(rules) } },
  "a session that is back stays suspended": {
    breaks: [8],
    parts: { scheduler: schedulerOf(AloofScheduler) },
  },
  "the governor reports half of what is drawn": {
    breaks: [9],
    parts: {
      governor: () => {
        const govern = shippedGovernor();
        return (reading) =>
          govern({
            ...reading,
            watts: reading.watts === "unknown" ? "unknown" : reading.watts / 2,
          });
      },
    },
  },
  "the governor does not hear of a smaller budget": {
    breaks: [9],
    parts: { governor: () => shippedGovernor(SpendthriftGovernor) },
  },
  "the governor averages over ten windows": {
    breaks: [8, 9],
    parts: { governor: () => shippedGovernor(PowerGovernor, 10 * POWER_WINDOW_US) },
  },
  "the governor offers no headroom": {
    breaks: [8],
    parts: { governor: () => shippedGovernor(MiserlyGovernor) },
  },
  "the scheduler looks at power only once": {
    breaks: [9],
    parts: { scheduler: schedulerOf(CarelessScheduler) },
  },
  "the scheduler skips one job more than is tolerated": {
    breaks: [10],
    parts: { scheduler: schedulerOf(LaxScheduler) },
  },
};

/** Production with one defect in it. */
export function defective({ parts }: Defect): HouseParts {
  return { ...PRODUCTION, ...parts };
}
