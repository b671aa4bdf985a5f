// Owns the proof that the wake word's load moves its windows as openWakeWord does, on stand-ins whose answer is a mean.

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeStandIns } from "../../../bench/harness/wake-files.js";
import { PIECE_SAMPLES, WakeStage } from "../../../bench/harness/wake-stage.js";
import type { Outcome, Session } from "../../../runtime/sessions/session.js";
import { openInProcess, processClock } from "../../support/in-process-session.js";

let folder: string;
let files: ReturnType<typeof writeStandIns>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "redline-wake-"));
  files = writeStandIns(folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function open(): Promise<Record<"mel" | "embedding" | "head", Session>> {
  return {
    mel: await openInProcess({ graph: files.mel.path }),
    embedding: await openInProcess({ graph: files.embedding.path }),
    head: await openInProcess({ graph: files.head.path }),
  };
}

test("a stand-in has the size of the model it stands for", () => {
  const bytes = [files.mel, files.embedding, files.head].map(({ path }) => statSync(path).size);

  // The sizes in the manifests of bench/models. A row of weights is a hundredth of a model or less.
  const ratios = [1_087_958, 1_326_578, 1_271_370].map((size, part) => (bytes[part] ?? 0) / size);
  for (const ratio of ratios) expect(Math.abs(ratio - 1)).toBeLessThan(0.01);
});

test("each piece moves sound, mel frames and embeddings on by what it adds", async () => {
  const sessions = await open();
  const stage = await WakeStage.warm(sessions, processClock);
  const piece = new Float32Array(PIECE_SAMPLES).fill(0.01);

  const scores = [];
  for (let index = 0; index < 3; index++)
    scores.push((await stage.run(piece, { capturedUs: processClock.nowUs() })).score);

  // Five pieces of silence came first: each adds 8 of 76 mel frames at 0 / 10 + 2, and one of 16 embeddings.
  const loud = 0.01 * 32767;
  const mel = [0, 0, 0, 0, 0, (loud * 1280) / 1760, loud, loud].map((mean) => mean / 10 + 2);
  const embeddings = mel.map((_, last) => (8 / 76) * sum(mel.slice(Math.max(0, last - 8), last + 1)));
  const expected = [5, 6, 7].map((last) => sum(embeddings.slice(0, last + 1)) / 16);
  for (const [index, score] of scores.entries()) expect(score).toBeCloseTo(expected[index]!, 3);
  for (const session of Object.values(sessions)) await session.close();
});

test("a run without outputs ends its piece with its own outcome", async () => {
  const sessions = await open();
  const refused = {
    ...sessions.embedding,
    inputs: sessions.embedding.inputs,
    outputs: sessions.embedding.outputs,
    run: async (): Promise<Outcome> =>
      ({
        status: "dropped",
        reason: "stale",
        settledUs: 7,
        outputs: {},
        release: () => {},
      }) as unknown as Outcome,
  } as Session;
  const stage = await WakeStage.warm({ ...sessions, embedding: refused }, processClock);

  const reading = await stage.run(new Float32Array(PIECE_SAMPLES), { capturedUs: 0 });

  expect(reading).toEqual({ status: "dropped", reason: "stale", settledUs: 7, score: undefined });
  for (const session of Object.values(sessions)) await session.close();
});

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
