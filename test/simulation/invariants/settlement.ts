// Owns the laws about single jobs: settled once, one owner, bounded, stopped in time. Knows the log and nothing else.

import { LIMITS } from "../../../runtime/core/limits.js";
import type { Invariant, LogRecord } from "../event-log.js";
import { CANCEL_BOUND_US } from "../house-rules.js";
import type { Scenario } from "../scenario.js";

/** 1. */
export function settledOnce(): Invariant {
  const open = new Set<number>();
  let highest = 0;
  const self: Invariant = {
    number: 1,
    law: "every submitted job settles exactly once",
    judged: 0,
    see({ kind, a }) {
      if (kind === "arrive") {
        open.add(a);
        highest = a;
      }
      if (kind !== "settle") return undefined;
      self.judged += 1;
      if (open.delete(a)) return undefined;
      return a <= highest ? `job ${a} settled twice` : `job ${a} settled and never arrived`;
    },
    end() {
      const [first] = open;
      return first === undefined ? undefined : `job ${first} never settled (${open.size} in all)`;
    },
  };
  return self;
}

/** 2. */
export function oneOwner(): Invariant {
  const running = new Map<number, number>();
  const owners = new Map<number, number>();
  const slotOf = (session: number, slot: number): number => session * LIMITS.slotsPerSession + slot;
  const self: Invariant = {
    number: 2,
    law: "a lane runs one job at a time, and a slot has one owner",
    judged: 0,
    see({ kind, a, b, c, d }) {
      if (kind === "start") {
        self.judged += 1;
        const before = running.get(b);
        running.set(b, a);
        if (before !== undefined) return `lane ${b} starts job ${a} while job ${before} runs`;
      }
      if (kind === "end") running.delete(b);
      if (kind === "slot" && c === 1) {
        const place = slotOf(a, b);
        const before = owners.get(place);
        owners.set(place, d);
        if (before !== undefined)
          return `slot ${b} of session ${a} goes to job ${d} while job ${before} has it`;
      }
      if (kind === "slot" && c === 0) {
        const place = slotOf(a, b);
        if (owners.get(place) !== d) return `job ${d} gives back slot ${b} of session ${a}, which it has not`;
        owners.delete(place);
      }
      if (kind === "submit" && owners.get(slotOf(d, c)) !== a)
        return `job ${a} runs in slot ${c}, not its own`;
      return undefined;
    },
  };
  return self;
}

/** 4. */
export function bounded(): Invariant {
  const slots = new Map<number, number>();
  const inFlight = new Map<number, number>();
  const queued = new Map<number, number>();
  const jobs = new Map<number, { session: number; lane: number }>();
  const self: Invariant = {
    number: 4,
    law: "no queue passes its limit, and memory is constant after open",
    judged: 0,
    see({ kind, a, b, d }: LogRecord) {
      if (kind === "session") slots.set(a, d);
      if (kind === "submit") {
        self.judged += 1;
        jobs.set(a, { session: d, lane: b });
        const mine = (inFlight.get(d) ?? 0) + 1;
        const waiting = (queued.get(b) ?? 0) + 1;
        inFlight.set(d, mine);
        queued.set(b, waiting);
        if (mine > slots.get(d)!) return `session ${d} has ${mine} jobs in flight and ${slots.get(d)} slots`;
        if (waiting > LIMITS.jobsPerLane) return `lane ${b} holds ${waiting} jobs`;
      }
      if (kind === "settle") {
        const job = jobs.get(a);
        jobs.delete(a);
        if (job) {
          inFlight.set(job.session, inFlight.get(job.session)! - 1);
          queued.set(job.lane, queued.get(job.lane)! - 1);
        }
      }
      if (kind === "size" && a > b) return `${a} jobs are remembered and ${b} slots exist`;
      return undefined;
    },
  };
  return self;
}

/** 5. */
export function stoppedInTime({ sessions }: Scenario): Invariant {
  const due = new Map<number, number>();
  const deadlines = new Map<number, number>();
  const isStopped = new Map(
    sessions.map(({ sessionId, contract }) => [sessionId, contract.late === "cancel"]),
  );
  const expect = (job: number, byUs: number): void => {
    due.set(job, Math.min(due.get(job) ?? Number.POSITIVE_INFINITY, byUs));
  };
  const self: Invariant = {
    number: 5,
    law: `after cancel, by its caller or its deadline, a job settles within ${CANCEL_BOUND_US / 1000} ms, a waiting one at once`,
    judged: 0,
    see({ kind, atUs, a, b, c, d }) {
      if (kind === "arrive") deadlines.set(a, c);
      if (kind === "submit" && isStopped.get(d)) expect(a, deadlines.get(a)! + CANCEL_BOUND_US);
      if (kind === "cancel") self.judged += 1;
      if (kind === "cancel") expect(a, atUs + (b === 1 ? CANCEL_BOUND_US : 0));
      if (kind !== "settle") return undefined;
      const dueUs = due.get(a);
      due.delete(a);
      deadlines.delete(a);
      return dueUs !== undefined && atUs > dueUs
        ? `job ${a} settles ${atUs - dueUs} us after it had to`
        : undefined;
    },
    end(atUs) {
      const late = [...due].find(([, dueUs]) => dueUs < atUs);
      return late === undefined ? undefined : `job ${late[0]} had to settle by ${late[1]} and never did`;
    },
  };
  return self;
}
