// Owns `redline doctor`: the examination of this machine, printed. Computes nothing.

import type { Command } from "commander";
import { examine, type Finding, RedlineError } from "../index.js";
import type { Perform, Surroundings } from "./verb.js";

const EXAMPLES = `
Examples:
  redline doctor          what works here, what does not, why, and what to type
  redline doctor --json   the same, one finding per line

Exits 0 when both pipelines of "redline run" can run here, else 69.`;

const MARKS = { ok: "ok     ", limited: "limited", missing: "MISSING" } as const;

/** Declares the verb. */
export function addDoctor(program: Command, perform: Perform): void {
  program
    .command("doctor")
    .description("what works on this machine, what does not and why, and the fix")
    .addHelpText("after", EXAMPLES)
    .action(() => perform(doctor));
}

async function doctor({ output }: Surroundings): Promise<void> {
  const { platform, canRun, findings } = await examine();
  for (const finding of findings) output.event({ type: "finding", ...finding }, findingText(finding));
  const missing = findings.filter(({ state }) => state === "missing").map(({ check }) => check);
  const verdict = canRun
    ? "The main job can run here."
    : `The main job cannot run here: ${missing.join(", ")}.`;
  output.summarise({ platform, canRun, findings: findings.length, missing }, `\n${verdict}`);
  if (!canRun) {
    throw new RedlineError("PROVIDER_UNAVAILABLE", {
      what: missing.join(", "),
      hint: findings.find(({ state, fix }) => state === "missing" && fix !== undefined)?.fix ?? "see above",
    });
  }
}

function findingText({ check, state, found, reasons, fix }: Finding): string {
  const lines = [`${MARKS[state]}  ${check.padEnd(17)} ${found}`];
  for (const reason of reasons) lines.push(`${" ".repeat(27)}why: ${reason}`);
  if (fix !== undefined) lines.push(`${" ".repeat(27)}fix: ${fix}`);
  return lines.join("\n");
}
