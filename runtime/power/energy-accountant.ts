// Owns where the energy went: per job, session and turn, idle and the rest, and which sessions spend more than they promised.
// Invariant: constant memory; every figure carries its source, and what cannot be known (a card's share) is unknown, not zero.

import type { FigureSource } from "../core/budget.js";
import { LIMITS } from "../core/limits.js";
import type { CpuCalibration } from "./cpu-model.js";
import type { PowerFigure } from "./meter.js";

/** An amount of energy in millijoules. */
export interface EnergyFigure {
  readonly mj: number | "unknown";
  readonly source: FigureSource;
}

/** What one session spent. */
export interface SessionEnergy {
  readonly session: string;
  readonly jobs: number;
  readonly total: EnergyFigure;
  /** Mean over the recent jobs. */
  readonly perJob: EnergyFigure;
  /** What its contract allows a job; undefined when it says nothing. */
  readonly energyMj: number | undefined;
  /** `over` once the recent mean is above `energyMj`, until it is 5 % below; `unknown` before ten jobs or without a figure. */
  readonly verdict: "within" | "over" | "unknown" | "unlimited";
}

/** The account of one runtime. The parts add up to the package where that is known. */
export interface EnergyStats {
  /** Time the account covers, and how much of it had a figure of the package, in microseconds. */
  readonly elapsedUs: number;
  readonly coveredUs: number;
  /** Everything the package drew in the covered time. */
  readonly package: EnergyFigure;
  /** What it would have drawn with nothing to do. */
  readonly idle: EnergyFigure;
  /** What the sessions' jobs took. */
  readonly sessions: EnergyFigure;
  /** The rest: other programs, and this one outside of jobs. */
  readonly other: EnergyFigure;
  readonly bySession: readonly SessionEnergy[];
  /** The last turns, oldest first. */
  readonly byTurn: readonly { readonly turn: string; readonly jobs: number; readonly total: EnergyFigure }[];
  /** Where the watts per busy core come from. */
  readonly calibration: string;
}

/** One job's end, as far as energy is concerned. */
export interface SpentJob {
  readonly session: string;
  /** Processor time of the job; below zero where nobody measured it. */
  readonly cpuUs: number;
  /** Whether the job ran on the processor alone: what a card or an NPU took is not in its processor time. */
  readonly device: "cpu" | "other";
  /** The spoken turn it belongs to. */
  readonly turn?: string;
}

const NOTHING: EnergyFigure = Object.freeze({ mj: "unknown", source: "unknown" });
const RECENT_JOBS = 100;
const LEAST_JOBS = 10;
const WITHIN_AGAIN = 0.95;
/** Weight of the past in the cost of a second of processor time, at each reading of the meter. */
const COST_MEMORY = 0.98;
/** Processor time below this share of one core says nothing about what a second of it costs. */
const LEAST_BUSY_CORES = 0.05;

interface Sum {
  jobs: number;
  mj: number;
  isKnown: boolean;
}

interface SessionAccount extends Sum {
  energyMj: number | undefined;
  /** Since the session was announced: another one under the same name is judged by its own jobs. */
  recent: number;
  isRecentKnown: boolean;
  meanMj: number;
  isOver: boolean;
}

/** Takes settlements and readings; answers where the energy went. */
export class EnergyAccountant {
  private readonly sessions = new Map<string, SessionAccount>();
  private readonly turns = new Map<string, Sum>();
  private elapsedUs = 0;
  private coveredUs = 0;
  private packageMj = 0;
  private idleMj = 0;
  private jobsMj = 0;
  private isEstimated = false;
  private areJobsKnown = true;
  private costMj = 0;
  private costUs = 0;

  /** @param calibration The line of the machine as it is now: it may get better. */
  constructor(private readonly calibration: () => CpuCalibration) {}

  /** Announces a session, with what its contract allows a job. Settlements of others open an account of their own. */
  open(session: string, { energyMj }: { readonly energyMj?: number | undefined } = {}): void {
    const account = this.accountOf(session);
    Object.assign(account, { energyMj, recent: 0, isRecentKnown: true, meanMj: 0, isOver: false });
  }

  /** Counts one job and answers what it took. */
  settle({ session, cpuUs, device, turn }: SpentJob): EnergyFigure {
    const isKnown = device === "cpu" && cpuUs >= 0;
    const mj = cpuUs >= 0 ? (cpuUs / 1000) * this.wattsPerCore() : 0;
    const account = this.accountOf(session);
    add(account, { mj, isKnown });
    account.recent += 1;
    account.isRecentKnown &&= isKnown;
    const weight = 1 / Math.min(RECENT_JOBS, account.recent);
    account.meanMj += (mj - account.meanMj) * weight;
    account.isOver = isOver(account);
    if (turn !== undefined) add(this.turnOf(turn), { mj, isKnown });
    this.jobsMj += mj;
    this.areJobsKnown &&= isKnown;
    return isKnown ? { mj, source: "estimated" } : NOTHING;
  }

  /** Takes what the package drew between two readings, and how many cores were busy meanwhile. */
  meter(given: { elapsedUs: number; figure: PowerFigure; busyCores: number | undefined }): void {
    const { elapsedUs, figure, busyCores } = given;
    if (!(elapsedUs > 0)) return;
    this.elapsedUs += elapsedUs;
    if (figure.watts === "unknown") return;
    const spentMj = (figure.watts * elapsedUs) / 1000;
    const idleMj = Math.min(spentMj, (this.calibration().idleWatts * elapsedUs) / 1000);
    this.coveredUs += elapsedUs;
    this.packageMj += spentMj;
    this.idleMj += idleMj;
    if (figure.source === "estimated") this.isEstimated = true;
    if (figure.source !== "measured" || busyCores === undefined || busyCores < LEAST_BUSY_CORES) return;
    this.costMj = this.costMj * COST_MEMORY + spentMj - idleMj;
    this.costUs = this.costUs * COST_MEMORY + busyCores * elapsedUs;
  }

  /** Sessions whose recent jobs take more than their contract allows, each with both figures in words. */
  overspent(): ReadonlyMap<string, string> {
    const found = new Map<string, string>();
    for (const [session, { isOver, meanMj, energyMj, recent }] of this.sessions) {
      if (!isOver) continue;
      const jobs = Math.min(RECENT_JOBS, recent);
      found.set(session, `${meanMj.toFixed(1)} mJ a job over ${energyMj} mJ (estimated, the last ${jobs})`);
    }
    return found;
  }

  stats(): EnergyStats {
    const jobs = this.jobsMj;
    const isCovered = this.coveredUs > 0;
    const source: FigureSource = this.isEstimated ? "estimated" : "measured";
    // Jobs are split off by a model: where it takes more than there was, idle and the rest give way, in that order.
    const idle = Math.max(0, Math.min(this.idleMj, this.packageMj - jobs));
    const other = Math.max(0, this.packageMj - jobs - idle);
    const part = (mj: number): EnergyFigure => (isCovered ? { mj, source: "estimated" } : NOTHING);
    return {
      elapsedUs: this.elapsedUs,
      coveredUs: this.coveredUs,
      package: isCovered ? { mj: this.packageMj, source } : NOTHING,
      idle: part(idle),
      sessions: this.areJobsKnown ? { mj: jobs, source: "estimated" } : NOTHING,
      other: this.areJobsKnown ? part(other) : NOTHING,
      bySession: [...this.sessions].map(([session, account]) => sessionEnergy(session, account)),
      byTurn: [...this.turns].map(([turn, sum]) => ({ turn, jobs: sum.jobs, total: figureOf(sum) })),
      calibration: this.calibration().origin,
    };
  }

  /** What a busy core drew above idling lately, where a counter tells; else what the calibration says. */
  private wattsPerCore(): number {
    return this.costUs > 0 ? (this.costMj / this.costUs) * 1000 : this.calibration().wattsPerCore;
  }

  private accountOf(session: string): SessionAccount {
    const own = { energyMj: undefined, recent: 0, isRecentKnown: true, meanMj: 0, isOver: false };
    const fresh = { jobs: 0, mj: 0, isKnown: true, ...own };
    return entryOf(this.sessions, { key: session, fresh, most: LIMITS.closedSessions });
  }

  private turnOf(turn: string): Sum {
    const fresh = { jobs: 0, mj: 0, isKnown: true };
    return entryOf(this.turns, { key: turn, fresh, most: LIMITS.energyTurns });
  }
}

function add(sum: Sum, { mj, isKnown }: { mj: number; isKnown: boolean }): void {
  sum.jobs += 1;
  sum.mj += mj;
  sum.isKnown &&= isKnown;
}

/** The entry of a key; the one that was used longest ago makes room for a new one. */
function entryOf<Value>(map: Map<string, Value>, given: { key: string; fresh: Value; most: number }): Value {
  const { key, fresh, most } = given;
  const value = map.get(key) ?? fresh;
  map.delete(key);
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value as string);
  return value;
}

function isOver(account: SessionAccount): boolean {
  const { energyMj, recent, isRecentKnown, meanMj, isOver: wasOver } = account;
  if (energyMj === undefined || recent < LEAST_JOBS || !isRecentKnown) return false;
  return meanMj > (wasOver ? energyMj * WITHIN_AGAIN : energyMj);
}

function figureOf({ jobs, mj, isKnown }: Sum): EnergyFigure {
  return jobs > 0 && isKnown ? { mj, source: "estimated" } : NOTHING;
}

function sessionEnergy(session: string, account: SessionAccount): SessionEnergy {
  const { jobs, energyMj, meanMj, recent, isRecentKnown } = account;
  const isJudged = isRecentKnown && recent >= LEAST_JOBS;
  const word = isJudged ? (account.isOver ? "over" : "within") : "unknown";
  return {
    session,
    jobs,
    total: figureOf(account),
    perJob: recent > 0 && isRecentKnown ? { mj: meanMj, source: "estimated" } : NOTHING,
    energyMj,
    verdict: energyMj === undefined ? "unlimited" : word,
  };
}
