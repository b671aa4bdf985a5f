// Owns the proof that `redline power` tells whatever machine it runs on, and that it ends when it is told to.

import { expect, test } from "vitest";
import { runProgram } from "../../../runtime/cli/program.js";
import { memoryStreams } from "./memory-streams.js";

async function redline(argv: readonly string[], signal = new AbortController().signal) {
  const streams = memoryStreams();
  const status = await runProgram({ argv, version: "1.2.3", streams, signal });
  return { status, out: streams.out };
}

test("every meter has its source or its reason, the model comes last, and the package is in the summary", async () => {
  const { status, out } = await redline(["power", "--json"]);

  const meters = out.objects.filter(({ type }) => type === "meter");
  const summary = out.objects.at(-1);
  expect(meters.at(-1)).toMatchObject({ kind: "model", label: "processor time" });
  for (const { watts, source, reason } of meters) {
    if (watts === "unknown") expect([source, reason]).toEqual(["unknown", expect.stringMatching(/.../)]);
    else expect([typeof watts, source]).toEqual(["number", expect.stringMatching(/measured|estimated/)]);
  }
  expect(summary).toMatchObject({ type: "summary", band: expect.stringMatching(/green|yellow|red|danger/) });
  expect(summary?.supply).toMatch(/mains|battery|unknown/);
  expect(status).toBe(0);
});

test("people read the package with its source", async () => {
  const { out } = await redline(["power"]);

  expect(out.text).toMatch(/\nSupply: (mains|battery|unknown)/);
  expect(out.text).toMatch(/\nPackage: .*(measured by|estimated by|unknown)/);
});

test("with seconds there is one line a second, and an interrupt ends them", async () => {
  const interruption = new AbortController();
  const started = performance.now();
  setTimeout(() => interruption.abort(), 1700);

  const { status, out } = await redline(["power", "--seconds", "600", "--json"], interruption.signal);

  expect(out.objects.filter(({ type }) => type === "power").length).toBeGreaterThanOrEqual(1);
  expect(out.objects.at(-1)?.type).toBe("summary");
  expect(status).toBe(130);
  // A minute: far from the 600 s that were asked for, and from any delay of a busy machine.
  expect(performance.now() - started).toBeLessThan(60_000);
});
