// Owns what the mutants' processes say to each other. Knows no process.

import type { Tensor } from "../../runtime/core/tensor.js";

/** What to open and run. */
export interface Trial {
  readonly bytes: Uint8Array;
  readonly inputSeed: number;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** Asks the reference what the graph computes as it stands. */
  readonly isUnoptimized?: boolean;
}

/** How one mutant went in one process. */
export type TrialResult =
  /** It was refused when opened. `code` is null for an error that is none of ours. */
  | { readonly kind: "refused"; readonly code: string | null; readonly message: string }
  /** Its inputs were refused, or could not be made. */
  | { readonly kind: "not-run"; readonly code: string | null; readonly message: string }
  | { readonly kind: "settled"; readonly outcome: string; readonly message: string }
  | { readonly kind: "done"; readonly outputs: Readonly<Record<string, Tensor>> };
