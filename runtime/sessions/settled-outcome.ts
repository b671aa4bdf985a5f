// Owns an outcome as the caller holds it: plain facts, and outputs that stay valid until released.
// Knows no lane. Invariant: a slot goes back once, when the outcome is released or carried nothing.

import type { OutcomeReason, OutcomeStatus } from "../core/outcome.js";
import type { Rung } from "../core/rung.js";
import type { Tensor, TensorSpec } from "../core/tensor.js";
import type { ProviderSlot } from "../providers/provider.js";
import type { Outcome } from "./session.js";

/** The facts of a settlement together with its contract's times. */
export type SettledFacts = Omit<Outcome, "latencyUs" | "outputs" | "release">;

/** What an outcome with results holds on to. */
export interface HeldSlot {
  readonly slot: Pick<ProviderSlot, "output">;
  readonly outputs: readonly TensorSpec[];
  readonly giveBack: () => void;
}

const NO_OUTPUTS: Readonly<Record<string, Tensor>> = Object.freeze({});

/** An outcome over its slot, or over none when the job brought no results. */
export class SettledOutcome implements Outcome {
  readonly jobId: number;
  readonly status: OutcomeStatus;
  readonly reason: OutcomeReason;
  readonly rung: Rung;
  readonly isConsecutive: boolean;
  readonly capturedUs: number;
  readonly startedUs: number;
  readonly settledUs: number;
  readonly deadlineUs: number;
  readonly cpuUs: number;
  readonly message: string | undefined;
  readonly outputs: Readonly<Record<string, Tensor>>;
  private held: HeldSlot | undefined;

  constructor(facts: SettledFacts, held: HeldSlot | undefined) {
    this.jobId = facts.jobId;
    this.status = facts.status;
    this.reason = facts.reason;
    this.rung = facts.rung;
    this.isConsecutive = facts.isConsecutive;
    this.capturedUs = facts.capturedUs;
    this.startedUs = facts.startedUs;
    this.settledUs = facts.settledUs;
    this.deadlineUs = facts.deadlineUs;
    this.cpuUs = facts.cpuUs;
    this.message = facts.message;
    this.held = held;
    this.outputs = held ? readOutputs(held) : NO_OUTPUTS;
  }

  get latencyUs(): number {
    return this.settledUs - this.capturedUs;
  }

  release(): void {
    this.held?.giveBack();
    this.held = undefined;
  }
}

function readOutputs({ slot, outputs }: HeldSlot): Record<string, Tensor> {
  const tensors: Record<string, Tensor> = {};
  for (const { name } of outputs) tensors[name] = slot.output(name);
  return tensors;
}
