// Owns short ways to write tasks and machines in milliseconds for the tests of admission.

import type { AdmissionTask, MachineModel } from "../../../../runtime/scheduler/admission/admission-task.js";

/** A task in milliseconds: critical, alone on lane 0, one thread, deadline its period, unless said otherwise. */
export function task(
  name: string,
  given: { costMs: number; periodMs: number; deadlineMs?: number } & Partial<AdmissionTask>,
): AdmissionTask {
  const { costMs, periodMs, deadlineMs = periodMs, ...rest } = given;
  return {
    name,
    criticality: "critical",
    laneIndex: 0,
    threads: 1,
    energyMj: "unknown",
    isPromised: true,
    periodUs: Math.round(periodMs * 1000),
    deadlineUs: Math.round(deadlineMs * 1000),
    costUs: Math.round(costMs * 1000),
    ...rest,
  };
}

/** Two cores that lose nothing, unless said otherwise. */
export function machine(given: Partial<MachineModel> = {}): MachineModel {
  return {
    cores: 2,
    preemption: "classes",
    weights: "strict",
    contention: 1,
    dispatchUs: 0,
    powerMw: "unlimited",
    ...given,
  };
}
