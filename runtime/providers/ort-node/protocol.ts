// Owns the messages between the fallback provider and its lane processes. Knows neither end.
// Invariant: every request is answered once, with the same id.

import type { OrtOptions } from "../../bindings/addon.js";
import type { Tensor, TensorSpec } from "../../core/tensor.js";

/** What a lane process is asked. */
export type LaneRequest =
  | {
      readonly kind: "open";
      readonly id: number;
      readonly sessionId: number;
      readonly graph: string | Uint8Array;
      readonly ort: OrtOptions;
    }
  | {
      readonly kind: "run";
      readonly id: number;
      readonly sessionId: number;
      readonly inputs: Record<string, Tensor>;
    }
  | { readonly kind: "close"; readonly id: number; readonly sessionId: number };

/** What it answers; `failed` for a request of any kind. */
export type LaneReply =
  | {
      readonly kind: "opened";
      readonly id: number;
      readonly inputs: readonly TensorSpec[];
      readonly outputs: readonly TensorSpec[];
    }
  | {
      readonly kind: "ran";
      readonly id: number;
      readonly endedUs: number;
      readonly cpuUs: number;
      readonly hasFiniteOutputs: boolean;
      readonly outputs: Record<string, Tensor>;
    }
  | { readonly kind: "closed"; readonly id: number }
  | { readonly kind: "failed"; readonly id: number; readonly endedUs: number; readonly message: string };
