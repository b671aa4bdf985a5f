// Owns the table of the lifetime matrix: cases by versions of Node, summed over runs. Plays nothing.

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
}

/** One line for each case: failures of plays on every version, and the slowest end. */
export function renderTable(rows: readonly LifetimeRow[]): string {
  const versions = [...new Set(rows.map(({ node }) => node))].sort(
    (a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10),
  );
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

function sum(rows: readonly LifetimeRow[], field: "failures" | "times"): number {
  return rows.reduce((total, row) => total + row[field], 0);
}
