// Owns the production analysis behind the scheduler's port: one machine per device, the processor's cores and the rest.
// Knows no scheduler. Invariant: what it is told of the machine is what the simulated one does.

import type { AdmissionTask, MachineModel } from "../../runtime/scheduler/admission/admission-task.js";
import { admit } from "../../runtime/scheduler/admission/analysis.js";
import type { AdmissionAsk, AdmissionPort } from "../../runtime/scheduler/admission-port.js";
import type { SimulatedMachine } from "./scenario.js";

/** Profiles of the simulated machine are taken with every core busy: contention is in them already. */
export function shippedAdmission({ cores, isPreemptive }: SimulatedMachine): AdmissionPort {
  const common = { weights: "strict", contention: 1, dispatchUs: 0, powerMw: "unlimited" } as const;
  const machines: Record<string, MachineModel> = {
    cpu: { ...common, cores, preemption: isPreemptive ? "classes" : "none" },
    npu: { ...common, cores: 1, preemption: "none" },
  };
  return (asks) => {
    const reasons = Object.entries(machines).flatMap(([device, machine]) => {
      const tasks = asks.filter((ask) => ask.device === device).map(taskOf);
      return tasks.length === 0 ? [] : admit(tasks, machine).reasons;
    });
    return { isAdmitted: reasons.length === 0, reasons };
  };
}

function taskOf({
  sessionId,
  criticality,
  laneId,
  periodUs,
  deadlineUs,
  wcetUs,
  isPromised,
}: AdmissionAsk): AdmissionTask {
  return {
    name: `session ${sessionId}`,
    criticality,
    laneIndex: laneId,
    periodUs,
    deadlineUs,
    costUs: wcetUs,
    threads: 1,
    energyMj: "unknown",
    isPromised,
  };
}
