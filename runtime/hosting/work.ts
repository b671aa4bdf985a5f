// Owns what a program may let run in the thread of its hosted runtime: the form of a work, and the work from outside.
// Knows no pipeline.

import type { Runtime } from "../runtime.js";

/** What a work is given besides the runtime. */
export interface HostedWorkOptions {
  /** What `host` was given: plain data. */
  readonly data: unknown;
  /** Sends plain data to whoever started the work. */
  readonly post: (message: unknown) => void;
  /** Aborted when the work is to end. */
  readonly signal: AbortSignal;
}

/**
 * The default export of a module that `HostedRuntime.host` loads. It runs in the runtime's own thread: sources, pipelines
 * and sessions live there, whatever the program's thread is busy with. Its answer must be plain data.
 *
 * @example
 * const work: HostedWork = async (runtime, { data, post, signal }) => {
 *   const session = await runtime.open("road-seg", { contract: { periodMs: 50, criticality: "critical" } });
 *   const source = await openFrames(String(data), { clock: runtime.clock });
 *   for await (const event of watchRoad({ session, source, clock: runtime.clock, pace: "live", signal })) post(event);
 * };
 */
export type HostedWork = (runtime: Runtime, options: HostedWorkOptions) => Promise<unknown>;

/** A work under way, seen from the thread that started it. */
export interface WorkUnderWay {
  /** Resolves with what the work answered, or rejects with what it threw. */
  readonly finished: Promise<unknown>;
  /** Asks the work to end. Idempotent. */
  stop(): void;
}
