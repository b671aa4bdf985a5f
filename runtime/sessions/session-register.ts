// Owns which sessions a runtime has: the open ones, what the last closed ones did, and the names of both.
// Knows no provider. Invariant: no two sessions it remembers share a name, and what it remembers of closed ones is
// bounded by LIMITS.closedSessions.

import { LIMITS } from "../core/limits.js";
import type { Session, SessionStats } from "./session.js";

/** The sessions asked for under one name: how many there have been, and how many are remembered. */
interface Series {
  count: number;
  remembered: number;
}

/** Every session of one runtime. */
export class SessionRegister {
  private readonly openSessions = new Set<Session>();
  private readonly closedStats: SessionStats[] = [];
  /** Each name in use, and the name that was asked for. */
  private readonly names = new Map<string, string>();
  private readonly series = new Map<string, Series>();

  constructor(private readonly mostClosed: number = LIMITS.closedSessions) {}

  /** The open sessions, in the order of their opening. */
  get open(): readonly Session[] {
    return [...this.openSessions];
  }

  /**
   * Takes a name for a session that is to open: as wanted, else with a number that no session here has had. One that closed
   * without a job is remembered only until its name is wanted again.
   */
  claim(wanted: string): string {
    const idle = this.closedStats.findIndex(({ session, n }) => session === wanted && n === 0);
    if (idle >= 0) {
      this.closedStats.splice(idle, 1);
      return wanted;
    }
    const series = this.series.get(wanted) ?? { count: 0, remembered: 0 };
    let name: string;
    do {
      series.count += 1;
      name = series.count === 1 ? wanted : `${wanted}#${series.count}`;
    } while (this.names.has(name));
    series.remembered += 1;
    this.series.set(wanted, series);
    this.names.set(name, wanted);
    return name;
  }

  /** Gives back the name of a session that did not open, or of one that is remembered no more. */
  forget(name: string): void {
    const wanted = this.names.get(name)!;
    const series = this.series.get(wanted)!;
    this.names.delete(name);
    series.remembered -= 1;
    if (series.remembered === 0) this.series.delete(wanted);
  }

  add(session: Session): void {
    this.openSessions.add(session);
  }

  /** Keeps what a closing session did, in place of the oldest when there are too many. */
  close(session: Session): void {
    this.openSessions.delete(session);
    this.closedStats.push(session.stats());
    if (this.closedStats.length > this.mostClosed) this.forget(this.closedStats.shift()!.session);
  }

  /** The last closed sessions in the order of their closing, then the open ones. */
  stats(): SessionStats[] {
    return [...this.closedStats, ...this.open.map((session) => session.stats())];
  }
}
