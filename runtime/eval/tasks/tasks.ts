// Owns the table of tasks by name. Knows no measure.

import { CLASSIFICATION, CONSTRAINED_OUTPUT, GROUNDED_ANSWERS, INTENT, MULTIPLE_CHOICE } from "./answered.js";
import { ROAD } from "./road.js";
import { DETECTION, LANE_LINES } from "./seen.js";
import { ENDPOINT, SPEECH_RECOGNITION, WAKE_WORD } from "./spoken.js";
import { type AnyTask, anyTask } from "./task.js";
import { VOICE_ACTIVITY } from "./voice-activity.js";

/** Every task that can be measured. The first two run a model; every other one, and voice activity, reads recorded answers. */
export const TASK_NAMES = [
  "road-segmentation",
  "voice-activity",
  "detection",
  "lane-lines",
  "wake-word",
  "endpoint",
  "speech-recognition",
  "intent",
  "classification",
  "multiple-choice",
  "constrained-output",
  "grounded-answers",
] as const;

/** One of `TASK_NAMES`. */
export type EvalTaskName = (typeof TASK_NAMES)[number];

/** The task of a name. */
export const TASKS: Readonly<Record<EvalTaskName, AnyTask>> = {
  "road-segmentation": anyTask(ROAD),
  "voice-activity": anyTask(VOICE_ACTIVITY),
  detection: anyTask(DETECTION),
  "lane-lines": anyTask(LANE_LINES),
  "wake-word": anyTask(WAKE_WORD),
  endpoint: anyTask(ENDPOINT),
  "speech-recognition": anyTask(SPEECH_RECOGNITION),
  intent: anyTask(INTENT),
  classification: anyTask(CLASSIFICATION),
  "multiple-choice": anyTask(MULTIPLE_CHOICE),
  "constrained-output": anyTask(CONSTRAINED_OUTPUT),
  "grounded-answers": anyTask(GROUNDED_ANSWERS),
};
