// Owns the two ways onnxruntime-node is set up as a peer. Knows no model.
// `tuned` is the best found for small paced models: one thread, no pool that spins, denormals flushed; `default` is what
// a user gets. ONNX Runtime flushes denormals only on the thread that opens a process's first session.

import type { InferenceSession } from "onnxruntime-node";

/** How well onnxruntime-node is set up. */
export type PeerTuning = "tuned" | "default";

/** Session options of a peer. `extra` reaches ONNX Runtime's configuration entries, whose values are strings. */
export const PEER_OPTIONS: Readonly<Record<PeerTuning, InferenceSession.SessionOptions>> = {
  default: {},
  tuned: {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    extra: { session: { intra_op: { allow_spinning: "0" }, set_denormal_as_zero: "1" } },
  },
};
