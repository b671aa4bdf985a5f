// Owns which code the simulated house is built of: production code, unless a test names a defect to put in its place.
// Knows no scenario.

import type { AdmissionPort } from "../../runtime/scheduler/admission-port.js";
import { Ladder, type LadderRules } from "../../runtime/scheduler/ladder.js";
import type { LaneActions } from "../../runtime/scheduler/lane-core.js";
import { LaneCore } from "../../runtime/scheduler/lane-core.js";
import { LaneWatch, type WatchRules } from "../../runtime/scheduler/lane-watch.js";
import { ModeChange, type ModeRules } from "../../runtime/scheduler/mode-change.js";
import { Scheduler, type SchedulerPorts, type SchedulerRules } from "../../runtime/scheduler/scheduler.js";
import { SlotPool } from "../../runtime/sessions/slot-pool.js";
import type { Governor } from "./package-power.js";
import { Processor, type ProcessorEvents } from "./processor.js";
import type { SimulatedMachine } from "./scenario.js";
import { shippedAdmission } from "./shipped-admission.js";
import { shippedGovernor } from "./shipped-governor.js";

/** Makers of every part that could be wrong. */
export interface HouseParts {
  core(actions: LaneActions): LaneCore;
  slots(count: number): SlotPool;
  ladder(rules: LadderRules): Ladder;
  modeChange(rules: ModeRules): ModeChange;
  watch(rules: WatchRules): LaneWatch;
  scheduler(given: {
    rules: SchedulerRules;
    ports: SchedulerPorts;
    ladder: Ladder;
    modeChange: ModeChange;
    watch: LaneWatch;
  }): Scheduler;
  admission(machine: SimulatedMachine): AdmissionPort;
  governor(): Governor;
  processor(shape: Processor["shape"], events: ProcessorEvents): Processor;
}

/** The code as it ships, on a machine that behaves. */
export const PRODUCTION: HouseParts = {
  core: (actions) => new LaneCore(actions),
  slots: (count) => new SlotPool(count),
  ladder: (rules) => new Ladder(rules),
  modeChange: (rules) => new ModeChange(rules),
  watch: (rules) => new LaneWatch(rules),
  scheduler: ({ rules, ports, ladder, modeChange, watch }) =>
    new Scheduler(rules, ports, ladder, modeChange, watch),
  admission: shippedAdmission,
  governor: () => shippedGovernor(),
  processor: (shape, events) => new Processor(shape, events),
};
