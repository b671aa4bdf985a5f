// Owns who has been promised what on one machine: admits, refuses with the arithmetic, lets go. Knows no session object.
// Invariant: everything it holds as promised has been admitted together; a refusal changes nothing.

import { RedlineError } from "../../core/errors.js";
import type { AdmissionTask, MachineModel } from "./admission-task.js";
import { type Admission, admit } from "./analysis.js";
import { nearestRung, type RungCandidate } from "./nearest-rung.js";

/** A session that wants in. */
export interface AdmissionRequest {
  readonly task: AdmissionTask;
  /** Its lower rungs, best first: what a refusal may name. */
  readonly ladder: readonly RungCandidate[];
  /** What those are to the user: rungs the caller wrote, or lower rates that nobody did. Default `rungs`. */
  readonly offers?: "rungs" | "rates";
}

/** The promises of one machine. */
export class AdmissionControl {
  private readonly tasks = new Map<string, AdmissionTask>();

  /** @param machine what is known of the machine for these tasks: it is asked anew for every question */
  constructor(private readonly machine: (tasks: readonly AdmissionTask[]) => MachineModel) {}

  /** What has been let in, best effort included. */
  get promised(): readonly AdmissionTask[] {
    return [...this.tasks.values()];
  }

  /**
   * Lets a task in if every promise, its own included, can be kept.
   *
   * @throws RedlineError `PLAN_INFEASIBLE` with every term, and in its hint the nearest rung that would fit
   */
  enter({ task, ladder, offers = "rungs" }: AdmissionRequest): Admission {
    const admission = admit([...this.promised, task], this.machine([...this.promised, task]));
    // A best-effort task may break nobody else's promise either: it is let in, and others keep what they were promised.
    if (!admission.isAdmitted) throw this.refusal(admission, { task, ladder, offers });
    this.tasks.set(task.name, task);
    return admission;
  }

  /** Forgets a task; an unknown name is no mistake: a refused session leaves too. */
  leave(name: string): void {
    this.tasks.delete(name);
  }

  private refusal(admission: Admission, { task, ladder, offers }: AdmissionRequest): RedlineError {
    const { fits } = nearestRung(ladder, {
      promised: this.promised,
      machine: this.machine([...this.promised, task]),
    });
    const rung = fits === undefined ? undefined : `it fits as ${fits.rung}`;
    const no = offers === "rungs" ? "no rung of its ladder" : "no lower rate";
    const none = ladder.length === 0 ? "" : `${no} fits; `;
    const effort = task.isPromised ? 'or open it with admit: "best-effort"' : "close what it would disturb";
    return new RedlineError("PLAN_INFEASIBLE", {
      what: `${task.name}: ${admission.reasons.join("; ")}`,
      hint: rung === undefined ? `${none}${effort.replace(/^or /, "")}` : `${rung}; ${effort}`,
    });
  }
}
