// Owns reading an ONNX Runtime profile: how long each node of a graph runs. Knows no session.
// Invariant: a node is known by name and type over all runs of one profile; only kernel times count.

import { readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { quantilesOf } from "./quantiles.js";

/** One node's times over the profiled runs. */
export interface NodeTime {
  readonly node: string;
  readonly op: string;
  readonly n: number;
  readonly p50Us: number;
  readonly maxUs: number;
}

interface TraceEvent {
  readonly cat?: string;
  readonly name?: string;
  readonly dur?: number;
  readonly args?: { readonly op_name?: string };
}

/** Reads and removes the profiles written under a prefix. Longest node first. */
export function takeNodeTimes(prefix: string): NodeTime[] {
  const folder = dirname(prefix);
  const files = readdirSync(folder).filter(
    (name) => name.startsWith(basename(prefix)) && name.endsWith(".json"),
  );
  const events = files.flatMap(
    (name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as TraceEvent[],
  );
  for (const name of files) rmSync(join(folder, name));
  return nodeTimesOf(events);
}

/** Times per node, longest median first. */
export function nodeTimesOf(events: readonly TraceEvent[]): NodeTime[] {
  const times = new Map<string, { op: string; us: number[] }>();
  for (const { cat, name, dur, args } of events) {
    if (cat !== "Node" || name === undefined || dur === undefined || !name.endsWith("_kernel_time")) continue;
    const node = name.slice(0, -"_kernel_time".length);
    const known = times.get(node) ?? { op: args?.op_name ?? "?", us: [] };
    known.us.push(dur);
    times.set(node, known);
  }
  return [...times]
    .map(([node, { op, us }]) => {
      const { n, p50, max } = quantilesOf(us);
      return { node, op, n, p50Us: p50 ?? max ?? 0, maxUs: max ?? 0 };
    })
    .sort((a, b) => b.p50Us - a.p50Us);
}
