// Owns the line that says a session runs without a promise, and by what arithmetic. Computes nothing.

import type { Output } from "./output.js";

/** Prints why a session runs as best effort; nothing when it is promised. */
export function tellRefusal(
  output: Output,
  { session, refused }: { readonly session: string; readonly refused: string | undefined },
): void {
  if (refused === undefined) return;
  output.event(
    { type: "promise", session, promise: "best-effort", because: refused },
    `${session} runs without a promise: ${refused}`,
  );
}
