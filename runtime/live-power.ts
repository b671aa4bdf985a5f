// Owns the power of a live run: what the load draws without a budget, the budget made of that, and whether it was kept.
// Knows no pipeline and no meter. Invariant: windows are judged from the energy the meter counted, not from what the governor says.

import type { FigureSource, PowerBand } from "./core/budget.js";
import type { Alarm } from "./core/clock.js";
import { RedlineError } from "./core/errors.js";
import type { Runtime } from "./runtime.js";
import { withoutPower } from "./runtime-power.js";

/** What a run may draw: watts, or a share of what the same load draws without a budget. */
export type PowerGoal = { readonly watts: number } | { readonly share: number };

/** A session's move on its ladder, in words. */
export interface MoveRecord {
  /** Since the run began. */
  readonly atSeconds: number;
  readonly session: string;
  /** Both rungs, the cause and the numbers. */
  readonly detail: string;
}

/** The power of a live run, now or at its end. */
export interface PowerRecord {
  /** `measuring` while the load runs without a budget, to know what the share is of. */
  readonly phase: "measuring" | "holding";
  /** The average without a budget; unknown until it was measured, and where watts were given. */
  readonly freeWatts: number | "unknown";
  /** What holds now, as presets, supply and heat leave it; null while there is no budget. */
  readonly budgetWatts: number | null;
  /** The average over the last window. */
  readonly watts: number | "unknown";
  readonly source: FigureSource;
  readonly band: PowerBand;
  /** Length of a window, in seconds. */
  readonly windowSeconds: number;
  /** From the budget to the end of the last window above it; 0 when none was. */
  readonly settledSeconds: number;
  /** Windows that began three windows after the budget or later: how many, how many of them above it, and the highest. */
  readonly settled: { readonly windows: number; readonly over: number; readonly highestWatts: number };
  /** The last moves, oldest first. */
  readonly moves: readonly MoveRecord[];
}

/** The length of a window: the default of `PowerOptions.windowMs`. */
const WINDOW_US = 1_000_000;
/** Ten looks a window, as the meter reads. */
const LOOK_US = 100_000;
/** So long the share's whole is measured for, at most and as a share of the run; the first window is left out. */
const MEASURE_US_MAX = 10_000_000;
const MEASURE_SHARE = 0.25;
/** Three windows to settle in. */
const SETTLING_WINDOWS = 3;
const MOVES_KEPT = 8;

interface Look {
  readonly atUs: number;
  readonly mj: number;
  readonly coveredUs: number;
}

/** Follows one run. */
export class LivePower {
  private readonly unsubscribe: () => void;
  private readonly startedUs: number;
  private readonly measureUs: number;
  private readonly moves: MoveRecord[] = [];
  private readonly looks: Look[] = [];
  private free: { readonly from: Look | undefined; watts: number | "unknown" } = {
    from: undefined,
    watts: "unknown",
  };
  private heldSinceUs: number | undefined;
  private settledUs = 0;
  private readonly settled = { windows: 0, over: 0, highestWatts: 0 };
  private alarm: Alarm | undefined;

  /**
   * @param given.onLost told once, when the share cannot be known because nothing measures
   * @throws RedlineError `BUDGET_INVALID` on a runtime that watches no power, or for watts that make no sense
   */
  constructor(
    private readonly runtime: Pick<Runtime, "clock" | "events" | "stats" | "setPackageWatts">,
    private readonly goal: PowerGoal,
    given: { readonly seconds: number; readonly onLost: (error: Error) => void },
  ) {
    if (runtime.stats().power === undefined) throw withoutPower("BUDGET_INVALID", "the budget of a live run");
    this.startedUs = runtime.clock.nowUs();
    this.measureUs = Math.min(MEASURE_US_MAX, given.seconds * 1e6 * MEASURE_SHARE);
    this.unsubscribe = runtime.events.subscribe(({ kind, atUs, session, detail }) => {
      if (kind !== "ladder.move") return;
      this.moves.push({ atSeconds: (atUs - this.startedUs) / 1e6, session, detail });
      if (this.moves.length > MOVES_KEPT) this.moves.shift();
    });
    if ("watts" in goal) this.hold(goal.watts);
    this.wait(given.onLost);
  }

  /** Looks no more. */
  end(): void {
    this.alarm?.cancel();
    this.unsubscribe();
  }

  record(): PowerRecord {
    const { watts, source, band, budgetWatts } = this.runtime.stats().power!.pressure;
    return {
      phase: this.heldSinceUs === undefined ? "measuring" : "holding",
      freeWatts: this.free.watts,
      budgetWatts: Number.isFinite(budgetWatts) ? budgetWatts : null,
      watts,
      source,
      band,
      windowSeconds: WINDOW_US / 1e6,
      settledSeconds: this.settledUs / 1e6,
      settled: { ...this.settled },
      moves: [...this.moves],
    };
  }

  private wait(onLost: (error: Error) => void): void {
    const { clock } = this.runtime;
    this.alarm = clock.setAlarm(clock.nowUs() + LOOK_US, () => {
      try {
        this.look();
        this.wait(onLost);
      } catch (error) {
        onLost(error as Error);
      }
    });
  }

  private look(): void {
    const nowUs = this.runtime.clock.nowUs();
    const { energy, pressure } = this.runtime.stats().power!;
    const mj = energy.package.mj;
    const now = { atUs: nowUs, mj: mj === "unknown" ? 0 : mj, coveredUs: energy.coveredUs };
    if (this.heldSinceUs === undefined) this.measure(now);
    else this.judge(now, pressure.budgetWatts);
  }

  private measure(now: Look): void {
    const sinceUs = now.atUs - this.startedUs;
    if (this.free.from === undefined && sinceUs >= WINDOW_US) this.free = { from: now, watts: "unknown" };
    const { from } = this.free;
    if (from === undefined || sinceUs < Math.max(this.measureUs, 2 * WINDOW_US)) return;
    const watts = averageOf(from, now);
    if (watts === undefined) {
      throw new RedlineError("BUDGET_INVALID", {
        what: "a share of the draw",
        expected: "a meter, or the processors' time to estimate by",
        received: "no figure of what the load draws",
        hint: "give watts instead; redline power says which meters there are",
      });
    }
    this.free.watts = watts;
    this.hold(watts * (this.goal as { share: number }).share);
  }

  private hold(watts: number): void {
    this.runtime.setPackageWatts(watts);
    this.heldSinceUs = this.runtime.clock.nowUs();
    this.looks.length = 0;
  }

  /** One window that ends now, by what the meter counted in it. */
  private judge(now: Look, budgetWatts: number): void {
    this.looks.push(now);
    const first = this.looks.findLastIndex(({ atUs }) => now.atUs - atUs >= WINDOW_US);
    if (first < 0) return;
    const from = this.looks[first]!;
    this.looks.splice(0, first);
    const watts = averageOf(from, now);
    if (watts === undefined) return;
    const isOver = watts > budgetWatts;
    const heldUs = now.atUs - this.heldSinceUs!;
    if (isOver) this.settledUs = heldUs;
    if (from.atUs - this.heldSinceUs! < SETTLING_WINDOWS * WINDOW_US) return;
    this.settled.windows += 1;
    if (isOver) this.settled.over += 1;
    this.settled.highestWatts = Math.max(this.settled.highestWatts, watts);
  }
}

/** Watts between two looks; undefined while less than half of the time between has a figure. */
function averageOf(from: Look, to: Look): number | undefined {
  const coveredUs = to.coveredUs - from.coveredUs;
  return coveredUs * 2 < to.atUs - from.atUs ? undefined : ((to.mj - from.mj) * 1000) / coveredUs;
}
