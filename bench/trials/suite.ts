// Owns the loads of the suites: what is worth knowing of a board, in under ten minutes. Measures nothing.

import type { BenchLoad } from "./run-bench.js";

/** Suites by name. */
export const SUITES = {
  /**
   * For comparing boards: voice and driving at their pace, what they cost alone, and under arrivals that bunch. With three
   * trials and the controls about seven minutes.
   */
  board: [
    load("silero-vad", { scenario: "constant-stream", periodUs: 32_000 }, 20),
    load("road-seg", { scenario: "constant-stream", periodUs: 50_000 }, 24),
    load("silero-vad", { scenario: "single-stream" }, 6),
    load("road-seg", { scenario: "single-stream" }, 9),
    load("road-seg", { scenario: "server", perSecond: 10, deadlineUs: 100_000 }, 20),
    load("road-seg", { scenario: "offline", inFlight: 8 }, 9),
  ],
} as const satisfies Record<string, readonly BenchLoad[]>;

/** A suite's name. */
export type SuiteName = keyof typeof SUITES;

function load(model: string, shape: BenchLoad["shape"], seconds: number): BenchLoad {
  return { model, shape, seconds };
}
