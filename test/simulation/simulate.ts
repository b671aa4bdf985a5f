// Owns one simulated life of a seed: the house, phases of faults and of recovery, the laws, and what came of it.
// Invariant: the same seed gives the same log, byte for byte.

import type { PowerBand } from "../../runtime/core/budget.js";
import { type Rng, seededRng } from "../../runtime/core/rng.js";
import { type Breach, EventLog, type Invariant } from "./event-log.js";
import { drawFaults, FAULT_KINDS, type Fault, type FaultKind, SUDDEN } from "./faults.js";
import { House } from "./house.js";
import { type HouseParts, PRODUCTION } from "./house-parts.js";
import { DEATH_NOTICED_US, powerSettlingUs, recoveryBoundUs, rulesFor } from "./house-rules.js";
import { recovers, steadyLadder, underBudget } from "./invariants/policy.js";
import { bounded, oneOwner, settledOnce, stoppedInTime } from "./invariants/settlement.js";
import { blockedOnce, criticalInTime, firmKept } from "./invariants/timing.js";
import type { LiveSession } from "./live-session.js";
import { GOVERNOR_US, type Governor, PackagePower, type SensorState } from "./package-power.js";
import { drawScenario, type Scenario } from "./scenario.js";

/** One phase of faults and one of recovery. */
export const CYCLE_US = 30_000_000;
const QUIET_US = 2_000_000;
const FAULTS_END_US = 12_000_000;
/** After the last arrival everything settles within this. */
const DRAIN_US = 10_000_000;

/** What came of a seed. */
export interface SimulationResult {
  readonly seed: number;
  readonly hash: string;
  readonly records: number;
  readonly breach: Breach | undefined;
  /** The last records before the breach, in words. */
  readonly led: readonly string[];
  readonly sessions: number;
  /** The laws, each with how often it was put to the test. */
  readonly invariants: readonly Invariant[];
}

/** Every law, in the order of its number. */
export function invariantsFor(scenario: Scenario): Invariant[] {
  const rungs = scenario.sessions.reduce((sum, session) => sum + session.rungs.length - 1, 0);
  const rules = rulesFor(scenario.machine);
  return [
    settledOnce(),
    oneOwner(),
    criticalInTime(),
    bounded(),
    stoppedInTime(scenario),
    steadyLadder(scenario, rules),
    blockedOnce(scenario),
    recovers(),
    underBudget({ settlingUs: powerSettlingUs(rungs) }),
    firmKept(scenario),
  ];
}

/** Runs `cycles` cycles of a seed; stops at the first breach. */
export function simulate(
  seed: number,
  { cycles = 1, parts = PRODUCTION }: { readonly cycles?: number; readonly parts?: HouseParts } = {},
): SimulationResult {
  const rng = seededRng(seed);
  const scenario = drawScenario(rng);
  const invariants = invariantsFor(scenario);
  const log = new EventLog(invariants);
  const life = new Life({ scenario, rng, log, parts });
  for (let cycle = 0; cycle < cycles && log.breach === undefined; cycle += 1) life.cycle();
  if (log.breach === undefined) life.end();
  const { house } = life;
  const led = log.breach === undefined ? [] : log.lastRecords();
  return {
    seed,
    hash: log.digest(),
    records: log.count,
    breach: log.breach,
    led,
    sessions: house.sessions.length,
    invariants,
  };
}

/** A house and what happens to it. */
class Life {
  readonly house: House;
  private readonly plant: PackagePower;
  private readonly governor: Governor;
  private readonly rng: Rng;
  private readonly log: EventLog;
  private readonly normalMw: number;
  private readonly floorMw: number;
  private budgetMw: number;
  private band: PowerBand = "green";
  private readonly active = new Set<Fault>();
  private faultCount = 0;

  constructor(given: { scenario: Scenario; rng: Rng; log: EventLog; parts: HouseParts }) {
    const { scenario, rng, log, parts } = given;
    this.rng = rng;
    this.log = log;
    this.plant = new PackagePower(scenario.machine.idleWatts);
    this.governor = parts.governor();
    this.house = new House(scenario, rng, log, parts, (house) => this.draw(house));
    const { full, floor } = plannedMw(this.house, scenario.machine.idleWatts * 1000);
    // The governor keeps a fifth of a noisy draw free and offers four fifths of what is then left.
    this.normalMw = full * (1.6 + 0.4 * rng.next());
    this.budgetMw = this.normalMw;
    this.floorMw = floor;
    this.govern();
  }

  cycle(): void {
    const { house, log } = this;
    const startUs = house.nowUs;
    log.write("phase", startUs, 0, 0);
    const untilUs = startUs + FAULTS_END_US;
    for (const fault of drawFaults(this.rng, { fromUs: startUs + QUIET_US, untilUs })) {
      house.timers.set(fault.atUs, () => this.begin(fault));
    }
    house.runUntil(untilUs);
    if (log.breach) return;
    // What has not struck by now would strike during recovery.
    for (const { ailments } of house.sessions) ailments.isNextSlow = ailments.isNextHung = false;
    const rungs = house.sessions.reduce((sum, { plan }) => sum + plan.rungs.length - 1, 0);
    log.write("phase", house.nowUs, 1, recoveryBoundUs(rungs));
    house.runUntil(startUs + CYCLE_US);
  }

  /** No more arrivals: what is under way settles. */
  end(): void {
    const { house } = this;
    house.arrivalsUntilUs = house.nowUs;
    for (const session of house.sessions) session.nextArrivalUs = Number.POSITIVE_INFINITY;
    house.runUntil(house.nowUs + DRAIN_US);
    this.log.end(house.nowUs);
  }

  /** What is drawn by what holds the processors since the last instant. */
  private draw({ nowUs, processors, scenario }: House): void {
    const { coreWatts, npuWatts } = scenario.machine;
    const busyCores = processors[0]!.grantedCount;
    const watts = busyCores * coreWatts + processors[1]!.grantedCount * npuWatts;
    this.plant.advance(nowUs, { watts, busyCores });
  }

  /** Ten times a second: a sample, a reading, a pressure. */
  private govern(): void {
    const { house, log, plant } = this;
    house.timers.set(house.nowUs + GOVERNOR_US, () => {
      const budgetMw = this.budgetMw;
      const band = this.band;
      const { stepWatts, windowWatts } = plant.sample();
      const watts = plant.read(stepWatts, this.rng);
      log.write("power", house.nowUs, windowWatts * 1000, budgetMw, watts === "unknown" ? -1 : watts * 1000);
      const slots = house.sessions.reduce((sum, { drawn }) => sum + drawn.slots, 0);
      log.write("size", house.nowUs, house.scheduler.jobCount, slots);
      const reading = {
        atUs: house.nowUs,
        watts,
        budgetWatts: budgetMw / 1000,
        band,
        busyCores: plant.takeBusy(),
      };
      house.scheduler.takePower(this.governor(reading));
      this.govern();
    });
  }

  private begin(fault: Fault): void {
    const { house, log } = this;
    const kind = FAULT_KINDS.indexOf(fault.kind);
    const session = house.sessions[fault.target % Math.max(1, house.sessions.length)];
    if (!session) return;
    const number = this.faultCount++;
    log.write("fault", house.nowUs, kind, 1, fault.target, number);
    this.active.add(fault);
    if (SUDDEN.has(fault.kind)) this.strike(fault, session);
    this.suffer();
    house.timers.set(fault.untilUs, () => {
      this.active.delete(fault);
      this.suffer();
      log.write("fault", house.nowUs, kind, 0, fault.target, number);
    });
  }

  /** Does what happens in an instant. */
  private strike({ kind }: Fault, session: LiveSession): void {
    if (kind === "slow-run") session.ailments.isNextSlow = true;
    if (kind === "hung-run") session.ailments.isNextHung = true;
    if (kind === "provider-crash") this.crash(session);
    if (kind === "lane-death") this.killLane(session.lanes[0]!);
  }

  /** Brings what lasts into line with the faults that are active. */
  private suffer(): void {
    const { house, plant, active } = this;
    const faults = [...active];
    const { sessions } = house;
    const isIll = (kind: FaultKind, index: number): boolean =>
      faults.some((fault) => fault.kind === kind && fault.target % sessions.length === index);
    for (const [index, { ailments }] of sessions.entries()) {
      ailments.areFramesWrong = isIll("wrong-frames", index);
      ailments.isBursting = isIll("burst", index);
      ailments.isSilent = isIll("silence", index);
      const drifts = faults.filter(
        ({ kind, target }) => kind === "drift" && target % sessions.length === index,
      );
      ailments.drift = Math.max(1, ...drifts.map(({ size }) => 1.1 + 0.9 * size));
    }
    const lie = faults.find(({ kind }) => kind === "sensor-lies");
    const isLost = faults.some(({ kind }) => kind === "sensor-lost");
    plant.sensor = isLost ? "lost" : lie ? LIES[lie.target % LIES.length]! : "well";
    const shrinks = faults.filter(({ kind }) => kind === "battery" || kind === "thermal-step");
    this.budgetMw = Math.min(this.normalMw, ...shrinks.map(({ size }) => this.shrunkMw(size)));
    const heat = faults.filter(({ kind }) => kind === "thermal-step").map(({ target }) => 1 + (target % 3));
    this.band = BANDS[Math.max(0, ...heat)]!;
    this.loseNpu(faults.some(({ kind }) => kind === "device-lost"));
  }

  /** Between what must run whatever happens and what is planned. */
  private shrunkMw(size: number): number {
    const lowMw = this.floorMw * 1.15;
    return lowMw + 0.7 * size * Math.max(0, this.normalMw - lowMw);
  }

  private crash(session: LiveSession): void {
    const { house } = this;
    for (const lane of house.lanes) {
      if (lane.run && house.ownerOf(lane.run.jobId) === session) house.endRun(lane.run, "lost");
    }
  }

  private killLane(laneId: number): void {
    const { house } = this;
    const lane = house.lanes[laneId]!;
    lane.isDead = true;
    if (lane.run) {
      lane.run.leftUs = Number.POSITIVE_INFINITY;
      lane.run.isHung = true;
    }
    house.timers.set(house.nowUs + DEATH_NOTICED_US, () => {
      if (lane.isDead) house.replaceLane(laneId);
    });
  }

  private loseNpu(isLost: boolean): void {
    const { house } = this;
    if (!house.scenario.machine.hasNpu || house.isNpuLost === isLost) return;
    house.isNpuLost = isLost;
    house.scheduler.deviceChanged("npu", { isLost });
    if (!isLost) return;
    for (const run of [...house.processors[1]!.runs]) house.endRun(run, "failed");
  }
}

const BANDS: readonly PowerBand[] = ["green", "yellow", "red", "danger"];
const LIES: readonly SensorState[] = ["negative", "frozen", "absurd"];

/** Package power with every session on rung 0, and with everything below critical as low as its ladder goes. */
function plannedMw({ sessions }: House, idleMw: number): { full: number; floor: number } {
  let full = idleMw;
  let floor = idleMw;
  for (const { plan, drawn } of sessions) {
    const mw = drawn.rungs.map(
      ({ rung, energyMj }) => (rung.rate * energyMj * 1e6) / drawn.contract.periodUs,
    );
    const isCritical = plan.isPromised && drawn.contract.criticality === "critical";
    full += mw[0]!;
    floor += isCritical ? mw[0]! : Math.min(...mw);
  }
  return { full, floor };
}
