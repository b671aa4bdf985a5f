// Owns what is evaluated: a model that is run, or answers that were recorded. Knows no metric.
// Invariant: an item without an answer says why; nothing is made up in its place.

import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { RedlineError, reasonOf } from "../core/errors.js";
import { maskAt } from "../driving/mask.js";
import { Preprocessor } from "../driving/preprocess.js";
import { type ImageInput, type RoadModel, roadModelOf } from "../driving/road-model.js";
import { SegmentReader } from "../driving/segment.js";
import type { Runtime } from "../runtime.js";
import type { Session } from "../sessions/session.js";
import { readWav } from "../sources/wav.js";
import { FRAME_MS } from "../voice/frames.js";
import { listen } from "../voice/listen.js";
import { hashFile } from "./datasets/files-by-id.js";
import type { ItemFaultKind, LabelledItem } from "./datasets/item.js";
import { readJsonLines } from "./datasets/jsonl.js";
import type { RoadMasks } from "./tasks/road.js";
import { type EvalTaskName, TASKS } from "./tasks/tasks.js";
import type { VoiceAnswer } from "./tasks/voice-activity.js";

/** An answer and what it took, or why there is none. */
export type Answered =
  | { readonly answer: unknown; readonly latencyUs: readonly number[] }
  | { readonly fault: ItemFaultKind; readonly message: string };

/** What is evaluated. */
export interface Subject {
  readonly label: string;
  readonly sha256: string;
  answer(item: LabelledItem): Promise<Answered>;
  /** Notes an item that was answered before. */
  passOver(id: string): void;
  /** Answers that belong to none of the items that were asked for. */
  leftOver(): readonly { readonly id: string; readonly message: string }[];
  close(): Promise<void>;
}

/** A model's file as the gate and the rows name it. */
export interface ModelFile {
  readonly label: string;
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** The file of a model by name, name@variant or path. */
export async function modelFileOf(runtime: Runtime, name: string, signal?: AbortSignal): Promise<ModelFile> {
  const found = await runtime.store.resolve(name, signal ? { signal } : {});
  const { path } = found;
  const sha256 = found.variant?.sha256 ?? (await hashFile(path));
  const label = found.manifest === null ? name : `${found.model}@${found.variantId}`;
  return { label, path, sha256, bytes: found.variant?.bytes ?? statSync(path).size };
}

/** Every item is run, however long it takes. */
const CONTRACT = { periodMs: 1000, deadlineMs: 60_000, criticality: "background", late: "keep" } as const;

/** Opens a model to be measured: without a promise, and though a gate may have refused it. */
export function openMeasured(runtime: Runtime, model: string, signal?: AbortSignal): Promise<Session> {
  return runtime.open(model, {
    contract: CONTRACT,
    admit: "best-effort",
    quarantined: "open",
    ...(signal ? { signal } : {}),
  });
}

/**
 * A model as a subject.
 *
 * @throws RedlineError `MODEL_UNSUITABLE` for a task that runs no model, and what `Runtime.open` throws
 */
export async function modelSubject(
  runtime: Runtime,
  given: { readonly task: EvalTaskName; readonly model: string; readonly signal?: AbortSignal },
): Promise<Subject> {
  const { task, model, signal } = given;
  if (task !== "road-segmentation" && task !== "voice-activity") {
    throw new RedlineError("MODEL_UNSUITABLE", {
      what: `the task ${task}`,
      expected: "recorded answers",
      received: "a model",
      hint: "pass --predictions with one JSON object a line: an id, and the answer",
    });
  }
  const file = await modelFileOf(runtime, model, signal);
  const session = await openMeasured(runtime, model, signal);
  const run = task === "road-segmentation" ? roadAnswers(session) : voiceAnswers(session, runtime);
  return {
    label: file.label,
    sha256: file.sha256,
    answer: run,
    passOver: () => {},
    leftOver: () => [],
    close: () => session.close(),
  };
}

function roadAnswers(session: Session): Subject["answer"] {
  const reader = new RoadReader(session);
  return async ({ input }) => {
    if (input.kind !== "image") throw new RedlineError("INTERNAL", { what: "a picture is expected" });
    return reader.read(input);
  };
}

/** Runs a road segmenter on pictures, by the preprocessing it states or by another one. */
export class RoadReader {
  readonly model: RoadModel;
  readonly #session: Session;
  readonly #preprocessor: Preprocessor;
  readonly #reader: SegmentReader;

  constructor(session: Session, image?: ImageInput) {
    this.model = roadModelOf(session, session.manifest ?? undefined);
    this.#session = session;
    this.#preprocessor = new Preprocessor(image ?? this.model.image);
    this.#reader = new SegmentReader(this.model);
  }

  /** Both masks of one picture, at its size. */
  async read(picture: {
    readonly width: number;
    readonly height: number;
    readonly data: Uint8Array;
  }): Promise<Answered> {
    const { name, width, height } = this.model.image;
    const pixels = new Float32Array(3 * width * height);
    this.#preprocessor.write(picture, pixels);
    const outcome = await this.#session.run({ [name]: pixels });
    try {
      const { status, reason, latencyUs } = outcome;
      if (status !== "done" && status !== "late") {
        return { fault: "failed", message: `${status} / ${reason}` };
      }
      const margins = this.#reader.read(outcome.outputs);
      const size = { width: picture.width, height: picture.height };
      const answer: RoadMasks = {
        drivable: { ...size, data: maskAt(margins.drivable, size) },
        lanes: { ...size, data: maskAt(margins.lanes, size) },
      };
      return { answer, latencyUs: [latencyUs] };
    } finally {
      outcome.release();
    }
  }
}

function voiceAnswers(session: Session, { clock }: Runtime): Subject["answer"] {
  return async ({ input }) => {
    if (input.kind !== "audio") throw new RedlineError("INTERNAL", { what: "a recording is expected" });
    const probabilities: (number | null)[] = [];
    const latencyUs: number[] = [];
    const segments: [number, number][] = [];
    try {
      const source = readWav({ path: input.path, clock });
      // The gate would keep frames from the model; what is measured here is the model.
      for await (const event of listen({
        ...{ session, source, clock, gate: "off" },
        onFrame: ({ probability, latencyUs: tookUs }) => {
          probabilities.push(probability ?? null);
          latencyUs.push(tookUs);
        },
      })) {
        if (event.type === "speech") segments.push([event.startMs, event.endMs]);
        if (event.type === "report" && event.truncated) {
          return { fault: "unreadable", message: event.fault?.message ?? "the recording is cut short" };
        }
      }
    } catch (error) {
      if (!(error instanceof RedlineError) || !error.code.startsWith("SOURCE_")) throw error;
      return { fault: "unreadable", message: reasonOf(error) };
    }
    const answer: VoiceAnswer = { frameMs: FRAME_MS, probabilities, segments };
    return { answer, latencyUs };
  };
}

/**
 * Recorded answers as a subject: one JSON object a line, an id and the answer.
 *
 * @throws RedlineError `SOURCE_MISSING`, `DATASET_LIMIT`
 */
export async function recordedSubject(path: string, task: EvalTaskName): Promise<Subject> {
  const answers = new Map<string, Answered>();
  const hash = createHash("sha256");
  const stray: { id: string; message: string }[] = [];
  for await (const line of readJsonLines(path, TASKS[task].answer)) {
    hash.update(JSON.stringify(line));
    const { id } = line;
    if (!("wrong" in line)) answers.set(id, { answer: line.value, latencyUs: [] });
    else if (line.wrong === "duplicate") stray.push({ id, message: line.message });
    else answers.set(id, { fault: "bad-answer", message: line.message });
  }
  const asked = new Set<string>();
  return {
    label: path,
    sha256: hash.digest("hex"),
    answer: async ({ id }) => {
      asked.add(id);
      return answers.get(id) ?? { fault: "missing-answer", message: `${path} has no line for it` };
    },
    passOver: (id) => asked.add(id),
    leftOver: () => [
      ...stray,
      ...[...answers.keys()]
        .filter((id) => !asked.has(id))
        .map((id) => ({ id, message: `${path} answers what was not asked` })),
    ],
    close: async () => {},
  };
}
