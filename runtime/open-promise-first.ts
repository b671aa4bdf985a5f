// Owns opening a session with a promise, or without one where none can be shown. Knows no model and no pipeline.
// Invariant: only a promise that cannot be shown is done without; every other refusal is the caller's.

import { RedlineError } from "./core/errors.js";
import type { OpenOptions } from "./open-request.js";
import type { Runtime } from "./runtime.js";
import type { Session } from "./sessions/session.js";

/** A session, and why nothing is promised to it. */
export interface PromiseFirst {
  readonly session: Session;
  /** The arithmetic that a promise failed by, and what would fit; undefined when it is promised. */
  readonly refused: string | undefined;
}

/**
 * Opens a session under a promise; where it cannot be shown to hold, as best effort.
 *
 * @throws RedlineError whatever `Runtime.open` throws but a refused promise
 *
 * @example
 * const { session, refused } = await openPromiseFirst(runtime, "road-seg", { contract: { periodMs: 50 } });
 * if (refused !== undefined) console.log(`${session.name}: ${refused}`);
 */
export async function openPromiseFirst(
  runtime: Runtime,
  model: string,
  options: Omit<OpenOptions, "admit">,
): Promise<PromiseFirst> {
  try {
    return { session: await runtime.open(model, { ...options, admit: "promised" }), refused: undefined };
  } catch (error) {
    if (!(error instanceof RedlineError && error.code === "PLAN_INFEASIBLE")) throw error;
    const session = await runtime.open(model, { ...options, admit: "best-effort" });
    return { session, refused: refusalText(error) };
  }
}

/** The hint names another rung, if one fits, before it says what this caller does anyway. */
function refusalText({ what, received, hint = "" }: RedlineError): string {
  const reason = received === undefined ? what : `${what}: ${received}`;
  const rung = hint.split("; ").find((part) => part.startsWith("it fits as"));
  return rung === undefined ? `${reason}` : `${reason}; ${rung}`;
}
