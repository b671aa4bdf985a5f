// Owns the laws about deadlines, blocking and tolerances. Knows the log and what a seed draws, nothing of the code under test.

import { isRequested, OUTCOME_CODES } from "../../../runtime/core/outcome.js";
import type { Invariant } from "../event-log.js";
import type { Scenario, SimulatedSession } from "../scenario.js";
import { Disturbance } from "./disturbance.js";

/** 3. */
export function criticalInTime(): Invariant {
  const disturbance = new Disturbance();
  const critical = new Set<number>();
  const covered = new Map<number, number>();
  const self: Invariant = {
    number: 3,
    law: "an admitted critical job meets its deadline while real costs stay within their profiles",
    judged: 0,
    see(record) {
      const { kind, a, b, c, d } = record;
      disturbance.see(record);
      if (kind === "session" && b === 0 && c === 1) critical.add(a);
      if (!disturbance.isCalm) covered.clear();
      else if (kind === "arrive" && critical.has(b)) covered.set(a, c);
      if (kind !== "settle" || !covered.has(a)) return undefined;
      self.judged += 1;
      const deadlineUs = covered.get(a)!;
      covered.delete(a);
      const { status, reason } = OUTCOME_CODES[b]!;
      const isFine = (status === "done" && d <= deadlineUs) || isRequested(reason) || reason === "skipped";
      return isFine
        ? undefined
        : `critical job ${a} is ${status} / ${reason}, due ${deadlineUs}, settled ${d}`;
    },
  };
  return self;
}

/** 7. */
export function blockedOnce(scenario: Scenario): Invariant {
  const { machine } = scenario;
  const resources = [
    { cores: machine.cores, isPreemptive: machine.isPreemptive },
    { cores: 1, isPreemptive: false },
  ];
  const ready = resources.map(() => new Map<number, number>());
  const held = resources.map(() => new Map<number, number>());
  let checkedUs = 0;
  /** On a machine that preempts, nobody of a lower class holds a core while a higher class is ready, once time moves on. */
  const inversion = (): string | undefined => {
    for (const [resource, { isPreemptive }] of resources.entries()) {
      if (!isPreemptive) continue;
      for (const [job, rank] of ready[resource]!) {
        if (held[resource]!.has(job)) continue;
        for (const [other, otherRank] of held[resource]!) {
          if (otherRank > rank)
            return `job ${other} of class ${otherRank} holds a core while job ${job} of class ${rank} waits`;
        }
      }
    }
    return undefined;
  };
  const self: Invariant = {
    number: 7,
    law: "a lower-criticality job delays a critical one by at most one non-preemptive section",
    judged: 0,
    see({ kind, atUs, a, b, c, d }) {
      // What is put to the test is a higher class that has to wait.
      if (kind === "start" && held[c]!.size >= resources[c]!.cores) self.judged += 1;
      let broken: string | undefined;
      if (atUs > checkedUs) {
        broken = inversion();
        checkedUs = atUs;
      }
      if (kind === "start") ready[c]!.set(a, d);
      if (kind === "grant") {
        held[b]!.set(a, c);
        // A section that begins while a higher class is ready would be a second one.
        for (const [job, rank] of ready[b]!) {
          if (rank < c && !held[b]!.has(job))
            broken ??= `job ${a} of class ${c} gets resource ${b} before job ${job} of class ${rank}`;
        }
      }
      if (kind === "revoke") held[b]!.delete(a);
      if (kind === "end") {
        ready[c]!.delete(a);
        held[c]!.delete(a);
      }
      return broken;
    },
  };
  return self;
}

interface Tolerance {
  readonly drawn: SimulatedSession;
  isPromised: boolean;
  rung: number;
  isSuspended: boolean;
  /** Jobs in order of arrival that count: P in flight, H hit, M missed; with whether the promise covers them. */
  readonly jobs: { job: number; state: "pending" | "hit" | "missed"; isCovered: boolean }[];
}

/** 10. */
export function firmKept(scenario: Scenario): Invariant {
  const disturbance = new Disturbance();
  const sessions = new Map<number, Tolerance>();
  const ownerOf = new Map<number, number>();
  for (const drawn of scenario.sessions) {
    const { sessionId } = drawn;
    sessions.set(sessionId, { drawn, isPromised: false, rung: 0, isSuspended: false, jobs: [] });
  }
  const settle = (session: Tolerance, job: number, code: number): string | undefined => {
    const { misses, outOf } = session.drawn.contract.tolerate;
    const { status, reason } = OUTCOME_CODES[code]!;
    const at = session.jobs.findLastIndex((entry) => entry.job === job);
    const entry = session.jobs[at];
    if (!entry) return undefined;
    const { rung } = session.drawn.rungs[session.rung]!;
    const isUncounted =
      reason === "superseded" ||
      (reason === "skipped" && rung.rate < 1) ||
      (reason === "suspended" && rung.kind === "off");
    if (isUncounted) {
      session.jobs.splice(at, 1);
      return undefined;
    }
    entry.state = status === "done" || isRequested(reason) ? "hit" : "missed";
    // What policy holds back is not promised meanwhile.
    if (reason === "suspended" || reason === "preempted" || reason === "lost") entry.isCovered = false;
    if (entry.isCovered || reason === "skipped") self.judged += 1;
    if (reason === "skipped") {
      const before = session.jobs.slice(Math.max(0, at - outOf + 1), at);
      const missing = before.filter(({ state }) => state !== "hit").length;
      if (missing + 1 > misses)
        return `job ${job} of session ${session.drawn.sessionId} is skipped with ${missing} of the last ${before.length} not done, ${misses} of ${outOf} allowed`;
    }
    if (!session.isPromised || entry.state === "hit") return undefined;
    let from = at;
    while (from > 0 && session.jobs[from - 1]!.isCovered && at - from + 1 < outOf) from -= 1;
    if (!entry.isCovered) return undefined;
    const missing = session.jobs.slice(from, at + 1).filter(({ state }) => state === "missed").length;
    return missing > misses
      ? `session ${session.drawn.sessionId} misses ${missing} of ${outOf} with job ${job} (${status} / ${reason}), ${misses} allowed`
      : undefined;
  };
  const self: Invariant = {
    number: 10,
    law: "(m,k) is never broken for an admitted session within its profile, and never by a skip",
    judged: 0,
    see(record) {
      const { kind, a, b, c } = record;
      disturbance.see(record);
      if (kind === "session") sessions.get(a)!.isPromised = c === 1;
      if (kind === "move") sessions.get(a)!.rung = c;
      if (!disturbance.isCalm) uncover(sessions.values());
      if (kind === "arrive") {
        const session = sessions.get(b)!;
        ownerOf.set(a, b);
        session.jobs.push({ job: a, state: "pending", isCovered: disturbance.isCalm });
        const spare = session.jobs.length - 2 * session.drawn.contract.tolerate.outOf - session.drawn.slots;
        if (spare > 64) session.jobs.splice(0, spare);
      }
      if (kind !== "settle") return undefined;
      const owner = ownerOf.get(a);
      ownerOf.delete(a);
      return owner === undefined ? undefined : settle(sessions.get(owner)!, a, b);
    },
  };
  return self;
}

/** Jobs under way when something goes wrong are covered no longer; those that have settled stay as they were. */
function uncover(sessions: Iterable<Tolerance>): void {
  for (const { jobs, drawn } of sessions) {
    const from = Math.max(0, jobs.length - drawn.slots - 1);
    for (let at = from; at < jobs.length; at += 1)
      if (jobs[at]!.state === "pending") jobs[at]!.isCovered = false;
  }
}
