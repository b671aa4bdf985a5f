// Owns the measures of what is heard: transcripts, wake words, ends of turns. Knows no model and no file.

import { z } from "zod";
import { judgeTurn, type TurnVerdict } from "../metrics/endpoint.js";
import { meanOf, quantile, ratio, sumCounts } from "../metrics/overlap.js";
import { missesAt, type WakeRecording } from "../metrics/wake.js";
import { type WordCounts, wordCounts } from "../metrics/words.js";
import type { Task } from "./task.js";

/** Speech recognition: word error rate. */
export const SPEECH_RECOGNITION: Task<{ text: string }, { text: string }, WordCounts> = {
  label: z.strictObject({ text: z.string() }),
  answer: z.strictObject({ text: z.string() }),
  measure(label, answer) {
    const counts = wordCounts({ label: label.text, answer: answer.text });
    const [substitutions, deletions, insertions, words] = counts;
    const rate = ratio(substitutions + deletions + insertions, words);
    return { counts, score: rate === null ? null : Math.max(0, 1 - rate) };
  },
  summarise(all) {
    const [s = 0, d = 0, i = 0, words = 0] = sumCounts(all, 4);
    return {
      "word-error-rate": ratio(s + d + i, words),
      "word-substitutions": ratio(s, words),
      "word-deletions": ratio(d, words),
      "word-insertions": ratio(i, words),
      words,
    };
  },
};

const span = z.tuple([z.number().min(0), z.number().min(0)]);

interface WakeLabel {
  durationMs: number;
  words: [number, number][];
}

interface WakeAnswer {
  detections: { atMs: number; score: number }[];
}

/** MLPerf Tiny's streaming wake word passes with at most eight false accepts. */
const FALSE_ACCEPTS = [0, 1, 8] as const;

/** Wake word: misses at so many false accepts, with the minutes they are over. */
export const WAKE_WORD: Task<WakeLabel, WakeAnswer, WakeRecording> = {
  label: z.strictObject({ durationMs: z.number().positive(), words: z.array(span) }),
  answer: z.strictObject({ detections: z.array(z.strictObject({ atMs: z.number(), score: z.number() })) }),
  measure(label, answer) {
    const counts = { ...label, detections: answer.detections };
    const alone = missesAt([counts], 0);
    const score = alone === undefined || alone.words === 0 ? null : 1 - alone.misses / alone.words;
    return { counts, score };
  },
  summarise(all) {
    const rows = FALSE_ACCEPTS.map((most) => [most, missesAt(all, most)] as const);
    const any = rows[0]?.[1];
    return {
      ...Object.fromEntries(rows.map(([most, found]) => [`misses-at-${most}`, found?.misses ?? null])),
      ...Object.fromEntries(
        rows.map(([most, found]) => [
          `miss-rate-at-${most}`,
          found ? ratio(found.misses, found.words) : null,
        ]),
      ),
      "wake-words": any?.words ?? null,
      "negative-minutes": any?.negativeMinutes ?? null,
    };
  },
};

/** End of turn: cut early, missed, and how long after the last speech. */
export const ENDPOINT: Task<{ speechEndMs: number }, { decidedMs: number | null }, TurnVerdict> = {
  label: z.strictObject({ speechEndMs: z.number().min(0) }),
  answer: z.strictObject({ decidedMs: z.number().min(0).nullable() }),
  measure({ speechEndMs }, { decidedMs }) {
    const counts = judgeTurn({ speechEndMs, decidedMs });
    return { counts, score: counts.verdict === "ended" ? 1 : 0 };
  },
  summarise(all) {
    const share = (verdict: TurnVerdict["verdict"]): number | null =>
      ratio(all.filter((one) => one.verdict === verdict).length, all.length);
    const delays = all.flatMap(({ verdict, delayMs }) =>
      verdict === "ended" && delayMs !== null ? [delayMs] : [],
    );
    return {
      "early-cut-rate": share("early"),
      "missed-end-rate": share("missed"),
      "endpoint-delay-ms": meanOf(delays),
      "endpoint-delay-ms-p50": quantile(delays, 0.5),
      "endpoint-delay-ms-p95": quantile(delays, 0.95),
    };
  },
};
