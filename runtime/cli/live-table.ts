// Owns how the state of a live run looks: a table for a terminal, redrawn in place, and a verdict in words.

import type { ContractRecord, LiveRunReport, PowerRecord } from "../index.js";

const HEAD = [
  "contract",
  "rung",
  "period",
  "deadline",
  "n",
  "done",
  "missed",
  "p50",
  "p99",
  "max",
  "cpu",
] as const;

/** The table's lines: one per session, times in milliseconds. */
export function tableLines(report: LiveRunReport): string[] {
  const rows = [...report.contracts, ...report.background].map(cells);
  const widths = HEAD.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ");
  const { provider, processCpuShare } = report.machine;
  const foot = `${report.seconds.toFixed(1)} s, provider ${provider}, whole process ${percent(processCpuShare)} of a core`;
  const power = report.power === undefined ? [] : powerLines(report.power);
  return [line(HEAD), ...rows.map(line), foot, ...power];
}

/** What is drawn, of what budget, and each session's last move with its reason. */
export function powerLines(record: PowerRecord): string[] {
  const { phase, freeWatts, budgetWatts, watts, source, band, moves } = record;
  const now = watts === "unknown" ? "unknown" : `${watts.toFixed(2)} W`;
  const of = freeWatts === "unknown" ? "" : `, without a budget ${freeWatts.toFixed(2)} W`;
  const budget =
    phase === "measuring"
      ? "no budget yet: the load is measured first"
      : `budget ${budgetWatts?.toFixed(2)} W${of}`;
  const heat = band === "green" ? "" : `, ${band}`;
  const last = new Map(moves.map((move) => [move.session, move]));
  return [
    `power ${now} (${source}${heat}), ${budget}`,
    ...[...last.values()].map(
      ({ atSeconds, session, detail }) => `${session}, ${atSeconds.toFixed(1)} s: ${detail}`,
    ),
  ];
}

/** Whether the budget was kept, in words. */
export function powerVerdict(record: PowerRecord): string {
  const { settled, settledSeconds, windowSeconds, budgetWatts, source } = record;
  if (budgetWatts === null || settled.windows === 0)
    return "power: nothing to judge. The run was too short for a budget.";
  const { windows, over, highestWatts } = settled;
  const word = over === 0 ? "kept" : "NOT KEPT";
  const soon = `settled after ${settledSeconds.toFixed(1)} s`;
  return `power: ${word}. ${over} of ${windows} windows of ${windowSeconds} s above ${budgetWatts.toFixed(2)} W, the highest ${highestWatts.toFixed(2)} W, ${soon} (${source})`;
}

function cells(record: ContractRecord): string[] {
  const { session, model, variant, rung, periodMs, deadlineMs, n, outcomes, misses, latencyUs, cpuShare } =
    record;
  return [
    `${session} (${model}@${variant})`,
    String(rung.index),
    `${periodMs} ms`,
    `${deadlineMs} ms`,
    String(n),
    String(outcomes.done),
    String(misses),
    milliseconds(latencyUs.p50),
    milliseconds(latencyUs.p99),
    milliseconds(latencyUs.max),
    percent(cpuShare),
  ];
}

/** Whether a contract was kept, in words, with what was missed and why. */
export function verdictText(record: ContractRecord): string {
  const { session, kept, misses, n, tolerate, outcomes, skipped, refused } = record;
  if (n === 0) return `${session}: nothing to judge. No job was due.`;
  const causes = Object.entries(outcomes).filter(([status, count]) => status !== "done" && count > 0);
  const lost = skipped + refused > 0 ? [`of them never run: ${skipped} overwritten, ${refused} refused`] : [];
  const details = [...causes.map(([status, count]) => `${count} ${status}`), ...lost];
  const promise = `${misses} of ${n} missed, ${tolerate.misses} in ${tolerate.outOf} allowed`;
  const why = details.length === 0 ? "" : ` (${details.join(", ")})`;
  return `${session}: ${kept ? "kept" : "NOT KEPT"}. ${promise}${why}`;
}

/** Replaces the lines drawn before with `lines` on a terminal: up, clear to the end, write. */
export function redraw(lines: readonly string[], { drawn }: { readonly drawn: number }): string {
  const up = drawn === 0 ? "" : `\u001b[${drawn}A\r\u001b[J`;
  return `${up}${lines.join("\n")}`;
}

function milliseconds(us: number): string {
  return `${(us / 1000).toFixed(2)} ms`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
