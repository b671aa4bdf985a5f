// Owns the opens of one runtime that have not settled yet, and how its close ends them. Knows no model and no provider.
// Invariant: once `end` has resolved none is under way, and none of them has left a session open.

import { RedlineError } from "../core/errors.js";
import type { Session } from "./session.js";

/** Every open of one runtime that is under way. */
export class OpensUnderWay {
  private readonly ending = new AbortController();
  private readonly opens = new Set<Promise<Session>>();

  /** Aborted when the runtime closes: what an open waits for gives up then. */
  get signal(): AbortSignal {
    return this.ending.signal;
  }

  /**
   * Runs an open. Whatever becomes of it once the runtime closes, its caller is told of the close and of nothing else.
   *
   * @throws RedlineError `RUNTIME_CLOSED`, or what the open itself throws
   */
  async run(what: string, open: () => Promise<Session>): Promise<Session> {
    this.require(what);
    const work = this.finish(what, open);
    this.opens.add(work);
    try {
      return await work;
    } finally {
      this.opens.delete(work);
    }
  }

  /** @throws RedlineError `RUNTIME_CLOSED` once the runtime closes */
  require(what: string): void {
    if (this.signal.aborted) throw closed(what);
  }

  /** Tells every open to give up, refuses new ones, and waits until all have settled. */
  async end(): Promise<void> {
    this.ending.abort(closed("an open under way"));
    await Promise.allSettled(this.opens);
  }

  private async finish(what: string, open: () => Promise<Session>): Promise<Session> {
    let session: Session;
    try {
      session = await open();
    } catch (error) {
      throw this.signal.aborted ? closed(what, error) : error;
    }
    if (!this.signal.aborted) return session;
    await session.close();
    throw closed(what);
  }
}

function closed(what: string, cause?: unknown): RedlineError {
  const hint = "open it on another runtime, or close this one later";
  return new RedlineError("RUNTIME_CLOSED", { what, hint, ...(cause === undefined ? {} : { cause }) });
}
