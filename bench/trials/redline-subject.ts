// Owns Redline as a subject: a model under a contract of the load's period and deadline, and its null provider as a control.
// Invariant: late results are kept, so that a latency is what it was and not where it was cut off; the miss counts all the same.

import type { Contract } from "../../runtime/core/contract.js";
import type { TensorSpec } from "../../runtime/core/tensor.js";
import { createRuntime, type Runtime, type Session } from "../../runtime/index.js";
import type { Outcome } from "../../runtime/sessions/session.js";
import { readMachine } from "../harness/machine.js";
import { deadlineOf, type LoadShape, meanGapOf } from "./load-shape.js";
import { casesOf, type ModelCase, repeatedCase } from "./model-cases.js";
import type { QueryEnd, Subject } from "./subject.js";
import type { TrialRequest } from "./trial.js";

/** Without a deadline of its own a query may take this long before the session gives it up. */
const PATIENCE_MS = 60_000;
/** As many as a frame of speech. */
const NULL_SPEC: Omit<TensorSpec, "name"> = { dtype: "float32", shape: [1, 512] };

/** Opens the model of a trial. */
export async function openRedline({ model, shape, threads }: TrialRequest): Promise<Subject> {
  const runtime = await createRuntime();
  const slots = slotsOf(shape);
  const session = await runtime.open(model, {
    contract: contractOf(shape),
    admit: "best-effort",
    threads,
    ...(slots === undefined ? {} : { slots }),
  });
  const { cases, answers } = await casesOf(await runtime.store.resolve(model), session.inputs);
  return new RedlineSubject({ runtime, session, cases, answers });
}

/** Opens a session without a model, which takes the same way. */
export async function openNull({ shape }: TrialRequest): Promise<Subject> {
  const runtime = await createRuntime();
  const session = await runtime.open("null", {
    contract: contractOf(shape),
    admit: "best-effort",
    provider: "null",
    null: { inputs: [{ name: "x", ...NULL_SPEC }], outputs: [{ name: "y", ...NULL_SPEC }] },
  });
  const data = new Float32Array(512);
  const inputs = { x: { data, shape: [1, 512] } };
  // The null provider leaves its outputs as they are.
  const cases = [repeatedCase(inputs)];
  return new RedlineSubject({ runtime, session, cases, answers: "none" });
}

/** Redline's slots are the queries in flight. */
function slotsOf(shape: LoadShape): number | undefined {
  return shape.scenario === "offline" ? shape.inFlight : undefined;
}

function contractOf(shape: LoadShape): Contract {
  const deadlineUs = deadlineOf(shape);
  const gapUs = meanGapOf(shape) ?? PATIENCE_MS * 1000;
  return {
    periodMs: gapUs / 1000,
    deadlineMs: deadlineUs === null ? PATIENCE_MS : deadlineUs / 1000,
    criticality: "critical",
    late: "keep",
  };
}

class RedlineSubject implements Subject {
  readonly plan: Subject["plan"];
  readonly answers: Subject["answers"];
  readonly runsElsewhere: boolean;
  readonly #runtime: Runtime;
  readonly #session: Session;
  readonly #cases: readonly ModelCase[];

  constructor(given: {
    readonly runtime: Runtime;
    readonly session: Session;
    readonly cases: readonly ModelCase[];
    readonly answers: Subject["answers"];
  }) {
    const { runtime, session, cases, answers } = given;
    this.#runtime = runtime;
    this.#session = session;
    this.#cases = cases;
    this.answers = answers;
    this.runsElsewhere = runtime.provider.name === "ort-node";
    const { variant, device, threads } = session;
    this.plan = {
      runtime: `redline (${runtime.provider.name})`,
      version: readMachine().redline,
      variant,
      device,
      threads,
    };
  }

  async run(index: number, dueUs: number): Promise<QueryEnd> {
    const one = this.#cases[index % this.#cases.length] as ModelCase;
    const outcome = await this.#session.run(one.inputs, { capturedUs: Math.round(dueUs) });
    const { status, reason, settledUs, cpuUs } = outcome;
    const wrong = this.#check(one, outcome);
    outcome.release();
    return {
      outcome: `${status} / ${reason}`,
      isDone: status === "done",
      settledUs,
      cpuUs,
      ...(wrong === undefined ? {} : { wrong }),
    };
  }

  close(): Promise<void> {
    return this.#runtime.close();
  }

  #check(one: ModelCase, { status, outputs }: Outcome): string | undefined {
    if (this.answers === "none" || (status !== "done" && status !== "late")) return undefined;
    return one.check(outputs);
  }
}
