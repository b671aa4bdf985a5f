// Owns the measure of voice activity: frames by their probability, segments by their edges. Knows no model and no file.
// Invariant: a frame is speech where its middle lies inside a labelled segment; a frame without probability is counted, not scored.

import { z } from "zod";
import { fScore, meanOf, quantile, ratio } from "../metrics/overlap.js";
import { areaUnder, equalErrorRate, rocCurve, type Scored } from "../metrics/roc.js";
import { type Span, type SpanCounts, spanCounts } from "../metrics/segments.js";
import type { MetricValues, Task } from "./task.js";

/** Where speech is. */
export interface VoiceLabel {
  readonly segments: readonly Span[];
}

/** What the model said: a probability for each frame, null where there was none, and the segments made of them. */
export interface VoiceAnswer {
  readonly frameMs: number;
  readonly probabilities: readonly (number | null)[];
  readonly segments: readonly Span[];
}

interface VoiceCounts {
  readonly speech: readonly number[];
  readonly other: readonly number[];
  readonly unscored: number;
  readonly spans: SpanCounts;
}

const span = z.tuple([z.number().min(0), z.number().min(0)]).refine(([start, end]) => end > start, {
  message: "an end after its start",
});

/** Voice activity. */
export const VOICE_ACTIVITY: Task<VoiceLabel, VoiceAnswer, VoiceCounts> = {
  label: z.strictObject({ segments: z.array(span) }),
  answer: z.strictObject({
    frameMs: z.number().positive(),
    probabilities: z.array(z.number().min(0).max(1).nullable()),
    segments: z.array(span),
  }),
  measure({ segments }, answer) {
    const speech: number[] = [];
    const other: number[] = [];
    let unscored = 0;
    answer.probabilities.forEach((probability, index) => {
      const middleMs = (index + 0.5) * answer.frameMs;
      const isSpeech = segments.some(([startMs, endMs]) => middleMs >= startMs && middleMs < endMs);
      if (probability === null) unscored++;
      else (isSpeech ? speech : other).push(probability);
    });
    const spans = spanCounts({ label: segments, claim: answer.segments });
    const counts = { speech, other, unscored, spans };
    return { counts, score: segmentF([spans]) ?? (spans.claimed === 0 ? 1 : 0) };
  },
  summarise(all) {
    const speech = all.flatMap((counts) => counts.speech);
    const other = all.flatMap((counts) => counts.other);
    const curve = rocCurve([
      ...speech.map((score): Scored => [score, true]),
      ...other.map((score): Scored => [score, false]),
    ]);
    const spans = all.map((counts) => counts.spans);
    const onsets = spans.flatMap(({ onsetMs }) => onsetMs);
    const offsets = spans.flatMap(({ offsetMs }) => offsetMs);
    const size = (values: readonly number[]): number[] => values.map(Math.abs);
    return {
      "frame-auc": areaUnder(curve),
      "frame-eer": equalErrorRate(curve),
      "frame-miss": ratio(speech.filter((score) => score < 0.5).length, speech.length),
      "frame-false-trigger": ratio(other.filter((score) => score >= 0.5).length, other.length),
      "segment-f": segmentF(spans),
      "onset-error-ms": meanOf(size(onsets)),
      "onset-error-ms-p90": quantile(size(onsets), 0.9),
      "offset-error-ms": meanOf(size(offsets)),
      "offset-error-ms-p90": quantile(size(offsets), 0.9),
      "unscored-frames": all.reduce((sum, { unscored }) => sum + unscored, 0),
    } satisfies MetricValues;
  },
};

function segmentF(all: readonly SpanCounts[]): number | null {
  const sum = (read: (one: SpanCounts) => number): number => all.reduce((total, one) => total + read(one), 0);
  const met = sum((one) => one.met);
  return fScore({
    precision: ratio(
      met,
      sum((one) => one.claimed),
    ),
    recall: ratio(
      met,
      sum((one) => one.labelled),
    ),
  });
}
