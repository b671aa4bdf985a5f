// Owns a policy that lets every job run, for tests of sessions and pipelines by themselves.

import { planRung } from "../../runtime/core/rung.js";
import type { SessionPolicy } from "../../runtime/sessions/session-policy.js";

export function freePolicy(variant = "file"): SessionPolicy {
  return {
    rung: planRung({ variant, device: "cpu" }),
    arrive: () => ({ kind: "run", laneId: 0, isConsecutive: true }),
    foundNoSlot: () => {},
    stopAsked: () => {},
    settled: () => {},
    attach: () => {},
    closed: () => {},
  };
}
