#!/usr/bin/env node
// Owns the process of the command line: arguments, interrupts, broken pipes, exit status. Knows no verb.
// Invariant: the process ends by running out of work, so that nothing printed is cut short.

import { createRequire } from "node:module";
import { outputFor, runProgram } from "./program.js";

const { version } = createRequire(import.meta.url)("redline-rt/package.json") as { version: string };

const argv = process.argv.slice(2);
const streams = { out: process.stdout, err: process.stderr };
const interruption = new AbortController();
const EXIT_BROKEN_PIPE = 141;

process.on("SIGINT", () => {
  if (interruption.signal.aborted) process.exit(130);
  interruption.abort();
});
process.on("SIGTERM", () => interruption.abort());

// The reader has gone (`redline ... | head`): nothing printed from here on can reach anyone.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT_BROKEN_PIPE);
  throw error;
});

// A bug that no verb could catch still ends in an error with a code, and with --json in a summary.
process.on("uncaughtException", (error) => {
  const output = outputFor({ argv, streams });
  output.fail(error);
  process.exit(output.finish({ isInterrupted: false }));
});

process.exitCode = await runProgram({ argv, version, streams, signal: interruption.signal });
// A pipe on stdin that nobody closes keeps the process alive after its command is done.
process.stdin.destroy();
