// Owns what every metric means: which way is better, its unit, and where its definition stands. Computes nothing.
// Invariant: a metric that a task gives is in this table, and the table names no other.

/** One metric. */
export interface MetricDefinition {
  /** Which way is better; `count` says over how much the others are. */
  readonly better: "higher" | "lower" | "count";
  readonly unit: "share" | "ms" | "count" | "minutes";
  /** What it is, and whose definition that is. */
  readonly definition: string;
}

const share = (better: "higher" | "lower", definition: string): MetricDefinition => ({
  better,
  unit: "share",
  definition,
});
const time = (definition: string): MetricDefinition => ({ better: "lower", unit: "ms", definition });
const count = (definition: string): MetricDefinition => ({ better: "count", unit: "count", definition });

const VOC = "Everingham et al., The PASCAL Visual Object Classes Challenge, 2010";
const DAVIS =
  "Perazzi et al., A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation, 2016";
const TUSIMPLE = "TuSimple lane detection benchmark, evaluate/lane.py";
const FAWCETT = "Fawcett, An introduction to ROC analysis, 2006";
const EVENTS = "Mesaros, Heittola and Virtanen, Metrics for Polyphonic Sound Event Detection, 2016";
const TINY =
  "MLPerf Tiny, streaming wake word: window of the word and one second after it, one second of debounce";
const SQUAD = "Rajpurkar, Jia and Liang, Know What You Don't Know: Unanswerable Questions for SQuAD, 2018";
const GUO = "Guo et al., On Calibration of Modern Neural Networks, 2017, 15 bins";
const SELECTIVE = "Geifman and El-Yaniv, Selective Classification for Deep Neural Networks, 2017";

/** Every metric by its name. */
export const METRICS: Readonly<Record<string, MetricDefinition>> = {
  "drivable-iou": share(
    "higher",
    `intersection over union of the drivable area, pixels summed over the data set (${VOC})`,
  ),
  "drivable-iou-frames": share(
    "higher",
    `the same for each picture, then the mean over pictures with any (${VOC})`,
  ),
  "drivable-boundary-f": share(
    "higher",
    `outline of the drivable area met within 0.8 % of the diagonal, mean over pictures (${DAVIS})`,
  ),
  "lane-iou": share(
    "higher",
    `intersection over union of lane marks, pixels summed over the data set (${VOC})`,
  ),
  "lane-precision": share(
    "higher",
    "share of claimed lane pixels within 3 px of a labelled one, at the label's size",
  ),
  "lane-recall": share(
    "higher",
    "share of labelled lane pixels within 3 px of a claimed one, at the label's size",
  ),
  "lane-f": share("higher", "harmonic mean of lane precision and recall at 3 px"),
  "frame-auc": share("higher", `area under the ROC of frames' speech probability (${FAWCETT})`),
  "frame-eer": share("lower", `rate at which misses and false alarms of frames are equal (${FAWCETT})`),
  "frame-miss": share("lower", "share of speech frames below a probability of 0.5"),
  "frame-false-trigger": share("lower", "share of frames without speech at or above a probability of 0.5"),
  "segment-f": share(
    "higher",
    `segments met at onset and offset, 200 ms or a fifth of the length (${EVENTS})`,
  ),
  "onset-error-ms": time("mean size of the error of starts, over labelled segments that any claim overlaps"),
  "onset-error-ms-p90": time("the same, nine of ten are below"),
  "offset-error-ms": time("mean size of the error of ends, over labelled segments that any claim overlaps"),
  "offset-error-ms-p90": time("the same, nine of ten are below"),
  "unscored-frames": count("frames that got no probability"),
  "average-precision": share(
    "higher",
    `area under precision over recall at IoU 0.5, mean over labelled classes (${VOC}, from 2010 on)`,
  ),
  "average-precision-strict": share("higher", `the same at IoU 0.75 (${VOC}, from 2010 on)`),
  "labelled-boxes": count("boxes in the labels"),
  "lane-accuracy": share(
    "higher",
    `share of points within 20 px across the lane, mean over pictures with lanes (${TUSIMPLE})`,
  ),
  "lane-false-claims": share("lower", `share of claimed lanes that meet no labelled one (${TUSIMPLE})`),
  "lane-misses": share("lower", `share of labelled lanes of which less than 85 % is met (${TUSIMPLE})`),
  "lanes-claimed": count("lanes claimed"),
  "lanes-labelled": count("lanes in the labels, at most four a picture"),
  "misses-at-0": { better: "lower", unit: "count", definition: `words missed at no false accept (${TINY})` },
  "misses-at-1": {
    better: "lower",
    unit: "count",
    definition: `words missed at one false accept at most (${TINY})`,
  },
  "misses-at-8": {
    better: "lower",
    unit: "count",
    definition: `words missed at eight false accepts at most (${TINY})`,
  },
  "miss-rate-at-0": share("lower", `share of words missed at no false accept (${TINY})`),
  "miss-rate-at-1": share("lower", `share of words missed at one false accept at most (${TINY})`),
  "miss-rate-at-8": share("lower", `share of words missed at eight false accepts at most (${TINY})`),
  "wake-words": count("words in the labels"),
  "negative-minutes": {
    better: "count",
    unit: "minutes",
    definition: "sound outside words and their windows: what false accepts are over",
  },
  "early-cut-rate": share("lower", "share of turns ended before their last speech"),
  "missed-end-rate": share("lower", "share of turns not ended within two seconds of their last speech"),
  "endpoint-delay-ms": time("mean of t1 - t0, over turns that were ended"),
  "endpoint-delay-ms-p50": time("the same, half are below"),
  "endpoint-delay-ms-p95": time("the same, 95 of 100 are below"),
  "word-error-rate": share(
    "lower",
    "substitutions, deletions and insertions by the label's words, summed over the data set (NIST sclite, equal costs)",
  ),
  "word-substitutions": share("lower", "substitutions by the label's words"),
  "word-deletions": share("lower", "deletions by the label's words"),
  "word-insertions": share("lower", "insertions by the label's words"),
  words: count("words in the labels, after the normaliser"),
  accuracy: share("higher", "right answers by all questions, withheld ones included"),
  "accuracy-when-answered": share("higher", "right answers by answers that were given"),
  "abstention-rate": share("lower", "answers withheld by all questions"),
  "answers-with-confidence": count("answers that said how sure they are"),
  "calibration-error": share("lower", `expected calibration error (${GUO})`),
  "risk-coverage-area": share("lower", `area under risk over coverage (${SELECTIVE})`),
  "slot-precision": share("higher", "slots claimed rightly, by name and normalised value"),
  "slot-recall": share("higher", "labelled slots that were found"),
  "slot-f": share(
    "higher",
    "harmonic mean of slot precision and recall (Tjong Kim Sang and De Meulder, CoNLL-2003, on values)",
  ),
  "validity-rate": share("higher", "answers of the form that was asked for"),
  "answerable-accuracy": share(
    "higher",
    `right answers to questions the text answers; right holds an accepted answer (${SQUAD})`,
  ),
  "hallucination-rate": share(
    "lower",
    `answers that are wrong or to questions the text does not answer, by all questions (${SQUAD})`,
  ),
  "invented-rate": share("lower", `unanswerable questions that were answered (${SQUAD})`),
  "needless-abstention-rate": share("lower", `answerable questions that were withheld (${SQUAD})`),
};

/** Whether `value` is worse than `other` by the metric's own direction, and by how much of `other`; 0 when it is not. */
export function worseBy(metric: string, given: { readonly value: number; readonly than: number }): number {
  const { value, than } = given;
  const better = METRICS[metric]?.better ?? "count";
  if (better === "count") return 0;
  const loss = better === "higher" ? than - value : value - than;
  if (loss <= 0) return 0;
  return than === 0 ? Number.POSITIVE_INFINITY : loss / Math.abs(than);
}
