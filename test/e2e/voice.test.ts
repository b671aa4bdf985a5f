// Owns the proof that `redline voice` hears what is said in real recordings, whichever way they come in.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { ASSETS, ensureBuilt, redline, SAMPLES } from "./built-cli.js";
import { hasAssets } from "./development-assets.js";

const WAV = join(SAMPLES, "voice.wav");
interface Utterance {
  readonly startMs: number;
  readonly endMs: number;
}
const { utterances } = JSON.parse(readFileSync(join(SAMPLES, "voice.json"), "utf8")) as {
  utterances: readonly Utterance[];
};

beforeAll(ensureBuilt, 120_000);

function speechOf(lines: readonly Record<string, unknown>[]): Utterance[] {
  return lines.filter(({ type }) => type === "speech") as unknown as Utterance[];
}

function expectEveryUtterance(spoken: readonly Utterance[]): void {
  for (const { startMs, endMs } of utterances) {
    const heardMs = spoken.reduce(
      (sum, each) => sum + Math.max(0, Math.min(endMs, each.endMs) - Math.max(startMs, each.startMs)),
      0,
    );
    expect(heardMs / (endMs - startMs), `speech from ${startMs} ms`).toBeGreaterThan(0.8);
  }
}

test("the bundled recording is heard: every utterance, in the promised form", async () => {
  const { status, lines, summary } = await redline(["voice", WAV, "--json"]);

  const starts = lines.filter(({ type }) => type === "speech-start");
  const spoken = lines.filter(({ type }) => type === "speech");
  expectEveryUtterance(speechOf(lines));
  expect(starts.length).toBeGreaterThanOrEqual(spoken.length);
  for (const start of starts) expect(Object.keys(start)).toEqual(["type", "startMs"]);
  for (const each of spoken) {
    expect(Object.keys(each)).toEqual(["type", "startMs", "endMs", "probability"]);
    expect(each.probability).toBeGreaterThan(0.5);
    expect(each.probability).toBeLessThanOrEqual(1);
  }
  expect(summary).toMatchObject({ type: "summary", segments: spoken.length, truncated: false });
  expect(status).toBe(0);
});

test("the fallback without the addon hears the same", async () => {
  const native = await redline(["voice", WAV, "--json"]);
  const fallback = await redline(["voice", WAV, "--json"], { env: { REDLINE_NO_ADDON: "1" } });

  expect(fallback.summary).toMatchObject({ provider: "ort-node" });
  const spans = (lines: readonly Record<string, unknown>[]) =>
    speechOf(lines).map(({ startMs, endMs }) => ({ startMs, endMs }));
  expect(spans(fallback.lines)).toEqual(spans(native.lines));
  expect(fallback.status).toBe(0);
});

test("a WAV piped in and the same samples without a header are heard alike", async () => {
  const bytes = readFileSync(WAV);
  const dataAt = bytes.indexOf("data") + 8;

  const wav = await redline(["voice", "-", "--json"], { stdin: bytes });
  const raw = await redline(["voice", "-", "--raw", "--rate", "16000", "--format", "s16le", "--json"], {
    stdin: bytes.subarray(dataAt),
  });

  expectEveryUtterance(speechOf(wav.lines));
  expect(speechOf(raw.lines)).toEqual(speechOf(wav.lines));
});

test("without the gate every frame is run", async () => {
  const { summary } = await redline(["voice", WAV, "--no-gate", "--json"]);

  const { frames, gatedFrames, outcomes } = summary as {
    frames: number;
    gatedFrames: number;
    outcomes: { done: number };
  };
  expect(gatedFrames).toBe(0);
  expect(outcomes.done).toBe(frames);
});

test("people read one line per stretch of speech", async () => {
  const { out } = await redline(["voice", WAV]);

  expect(out).toMatch(/^ +\d+\.\d\d - +\d+\.\d\d s {2}speech, probability 0\.\d\d$/m);
  expect(out).not.toContain("{");
});

describe.skipIf(!hasAssets("audio"))("recordings of real people", () => {
  test.each(["arm-mlek/asr/samples/testing_routine.wav", "arm-mlek/kws/samples/yes.wav"])(
    "%s holds speech",
    async (file) => {
      const { status, summary } = await redline(["voice", join(ASSETS, "audio", file), "--json"]);

      expect(summary.segments).toBeGreaterThan(0);
      expect(status).toBe(0);
    },
  );
});
