// Owns the progress bar of work that is measured in seconds: on stderr, on a terminal, never with --json. Knows no work.
// Invariant: nothing is drawn in the first two seconds, so that short work leaves no trace.

import type { SingleBar } from "cli-progress";
import type { Output } from "./output.js";

/** How far the work is. */
interface Seconds {
  readonly doneS: number;
  readonly totalS: number;
  readonly label: string;
}

/** A listener for the work, a pause for text that is printed meanwhile, and the end of drawing. */
export interface TimeProgress {
  readonly show: (progress: Seconds) => void;
  /** Takes the bar off the screen; the next `show` draws it again. */
  clear(): void;
  end(): void;
}

const PATIENCE_MS = 2000;

/** Draws one bar with the remaining time. The drawing library is loaded when there is something to draw. */
export function timeProgress(output: Output): TimeProgress {
  if (output.isJson || !process.stderr.isTTY) return { show: () => {}, clear: () => {}, end: () => {} };
  const startMs = performance.now();
  let bar: SingleBar | undefined;
  let isLoading = false;
  let isEnded = false;
  const start = async ({ totalS }: Seconds): Promise<void> => {
    isLoading = true;
    const { SingleBar, Presets } = (await import("cli-progress")).default;
    isLoading = false;
    if (isEnded) return;
    const format = "  [{bar}] {percentage}%, {left} left: {label}";
    bar = new SingleBar(
      { format, stream: process.stderr, hideCursor: true, clearOnComplete: true },
      Presets.legacy,
    );
    bar.start(totalS, 0, { left: "", label: "" });
  };
  const clear = (): void => {
    bar?.stop();
    bar = undefined;
  };
  return {
    show: (progress) => {
      if (isLoading || isEnded || performance.now() - startMs < PATIENCE_MS) return;
      if (bar === undefined) {
        void start(progress);
        return;
      }
      const { doneS, totalS, label } = progress;
      bar.setTotal(totalS);
      bar.update(doneS, { left: minutes(totalS - doneS), label });
    },
    clear,
    end: () => {
      isEnded = true;
      clear();
    },
  };
}

function minutes(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
