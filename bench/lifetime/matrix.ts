// Owns playing every case many times on every version: the order, how many at once, what is said meanwhile.
// Knows no case. Invariant: a play is in the journal before the next one of its worker begins.

import { mkdirSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { REPO_ROOT } from "../harness/assets.js";
import type { LifetimeCase } from "./cases.js";
import type { Journal } from "./journal.js";
import type { NodeBinary } from "./node-versions.js";
import { type Played, play } from "./play.js";
import type { StageEnvironment } from "./stage.js";

export type FoundNode = Extract<NodeBinary, { path: string }>;

export interface Matrix {
  readonly cases: readonly LifetimeCase[];
  readonly nodes: readonly FoundNode[];
  readonly times: number;
  /** Processes at once. */
  readonly jobs: number;
  readonly environment: StageEnvironment;
  readonly journal: Journal;
  /** Where the output of a play that failed is kept. */
  readonly failuresFolder: string;
  readonly say: (line: string) => void;
  /** Aborted when no further play is to begin. */
  readonly signal: AbortSignal;
}

const PROGRESS_MS = 30_000;

/** Plays what the journal has not seen yet. */
export async function playMatrix(matrix: Matrix): Promise<void> {
  const { journal, say } = matrix;
  const all = matrix.cases.length * matrix.nodes.length * matrix.times;
  const queue = queueOf(matrix);
  const before = all - queue.length;
  if (before > 0) say(`${before} of ${all} plays were made before and count`);
  const startedMs = performance.now();
  const progress = setInterval(() => {
    const made = all - before - queue.length;
    const failed = journal.plays.filter(({ faults }) => faults.length > 0).length;
    const leftMs = made === 0 ? Number.NaN : (queue.length * (performance.now() - startedMs)) / made;
    const left = Number.isNaN(leftMs) ? "" : `, about ${Math.ceil(leftMs / 60_000)} min left`;
    say(`${all - queue.length} of ${all} begun, ${failed} failed${left}`);
  }, PROGRESS_MS);
  const workOff = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined && !matrix.signal.aborted; next = queue.shift())
      await playOne(matrix, next);
  };
  try {
    await Promise.all(Array.from({ length: matrix.jobs }, workOff));
  } finally {
    clearInterval(progress);
  }
}

interface Next {
  readonly lifetimeCase: LifetimeCase;
  readonly node: FoundNode;
  readonly round: number;
}

/** Round by round over all cases, so that a bad moment of the machine falls on all alike. */
function queueOf({ cases, nodes, times, journal }: Matrix): Next[] {
  const keyOf = (subject: string, name: string, node: string): string => `${subject}/${name}/${node}`;
  const played = new Map<string, number>();
  for (const { subject, name, node } of journal.plays) {
    const key = keyOf(subject, name, node);
    played.set(key, (played.get(key) ?? 0) + 1);
  }
  return Array.from({ length: times }, (_, round) => round).flatMap((round) =>
    cases.flatMap((lifetimeCase) =>
      nodes
        .filter(({ version }) => {
          const { subject, name } = lifetimeCase;
          return round >= (played.get(keyOf(subject, name, version)) ?? 0);
        })
        .map((node) => ({ lifetimeCase, node, round })),
    ),
  );
}

async function playOne(matrix: Matrix, { lifetimeCase, node, round }: Next): Promise<void> {
  const { subject, name } = lifetimeCase;
  const played = await play({ lifetimeCase, node: node.path, environment: matrix.environment });
  const faults = played.faults.map(withoutPlaces);
  const { endingMs, lifeMs, leaked } = played;
  matrix.journal.add({ subject, name, node: node.version, faults, endingMs, lifeMs, leaked });
  if (faults.length === 0) return;
  const file = keep(matrix, { played, title: `${name} node ${node.version} round ${round + 1}` });
  matrix.say(`${name}, Node ${node.version}: ${faults.join("; ")}\n  everything it wrote: ${file}`);
}

function keep(matrix: Matrix, { played, title }: { played: Played; title: string }): string {
  mkdirSync(matrix.failuresFolder, { recursive: true });
  const file = join(matrix.failuresFolder, `${title.replaceAll(/[^a-z0-9.]+/gi, "-")}.txt`);
  writeFileSync(file, `${played.faults.join("\n")}\n\n${played.output}`);
  return file;
}

/** Rows are read on other machines: where this one keeps its files is no part of them. */
function withoutPlaces(text: string): string {
  return [REPO_ROOT.replace(/[/\\]$/, ""), tmpdir(), homedir()].reduce(
    (plain, place) => plain.replaceAll(place, "..."),
    text,
  );
}
