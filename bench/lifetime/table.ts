// Owns what is told of the lifetime matrix: rows of cases by versions of Node, their table and the summary. Plays nothing.

import type { Leaked } from "./play.js";

/** One process's life. */
export interface Play {
  readonly subject: string;
  readonly name: string;
  /** The full version of Node. */
  readonly node: string;
  readonly faults: readonly string[];
  /** From its word that it ends to its end; null when it never said so. */
  readonly endingMs: number | null;
  readonly lifeMs: number;
  readonly leaked: Leaked;
}

export interface LifetimeRow {
  readonly type: "case" | "run";
  readonly subject: string;
  readonly name: string;
  /** The full version of Node. */
  readonly node: string;
  readonly times: number;
  readonly failures: number;
  /** What went wrong, each once. */
  readonly faults: readonly string[];
  /** From a process's word that it ends to its end. */
  readonly slowestEndingMs: number;
  readonly slowestLifeMs: number;
  readonly leakedLanes: number;
  readonly leakedThreads: number;
  readonly leakedProcesses: number;
}

/** One row for each case and version, in the order in which they were first played. */
export function rowsOf(plays: readonly Play[]): LifetimeRow[] {
  const groups = new Map<string, Play[]>();
  for (const play of plays) {
    const key = `${play.subject}/${play.name}/${play.node}`;
    groups.set(key, [...(groups.get(key) ?? []), play]);
  }
  return [...groups.values()].map((group) => {
    const { subject, name, node } = group[0]!;
    const faulty = group.filter(({ faults }) => faults.length > 0);
    const total = (kind: keyof Leaked): number => group.reduce((sum, { leaked }) => sum + leaked[kind], 0);
    return {
      type: "case",
      subject,
      name,
      node,
      times: group.length,
      failures: faulty.length,
      faults: [...new Set(faulty.flatMap(({ faults }) => faults))],
      slowestEndingMs: Math.round(Math.max(0, ...group.map(({ endingMs }) => endingMs ?? 0))),
      slowestLifeMs: Math.round(Math.max(0, ...group.map(({ lifeMs }) => lifeMs))),
      leakedLanes: total("lanes"),
      leakedThreads: total("threads"),
      leakedProcesses: total("processes"),
    };
  });
}

/** One line for each case: failures of plays on every version, and the slowest end. */
export function renderTable(rows: readonly LifetimeRow[]): string {
  const versions = versionsOf(rows);
  const cases = [...new Set(rows.map(({ subject, name }) => `${subject}: ${name}`))];
  const width = Math.max(0, ...cases.map((name) => name.length));
  const header = [
    "failures / plays".padEnd(width),
    ...versions.map((version) => version.padStart(10)),
    "slowest end".padStart(13),
  ];
  const lines = cases.map((title) => {
    const of = rows.filter(({ subject, name }) => `${subject}: ${name}` === title);
    const cells = versions.map((version) => {
      const played = of.filter(({ node }) => node === version);
      const [failures, times] = [sum(played, "failures"), sum(played, "times")];
      return (times === 0 ? "not run" : `${failures} / ${times}`).padStart(10);
    });
    const slowest = Math.max(...of.map(({ slowestEndingMs }) => slowestEndingMs));
    return [title.padEnd(width), ...cells, `${slowest} ms`.padStart(13)].join("  ");
  });
  return [header.join("  "), ...lines].join("\n");
}

/** Everything in one line. */
export function renderSummary(rows: readonly LifetimeRow[], notRun: number): string {
  const cases = new Set(rows.map(({ subject, name }) => `${subject}: ${name}`)).size;
  const slowest = Math.max(0, ...rows.map(({ slowestEndingMs }) => slowestEndingMs));
  const leaked = (["leakedLanes", "leakedThreads", "leakedProcesses"] as const).map((kind) =>
    sum(rows, kind),
  );
  const [times, failures] = [sum(rows, "times"), sum(rows, "failures")];
  return [
    `${times - failures} passed, ${failures} failed`,
    `${cases} cases on Node ${versionsOf(rows).join(", ")}`,
    `slowest end ${slowest} ms`,
    `leaked ${leaked[0]} lanes, ${leaked[1]} threads, ${leaked[2]} processes`,
    `${notRun} versions not run`,
  ].join("; ");
}

function versionsOf(rows: readonly LifetimeRow[]): string[] {
  return [...new Set(rows.map(({ node }) => node))].sort(
    (a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10),
  );
}

type Counted = "failures" | "times" | "leakedLanes" | "leakedThreads" | "leakedProcesses";

function sum(rows: readonly LifetimeRow[], field: Counted): number {
  // Rows written before leaks were counted have none of these fields.
  return rows.reduce((total, row) => total + (row[field] ?? 0), 0);
}
