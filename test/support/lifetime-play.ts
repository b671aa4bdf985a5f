// Owns one play of a lifetime case in which nothing was wrong.

import type { Play } from "../../bench/lifetime/table.js";

/** The play, with some of its fields changed. */
export function played(fields: Partial<Play> = {}): Play {
  return {
    subject: "process.exit",
    name: "mid-run",
    node: "20.1.0",
    faults: [],
    endingMs: 10,
    lifeMs: 100,
    leaked: { lanes: 0, threads: 0, processes: 0 },
    ...fields,
  };
}
