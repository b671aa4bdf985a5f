// Owns counting wake words that were heard, missed and imagined. Knows no sound and no model.
// Invariant: a word is heard at most once, and every detection either hears a word or is false.

import type { Span } from "./segments.js";

/** A detection and how sure it was. */
export interface Detection {
  readonly atMs: number;
  readonly score: number;
}

/** One recording: where the words are, what was detected, how long it is. */
export interface WakeRecording {
  readonly words: readonly Span[];
  readonly detections: readonly Detection[];
  readonly durationMs: number;
}

/** MLPerf Tiny, streaming wake word: a detection hears a word up to one second after its end; others wait one second. */
const AFTER_WORD_MS = 1000;
const DEBOUNCE_MS = 1000;

/** What one threshold gives. */
export interface WakeCounts {
  readonly threshold: number;
  readonly words: number;
  readonly misses: number;
  readonly falseAccepts: number;
  /** Minutes outside words and their windows: what the false accepts are over. */
  readonly negativeMinutes: number;
}

/**
 * Counts at a threshold, by the rules of MLPerf Tiny's streaming wake word: a detection counts from the word's start to one
 * second after its end, and for a second after a detection nothing is detected.
 */
export function wakeCounts(recordings: readonly WakeRecording[], threshold: number): WakeCounts {
  const each = recordings.map((recording) => countOne(recording, threshold));
  const sum = (read: (one: (typeof each)[number]) => number): number =>
    each.reduce((total, one) => total + read(one), 0);
  return {
    threshold,
    words: sum(({ words }) => words),
    misses: sum(({ misses }) => misses),
    falseAccepts: sum(({ falseAccepts }) => falseAccepts),
    negativeMinutes: sum(({ negativeMs }) => negativeMs) / 60_000,
  };
}

function countOne({ words, detections, durationMs }: WakeRecording, threshold: number) {
  const windows = words.map(([startMs, endMs]) => [startMs, endMs + AFTER_WORD_MS] as const);
  const heard = new Set<number>();
  let falseAccepts = 0;
  let quietUntilMs = Number.NEGATIVE_INFINITY;
  for (const { atMs, score } of [...detections].sort((a, b) => a.atMs - b.atMs)) {
    if (score < threshold || atMs < quietUntilMs) continue;
    quietUntilMs = atMs + DEBOUNCE_MS;
    const inside = windows.flatMap(([startMs, endMs], index) =>
      atMs >= startMs && atMs <= endMs ? [index] : [],
    );
    const free = inside.find((index) => !heard.has(index));
    if (free !== undefined) heard.add(free);
    // A word heard twice is heard; a detection outside every window is false.
    else if (inside.length === 0) falseAccepts++;
  }
  const coveredMs = windows.reduce((sum, [startMs, endMs]) => sum + Math.min(endMs, durationMs) - startMs, 0);
  const negativeMs = Math.max(0, durationMs - coveredMs);
  return { words: words.length, misses: words.length - heard.size, falseAccepts, negativeMs };
}

/** The fewest misses of any threshold with at most `falseAcceptsMost` false accepts; undefined when there is nothing to count. */
export function missesAt(
  recordings: readonly WakeRecording[],
  falseAcceptsMost: number,
): WakeCounts | undefined {
  if (recordings.length === 0) return undefined;
  const scores = recordings.flatMap(({ detections }) => detections.map(({ score }) => score));
  const thresholds = [...new Set(scores), Number.POSITIVE_INFINITY];
  return thresholds
    .map((threshold) => wakeCounts(recordings, threshold))
    .filter(({ falseAccepts }) => falseAccepts <= falseAcceptsMost)
    .sort((a, b) => a.misses - b.misses || a.falseAccepts - b.falseAccepts)[0];
}
