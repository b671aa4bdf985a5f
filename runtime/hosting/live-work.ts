// Owns the live run as a work of a hosted runtime: started here, told of over there. Knows no thread.

import { type LiveEvent, type LiveRunOptions, type LiveRunReport, startLiveRun } from "../live-run.js";
import type { Runtime } from "../runtime.js";
import type { HostedWorkOptions } from "./work.js";

/** The options of a live run that are plain data, and whether anyone listens to its events. */
export type LiveTask = Omit<LiveRunOptions, "runtime" | "signal" | "onEvent"> & {
  readonly hasReader: boolean;
};

/** A report or an event, on its way to the program. */
export interface LiveMessage {
  readonly report?: LiveRunReport;
  readonly event?: LiveEvent;
}

/** Four times a second reads as live. */
const REPORT_MS = 250;

/** Runs to its end; the first message says that both pipelines have begun. */
export default async function liveWork(
  runtime: Runtime,
  { data, post, signal }: HostedWorkOptions,
): Promise<LiveRunReport> {
  const { hasReader, ...task } = data as LiveTask;
  const tell = (message: LiveMessage): void => post(message);
  const run = await startLiveRun({
    ...task,
    runtime,
    signal,
    ...(hasReader ? { onEvent: (event: LiveEvent) => tell({ event }) } : {}),
  });
  const report = (): void => tell({ report: run.report() });
  report();
  const timer = setInterval(report, REPORT_MS);
  return run.finished.finally(() => clearInterval(timer));
}
