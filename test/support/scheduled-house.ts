// Owns sessions under a runtime's scheduler in virtual time: the real lane rules over runs of a chosen length.

import { type Contract, freezeContract } from "../../runtime/core/contract.js";
import { freezeLadder, type LadderStep } from "../../runtime/core/rung.js";
import { laneIdOf, RuntimeScheduler } from "../../runtime/runtime-scheduler.js";
import type { AdmissionPort } from "../../runtime/scheduler/admission-port.js";
import { scanNonFinite } from "../../runtime/sessions/input-check.js";
import { OpenedSession } from "../../runtime/sessions/opened-session.js";
import type { Outcome, RunOptions, Session } from "../../runtime/sessions/session.js";
import { EventHub } from "../../runtime/telemetry/event-hub.js";
import { UNPLANNED } from "./in-process-session.js";
import { VirtualClock } from "./virtual-clock.js";
import { VirtualProvider } from "./virtual-provider.js";

/** An input of the provider's graphs. */
export const X = Float32Array.of(1, 2, 3, 4);

/** Sizes of the two variants every session opens. */
const BYTES = { large: 100, small: 40 } as const;

export const CAMERA: Contract = {
  periodMs: 50,
  criticality: "critical",
  tolerate: { misses: 1, outOf: 10 },
};
export const HELPER: Contract = {
  periodMs: 100,
  criticality: "background",
  late: "keep",
  tolerate: { misses: 0, outOf: 10 },
};

/** How a session is opened. */
export interface Opening {
  readonly contract: Contract;
  readonly steps?: readonly LadderStep[];
  readonly isTemporal?: boolean;
  readonly wcetUs?: number;
  /** Default: promised. */
  readonly isPromised?: boolean;
  /** The threads of the plan. Default: one. */
  readonly threads?: number;
}

/** One runtime's sessions, without a runtime. */
export class ScheduledHouse {
  readonly clock = new VirtualClock();
  readonly provider = new VirtualProvider(this.clock);
  readonly events = new EventHub();
  readonly scheduler: RuntimeScheduler;

  constructor(admit: AdmissionPort, { memoryBytes }: { memoryBytes?: number } = {}) {
    const { clock, events, provider } = this;
    const memory = memoryBytes === undefined ? {} : { memoryBytes };
    this.scheduler = new RuntimeScheduler({ clock, events, providers: [provider], admit, ...memory });
  }

  open(name: string, opening: Opening): Promise<OpenedSession> {
    const { events, provider, scheduler } = this;
    const contract = freezeContract(opening.contract);
    const { criticality } = contract;
    const request = { graph: null, criticality, laneIndex: 0, slots: 3, statedShapes: {}, isInline: false };
    const { threads = 1 } = opening;
    const ort = { intraOpThreads: threads, spin: threads > 1 };
    const variants = ["large", "small"] as const;
    return OpenedSession.open({
      ...{ name, model: "doubler", threads, manifest: null, contract, plan: UNPLANNED, provider, events },
      graphs: variants.map((variant) => ({ variant, bytes: BYTES[variant], request: { ...request, ort } })),
      admit: async (opened) => {
        const rungs = freezeLadder(opening.steps ?? [], {
          plan: { variant: "large", device: "cpu" },
          variants: opened.map(({ graph }) => ({ id: graph.variant, inputElements: 4 })),
          devices: ["cpu"],
        });
        const { wcetUs = 10_000 } = opening;
        const profile = { p50Us: 0, wcetUs, cpuUs: 1000, energyMj: "unknown" } as const;
        const laneId = laneIdOf(criticality, 0);
        return scheduler.admit({
          contract,
          rungs: rungs.map((rung) => ({
            ...{ rung, profile, laneId },
            memoryBytes: BYTES[rung.variant as keyof typeof BYTES],
          })),
          isTemporal: opening.isTemporal ?? false,
          isPromised: opening.isPromised ?? true,
        });
      },
      isInlineWhenShort: false,
      hasNonFinite: scanNonFinite,
      onClosed: () => {},
    });
  }

  async finish(run: Promise<Outcome>, afterUs = 20_000): Promise<Outcome> {
    await this.clock.advanceTo(this.clock.nowUs() + afterUs);
    return run;
  }

  /** Details of the events of a kind, each after its session. */
  told(kind: string): string[] {
    return this.events
      .read(0)
      .events.filter((event) => event.kind === kind)
      .map(({ session, detail }) => `${session}: ${detail}`);
  }
}

export async function runOnce(session: Session, options: RunOptions = {}): Promise<Outcome> {
  const outcome = await session.run({ x: X }, options);
  outcome.release();
  return outcome;
}
