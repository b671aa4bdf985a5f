// Owns what is known before a session opens: its way to run, what that costs here, and whether its promise can be kept
// beside every other. Knows no session object and opens none. Invariant: what it holds as promised was shown together.

import type { Criticality, FrozenContract } from "./core/contract.js";
import { RedlineError } from "./core/errors.js";
import type { Profile } from "./core/profile.js";
import { type PlanCandidate, planRows } from "./plans/choose-plan.js";
import { machineModel } from "./plans/machine-model.js";
import { type CostParts, type FoundCosts, OpenCosts } from "./plans/open-costs.js";
import {
  decideOpen,
  harmless,
  type OpenDecision,
  type OpenedPlan,
  type Promising,
  type RungOffer,
  rungCandidates,
  unknownTask,
} from "./plans/open-plan.js";
import type { ProfiledVariant } from "./plans/profile-book.js";
import type { CpuCalibration } from "./power/cpu-model.js";
import type { OpenRequest, Provider } from "./providers/provider.js";
import { AdmissionControl } from "./scheduler/admission/admission-control.js";
import type { AdmissionTask, MachineModel } from "./scheduler/admission/admission-task.js";
import { admit } from "./scheduler/admission/analysis.js";
import type { AdmissionPort } from "./scheduler/admission-port.js";
import type { LaneAssignment } from "./scheduler/lane-assignment.js";

/** What the admission of one runtime is made of. */
export interface AdmissionParts extends CostParts {
  readonly lanes: LaneAssignment;
  /** The budget that holds now and what processor time costs; undefined without power options. */
  readonly power: () => { readonly budgetWatts: number; readonly calibration: CpuCalibration } | undefined;
}

/** What is to be opened. */
export interface OpenAsk {
  /** The session's name: no other session has it. */
  readonly name: string;
  readonly contract: FrozenContract;
  /** `nothing`: no contract was given. */
  readonly wants: Promising | "nothing";
  /** A number is obeyed; without one the plan may take what is profiled, and `auto` measures as many as it takes. */
  readonly threads: number | "auto" | undefined;
  readonly provider: Provider;
  /** The variant that was named, or the first of the model. */
  readonly variant: Omit<ProfiledVariant, "sha256"> & { readonly sha256?: string };
  /** Others that may be opened in its place where they are profiled. */
  readonly others: readonly ProfiledVariant[];
  /** As it would be opened on its own lane, but for the threads. */
  readonly request: Omit<OpenRequest, "onSettle" | "criticality" | "laneIndex">;
  /** Its lower rungs, best first. */
  readonly ladder: readonly RungAsk[];
  /** What was measured shortly before now does not count. Default: false. */
  readonly isAfresh?: boolean;
}

/** One lower rung. */
export interface RungAsk {
  /** As a user would write it. */
  readonly rung: string;
  /** The share of jobs that run. */
  readonly rate: number;
  /** The variant it runs; absent where that is the one of the rung above. */
  readonly other?: Pick<OpenAsk, "variant" | "request">;
}

/** What one way to run a session costs, as the scheduler takes it. */
export type RungCost = Pick<Profile, "p50Us" | "wcetUs" | "cpuUs" | "energyMj">;

/** A session that is planned and has its lane. Nothing is promised before `enter`. */
export interface PlannedSession {
  readonly laneClass: Criticality;
  readonly laneIndex: number;
  readonly variant: string;
  readonly threads: number;
  readonly spin: boolean;
  readonly isPromised: boolean;
  /** Whether a cost it stands on was measured shortly, and not now: it may have been on a busy machine. */
  readonly isOld: boolean;
  /** What a run of a variant costs, the plan's or a rung's. Of an unknown one nothing overruns, costs or saves. */
  costOf(variant: string): RungCost;
  /**
   * Takes its place beside what is promised.
   *
   * @throws RedlineError `PLAN_INFEASIBLE` with every term, and in its hint the nearest rung that would fit
   */
  enter(): OpenedPlan;
  /** The number by which the scheduler asks about it. */
  seat(sessionId: number): void;
  /** How long a run of a variant may be there before lower classes make way: see `SLACK_SHARE`. */
  overrunUsOf(variant: string): number;
  /** Gives place and lane back. Idempotent. */
  leave(): void;
}

interface Decided extends Pick<PlannedSession, "variant" | "threads" | "spin" | "isOld"> {
  readonly task: AdmissionTask;
  /** The ways that are known, by variant. */
  readonly ways: ReadonlyMap<string, PlanCandidate>;
  readonly ladder: readonly RungOffer[];
  readonly decision: OpenDecision | undefined;
  readonly because: string;
  readonly notes: readonly string[];
}

/** The promises of one runtime. */
export class RuntimeAdmission {
  private readonly control = new AdmissionControl((tasks) => this.machine(tasks));
  private readonly costs: OpenCosts;
  private readonly tasks = new Map<number, AdmissionTask>();

  constructor(private readonly parts: AdmissionParts) {
    this.costs = new OpenCosts(parts);
  }

  /** Whether all that the scheduler asks about holds together. Every session must have entered. */
  readonly port: AdmissionPort = (asks) => {
    const tasks = asks.map(({ sessionId, wcetUs, isPromised }) => {
      const task = this.tasks.get(sessionId);
      // A cost that nobody knows is that of a lane that is always busy: the task has it already.
      const dearestUs = Number.isFinite(wcetUs) ? wcetUs : 0;
      if (task !== undefined) return { ...task, costUs: Math.max(task.costUs, dearestUs), isPromised };
      throw new RedlineError("INTERNAL", { what: `session ${sessionId} has not entered` });
    });
    const { isAdmitted, reasons } = admit(tasks, this.machine(tasks));
    return { isAdmitted, reasons };
  };

  /** The machine as the analysis sees it for these tasks. */
  machine(tasks: readonly AdmissionTask[] = this.control.promised): MachineModel {
    const { cores, power } = this.parts;
    const { known } = this.costs;
    const isUnknown = tasks.some(({ contention }) => contention === undefined);
    const budget = power();
    const leftMw = budget && 1000 * Math.max(0, budget.budgetWatts - budget.calibration.idleWatts);
    return machineModel({
      cores,
      platform: process.platform,
      regimes: known?.regimes,
      contention: (isUnknown ? known?.contention : undefined) ?? 1,
      dispatchUs: known?.dispatchUs ?? 0,
      powerMw: leftMw !== undefined && Number.isFinite(leftMw) ? leftMw : "unlimited",
    });
  }

  /**
   * Plans a session: finds or measures what it costs, chooses the way to run it and its lane.
   *
   * @throws RedlineError `PLAN_INFEASIBLE` when a promise is asked of what cannot be measured, and what opening it throws
   */
  async plan(ask: OpenAsk): Promise<PlannedSession> {
    const { lanes } = this.parts;
    const { criticality } = ask.contract;
    const own = lanes.assign(criticality);
    const background = lanes.assign("background");
    let used: Pick<AdmissionTask, "criticality" | "laneIndex"> | undefined;
    try {
      const decided = await this.decide(ask, { own, background });
      used = decided.task;
      return this.planned(ask, decided);
    } finally {
      const isMoved = used !== undefined && used.criticality !== criticality;
      if (used === undefined || isMoved) lanes.release(criticality, own);
      if (!isMoved) lanes.release("background", background);
    }
  }

  private planned(ask: OpenAsk, decided: Decided): PlannedSession {
    const { task, decision, variant, threads, spin, ways, isOld } = decided;
    const { criticality: laneClass, laneIndex, isPromised } = task;
    let session: number | undefined;
    let worstResponseUs: number | undefined;
    let hasLeft = false;
    return {
      ...{ laneClass, laneIndex, variant, threads, spin, isPromised, isOld },
      costOf: (id) => ways.get(id)?.profile ?? UNKNOWN_COST,
      overrunUsOf: (id) => {
        const { wcetUs } = ways.get(id)?.profile ?? UNKNOWN_COST;
        return Math.max(wcetUs, worstResponseUs ?? 0, SLACK_SHARE * ask.contract.deadlineUs);
      },
      seat: (sessionId) => {
        session = sessionId;
        this.tasks.set(sessionId, task);
      },
      enter: () => {
        const ladder =
          decision === undefined
            ? []
            : rungCandidates(decision, { ladder: decided.ladder, cores: this.parts.cores, ...this.watts() });
        const offers = decided.ladder.length === 0 ? "rates" : "rungs";
        const admission = this.control.enter({ task, ladder, offers });
        worstResponseUs = admission.tasks.at(-1)!.worstResponseUs;
        const { arithmetic } = admission.tasks.at(-1)!;
        const isMoved = laneClass !== ask.contract.criticality;
        const moved = isMoved
          ? ["runs as background: in its own class it would disturb what is promised"]
          : [];
        return Object.freeze({
          promise: isPromised ? ("promised" as const) : ("best-effort" as const),
          because: isPromised ? arithmetic : decided.because,
          laneClass,
          rows: decision === undefined ? [] : planRows(decision),
          notes: [...decided.notes, ...moved],
        });
      },
      leave: () => {
        if (hasLeft) return;
        hasLeft = true;
        this.parts.lanes.release(laneClass, laneIndex);
        if (worstResponseUs !== undefined) this.control.leave(task.name);
        if (session !== undefined) this.tasks.delete(session);
      },
    };
  }

  private async decide(ask: OpenAsk, lanes: { own: number; background: number }): Promise<Decided> {
    const { name, contract, wants, variant, request } = ask;
    const because = wants === "nothing" ? "no contract was given" : 'admit: "best-effort" was asked for';
    const { candidates, notes, roomyThreads, isOld } = await this.find(ask, lanes);
    const { promised } = this.control;
    if (candidates.length === 0) {
      if (wants === "promised") throw unmeasured(name, notes);
      const threads = typeof ask.threads === "number" ? ask.threads : 1;
      const width = Math.max(1, Math.min(threads, this.parts.cores));
      const unknown = unknownTask({ name, contract, laneIndex: lanes.own, threads: width });
      const machine = this.machine([...promised, unknown]);
      return {
        variant: variant.id,
        threads,
        spin: request.ort?.spin ?? false,
        ways: new Map(),
        ladder: [],
        task: harmless(unknown, { promised, machine, lanes }),
        decision: undefined,
        because,
        isOld,
        notes,
      };
    }
    const decision = decideOpen({
      name,
      contract,
      wants: wants === "promised" ? "promised" : "best-effort",
      candidates,
      roomyThreads,
      lanes,
      promised,
      machine: this.machine(),
      ...this.watts(),
    });
    const { choice } = decision.chosen.profile;
    const below = await this.rungs(ask, { lanes, decision });
    const ways = new Map([...below.ways, [choice.variant, decision.chosen as PlanCandidate]]);
    const { ladder } = below;
    return {
      ...choice,
      ways,
      ladder,
      task: decision.task,
      decision,
      because,
      isOld,
      notes: [...notes, ...below.notes],
    };
  }

  /** The costs of the variants that lower rungs name, with the threads of the plan. */
  private async rungs(
    ask: OpenAsk,
    { lanes, decision }: { lanes: { own: number; background: number }; decision: OpenDecision },
  ): Promise<Pick<Decided, "ways" | "ladder" | "notes">> {
    const { threads, spin } = decision.chosen.profile.choice;
    const ways = new Map<string, PlanCandidate>();
    const ladder: RungOffer[] = [];
    const notes: string[] = [];
    let above: PlanCandidate | undefined = decision.chosen;
    for (const { rung, rate, other } of ask.ladder) {
      if (other !== undefined) {
        const request = { ...other.request, ort: { ...other.request.ort, spin } };
        const found = await this.find(
          { ...ask, variant: other.variant, others: [], request, threads },
          lanes,
        );
        above = found.candidates[0];
        notes.push(...found.notes);
        if (above !== undefined) ways.set(other.variant.id, above);
        else if (ask.wants === "promised") throw unmeasured(`${ask.name}: rung ${rung}`, found.notes);
      }
      if (above !== undefined) ladder.push({ rung, rate, candidate: above });
    }
    return { ways, ladder, notes };
  }

  /** A session that promises nothing is measured only where its threads are to be found so. */
  private async find(ask: OpenAsk, lanes: { own: number; background: number }): Promise<FoundCosts> {
    if (ask.wants === "nothing" && ask.threads !== "auto") return { candidates: [], isOld: false, notes: [] };
    // Beside promises nothing is measured that they have not been shown to stand: background makes way for them.
    const isAlone = this.control.promised.every(({ isPromised }) => !isPromised);
    const lane = isAlone
      ? { criticality: ask.contract.criticality, laneIndex: lanes.own }
      : { criticality: "background" as const, laneIndex: lanes.background };
    return this.costs.find({
      ...ask,
      request: { ...ask.request, ...lane },
      isPromise: ask.wants === "promised",
      afresh: ask.isAfresh !== true ? undefined : isAlone ? "all" : "model",
    });
  }

  private watts(): { wattsPerCore?: number } {
    const power = this.parts.power();
    return power === undefined ? {} : { wattsPerCore: power.calibration.wattsPerCore };
  }
}

/**
 * Of the deadline: an overrun before then is one that the deadline's slack absorbs, and suspending lower classes would cost
 * them their contracts for nothing. A quarter is left for the run to end with the processors to itself.
 */
const SLACK_SHARE = 0.75;

/** Nobody has profiled it: nothing is known to overrun, to cost or to save. */
const UNKNOWN_COST: RungCost = Object.freeze({
  p50Us: 0,
  wcetUs: Number.POSITIVE_INFINITY,
  cpuUs: -1,
  energyMj: "unknown",
});

function unmeasured(name: string, notes: readonly string[]): RedlineError {
  return new RedlineError("PLAN_INFEASIBLE", {
    what: `${name}: nothing is known of its costs`,
    expected: "a model that can be measured",
    received: notes.at(-1) ?? "none",
    hint: 'open it with admit: "best-effort"',
  });
}
