// Owns the live run of any runtime: here, or in the thread of a hosted one. Knows no pipeline.

import { pathToFileURL } from "node:url";
import { builtScript } from "../bindings/package-root.js";
import {
  type LiveEvent,
  type LiveRun,
  type LiveRunOptions,
  type LiveRunReport,
  startLiveRun as startHere,
} from "../live-run.js";
import { HostedRuntime } from "./hosted-runtime.js";
import type { LiveMessage, LiveTask } from "./live-work.js";

/**
 * Starts both pipelines in real time, in the runtime's own thread. Resolves when both sessions are open and warm and the
 * first frames are due.
 *
 * Errors: those of `runtime.open`, and of the sources while running (through `finished`).
 *
 * @example
 * const run = await startLiveRun({ runtime, seconds: 5 });
 * const { contracts, kept } = await run.finished;
 * console.log(kept, contracts.map(({ session, misses, n }) => `${session}: ${misses} of ${n}`));
 */
export async function startLiveRun(options: LiveRunOptions): Promise<LiveRun> {
  const { runtime } = options;
  return runtime instanceof HostedRuntime ? startThere(runtime, options) : startHere(options);
}

async function startThere(
  hosted: HostedRuntime,
  { runtime: _, signal, onEvent, ...task }: LiveRunOptions,
): Promise<LiveRun> {
  let latest: LiveRunReport | undefined;
  let begun: (() => void) | undefined;
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const work = hosted.host(pathToFileURL(builtScript(new URL("./live-work.js", import.meta.url))!), {
    data: { ...task, hasReader: onEvent !== undefined } satisfies LiveTask,
    ...(signal === undefined ? {} : { signal }),
    onMessage: (message) => {
      const { report, event } = message as LiveMessage;
      if (event !== undefined) onEvent?.(event as LiveEvent);
      if (report === undefined) return;
      latest = report;
      begun?.();
    },
  });
  const finished = work.finished as Promise<LiveRunReport>;
  // A run that ends before it has begun rejects here; later it is `finished` that tells.
  await Promise.race([hasBegun, finished]);
  const done = finished.then((report) => {
    latest = report;
    return report;
  });
  return { finished: done, report: () => latest! };
}
