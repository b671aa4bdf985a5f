// Owns short ways to ask admission about models that are named and never opened, and to catch its refusals.

import type { RedlineError } from "../../runtime/core/errors.js";

/** What a call that must be refused is refused with. */
export async function refusalOf(asked: Promise<unknown>): Promise<RedlineError> {
  return asked.then(
    () => {
      throw new Error("nothing was refused");
    },
    (error: RedlineError) => error,
  );
}

/** The scheduler's question about one session. */
export function askOf(given: { sessionId: number; wcetUs: number }) {
  return {
    ...given,
    criticality: "critical",
    device: "cpu",
    laneId: 0,
    periodUs: 50_000,
    deadlineUs: 50_000,
    watts: "unknown",
    isPromised: true,
  } as const;
}

/** A variant by its id. */
export function other(id: string) {
  return { id, label: `doubler@${id}`, accuracy: "unknown" as const };
}

/** What a variant of these bytes is opened with. */
export function requestOf(bytes: number[]) {
  return { graph: new Uint8Array(bytes), slots: 3, statedShapes: {}, isInline: false };
}
