// Owns the progress bar of a download: on stderr, on a terminal, never with --json. Knows no store.

import type { SingleBar } from "cli-progress";
import type { PullProgress } from "../index.js";
import type { Output } from "./output.js";

/** A listener for the store, and the end of drawing. */
export interface DownloadProgress {
  readonly show: (progress: PullProgress) => void;
  end(): void;
}

/** Draws one bar per file. The drawing library is loaded when the first byte arrives. */
export function downloadProgress(output: Output): DownloadProgress {
  if (output.isJson || !process.stderr.isTTY) return { show: () => {}, end: () => {} };
  let bar: SingleBar | undefined;
  let file = "";
  let isLoading = false;
  let isEnded = false;
  const end = (): void => {
    bar?.stop();
    bar = undefined;
    isEnded = true;
  };
  const start = async (progress: PullProgress): Promise<void> => {
    isLoading = true;
    const { SingleBar, Presets } = (await import("cli-progress")).default;
    isLoading = false;
    if (isEnded) return;
    bar?.stop();
    const format = "  {file} [{bar}] {percentage}% of {megabytes} MB";
    bar = new SingleBar({ format, stream: process.stderr, hideCursor: true }, Presets.legacy);
    const megabytes = (progress.totalBytes / 1e6).toFixed(1);
    bar.start(progress.totalBytes, progress.receivedBytes, { file: progress.file, megabytes });
  };
  const show = (progress: PullProgress): void => {
    if (progress.file !== file) {
      file = progress.file;
      isEnded = false;
      void start(progress);
    } else if (!isLoading) {
      bar?.update(progress.receivedBytes);
    }
  };
  return { show, end };
}
