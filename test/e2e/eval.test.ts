// Owns the proof that `redline eval` measures what it says, that gates tell right files from wrong ones, and that verdicts hold.

import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readModel } from "../../runtime/graphs/read-model.js";
import { writeModel } from "../../runtime/graphs/write-model.js";
import { fOf, maskOf, near, outline, pixelsOf } from "../support/plain-masks.js";
import { wavBytes } from "../support/wav-bytes.js";
import { ASSETS, ensureBuilt, REPO_ROOT, redline, SAMPLES } from "./built-cli.js";
import { hasAssets } from "./development-assets.js";

const ROAD = join(REPO_ROOT, "models", "road-seg");
const SCENES = join(ROAD, "eval");
/** Every file and every repeat (`npm run test:eval`); else one of each. */
const IS_WHOLE = process.env.REDLINE_EVAL === "whole";
const PICTURES = IS_WHOLE ? 24 : 6;
const REPEATS = IS_WHOLE ? 20 : 1;

let scratch: string;
/** A store of the tests' own: verdicts of a test are nobody else's. */
let env: { REDLINE_HOME: string };

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "redline-eval-"));
  env = { REDLINE_HOME: join(scratch, "store") };
  await ensureBuilt();
}, 120_000);

afterAll(() => rm(scratch, { recursive: true, force: true }));

type Metrics = Record<string, number | null>;

test("the road model's metrics are those of another computation over masks that another command wrote", async () => {
  const pictures = join(scratch, "pictures");
  const masks = join(scratch, "masks");
  await mkdir(pictures);
  const ids = (await readdir(SCENES))
    .filter((name) => name.endsWith(".jpg"))
    .map((name) => name.slice(0, -4))
    .sort()
    .slice(0, PICTURES);
  for (const id of ids) await copyFile(join(SCENES, `${id}.jpg`), join(pictures, `${id}.jpg`));

  const driven = await redline(["drive", pictures, "--masks", masks, "--json"], { env });
  const measured = await redline(
    [
      ...["eval", "--data", SCENES, "--model", "road-seg", "--limit", String(PICTURES), "--json"],
      ...["--report", join(scratch, "report.html")],
    ],
    { env },
  );

  expect([driven.status, measured.status], measured.err).toEqual([0, 0]);
  const sums = { hit: 0, any: 0, laneHit: 0, laneAny: 0 };
  const laneNear = [0, 0, 0, 0];
  const frames: number[] = [];
  const boundaries: number[] = [];
  for (const id of ids) {
    const [road, roadClaim] = [
      await maskOf(join(SCENES, `${id}.drivable.png`)),
      await maskOf(join(masks, `${id}.drivable.png`)),
    ];
    const [lane, laneClaim] = [
      await maskOf(join(SCENES, `${id}.lanes.png`)),
      await maskOf(join(masks, `${id}.lanes.png`)),
    ];
    const both = (a: boolean[][], b: boolean[][]) => pixelsOf(a).filter(([x, y]) => b[y]?.[x]).length;
    const hit = both(road, roadClaim);
    const any = pixelsOf(road).length + pixelsOf(roadClaim).length - hit;
    const laneHit = both(lane, laneClaim);
    sums.hit += hit;
    sums.any += any;
    sums.laneHit += laneHit;
    sums.laneAny += pixelsOf(lane).length + pixelsOf(laneClaim).length - laneHit;
    frames.push(hit / any);
    // 0.8 % of the diagonal of 480 x 270, rounded up.
    const [edge, edgeClaim] = [outline(road), outline(roadClaim)];
    const counts = [near(pixelsOf(edgeClaim), edge, 5), pixelsOf(edgeClaim).length];
    boundaries.push(fOf([...counts, near(pixelsOf(edge), edgeClaim, 5), pixelsOf(edge).length]));
    const lanes = [near(pixelsOf(laneClaim), lane, 3), pixelsOf(laneClaim).length];
    [...lanes, near(pixelsOf(lane), laneClaim, 3), pixelsOf(lane).length].forEach((count, place) => {
      laneNear[place] = laneNear[place]! + count;
    });
  }
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const expected: Record<string, number> = {
    "drivable-iou": sums.hit / sums.any,
    "drivable-iou-frames": mean(frames),
    "drivable-boundary-f": mean(boundaries),
    "lane-iou": sums.laneHit / sums.laneAny,
    "lane-precision": laneNear[0]! / laneNear[1]!,
    "lane-recall": laneNear[2]! / laneNear[3]!,
    "lane-f": fOf(laneNear),
  };
  const { metrics } = measured.summary as { metrics: Metrics };
  expect(Object.keys(metrics).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, value] of Object.entries(expected)) {
    expect(Math.abs(metrics[name]! - value), `${name}: ${metrics[name]} beside ${value}`).toBeLessThan(1e-9);
  }
}, 60_000);

/** A folder with one recording and where its speech is said to be, moved by so much. */
async function spokenSet(name: string, movedMs: number): Promise<string> {
  const folder = join(scratch, name);
  await mkdir(folder, { recursive: true });
  await copyFile(join(SAMPLES, "voice.wav"), join(folder, "voice.wav"));
  const text = await readFile(join(SAMPLES, "voice.json"), "utf8");
  const { utterances } = JSON.parse(text) as { utterances: { startMs: number; endMs: number }[] };
  const rows = utterances.map(({ startMs, endMs }) => `voice\t${startMs + movedMs}\t${endMs + movedMs}`);
  await writeFile(join(folder, "speech.tsv"), ["id\tstart_ms\tend_ms", ...rows].join("\n"));
  const manifest = { schema: 1, name, task: "voice-activity", audio: "{id}.wav", segments: "speech.tsv" };
  await writeFile(join(folder, "dataset.json"), JSON.stringify(manifest));
  return folder;
}

test("the page of that run shows its worst pictures, holds all it needs and is small", async () => {
  const page = await readFile(join(scratch, "report.html"), "utf8");

  expect(page.match(/data:image\/jpeg;base64,/g)).toHaveLength(Math.min(PICTURES, 10));
  expect(page).not.toMatch(/https?:|<script/);
  expect(page.length).toBeLessThan(2_000_000);
});

test("voice activity is measured on labelled sound, and labels that lie elsewhere make it bad", async () => {
  const right = await redline([
    "eval",
    "--data",
    await spokenSet("spoken", 0),
    "--model",
    "silero-vad",
    "--json",
  ]);
  const wrong = await redline([
    "eval",
    "--data",
    await spokenSet("moved", 1500),
    "--model",
    "silero-vad",
    "--json",
  ]);

  expect([right.status, wrong.status], right.err).toEqual([0, 0]);
  const { metrics, latencyUs } = right.summary as { metrics: Metrics; latencyUs: { n: number } };
  // The recording's frames of 32 ms, its end padded.
  expect(latencyUs.n).toBe(Math.ceil(330_784 / 512));
  expect(metrics["unscored-frames"]).toBe(0);
  expect(metrics["frame-auc"]).toBeGreaterThan(0.95);
  expect(metrics["frame-false-trigger"]).toBeLessThan(0.1);
  expect((wrong.summary as { metrics: Metrics }).metrics["frame-auc"]).toBeLessThan(0.7);
}, 60_000);

test("what cannot be measured is listed and ends the command with 65; an empty set and a missing option have their own status", async () => {
  const folder = join(scratch, "partly");
  await mkdir(folder);
  const manifest = { schema: 1, name: "partly", task: "multiple-choice", items: "labels.jsonl" };
  await writeFile(join(folder, "dataset.json"), JSON.stringify(manifest));
  const label = '"options": ["A", "B"], "correct": "A"';
  await writeFile(
    join(folder, "labels.jsonl"),
    `{"id": "a", ${label}}\n{"id": "b"}\n{"id": "c", ${label}}\n`,
  );
  await writeFile(join(folder, "answers.jsonl"), '{"id": "a", "choice": "A"}\n');
  const given = ["eval", "--data", folder, "--predictions", join(folder, "answers.jsonl"), "--json"];

  const partly = await redline(given);
  await writeFile(join(folder, "labels.jsonl"), "\n");
  const empty = await redline(given);
  const nothing = await redline(["eval"]);

  expect(partly.status).toBe(65);
  expect(partly.lines.filter(({ type }) => type === "fault")).toMatchObject([
    { id: "b", fault: "missing-label" },
    { id: "c", fault: "missing-answer" },
  ]);
  expect(partly.summary).toMatchObject({
    measured: 1,
    items: 3,
    error: "EVAL_INCOMPLETE",
    metrics: { accuracy: 1 },
  });
  expect(empty.summary).toMatchObject({ error: "DATASET_EMPTY" });
  expect([empty.status, nothing.status]).toEqual([65, 64]);
}, 30_000);

/** The model's own manifest with another word in it, beside its files. */
async function manifestWith(name: string, change: (text: string) => string): Promise<string> {
  const folder = join(scratch, name);
  await mkdir(folder, { recursive: true });
  for (const file of ["road-seg-int8.onnx", "road-seg-fp32.onnx", "README.md", "LICENCE.txt"]) {
    await copyFile(join(ROAD, file), join(folder, file));
  }
  const text = change(await readFile(join(ROAD, "manifest.json"), "utf8"));
  const { golden: _, ...manifest } = JSON.parse(text) as Record<string, unknown>;
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
  return join(folder, "manifest.json");
}

interface Verdict {
  readonly state: string;
  readonly reasons: readonly string[];
  readonly path: string;
}

test("the bundled model passes its gate, and fed BGR it is refused for its preprocessing and opens under no name", async () => {
  const bgr = await manifestWith("bgr", (text) => text.replace('"RGB"', '"BGR"'));

  const admitted = await redline(["eval", "--gate", "road-seg", "--model", "road-seg@int8-320", "--json"], {
    env,
  });
  const refused = await redline(["eval", "--gate", "road-seg", "--model", `${bgr}@fp32-320`, "--json"], {
    env,
  });

  expect(admitted.summary, admitted.err).toMatchObject({ state: "admitted", reasons: [] });
  expect(admitted.status).toBe(0);
  const verdict = refused.summary as unknown as Verdict;
  expect(refused.status, refused.out).toBe(3);
  expect(verdict.reasons.join()).toContain("preprocessing: RGB in place of BGR");
  const opened = await redline(["drive", join(SAMPLES, "drive/000030.jpg"), "--model", "road-seg@fp32-320"], {
    env,
  });
  expect(opened.status).toBe(65);
  expect(opened.err).toContain("MODEL_QUARANTINED");
}, 120_000);

/** The fp32 model with every weight of its convolutions off by a share of itself, from a seed. */
async function worsened(name: string, share: number): Promise<string> {
  const model = readModel(await readFile(join(ROAD, "road-seg-fp32.onnx")));
  let state = 7;
  const noise = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32) * 2 - 1;
  };
  const initializers = model.graph!.initializers.map((tensor) => {
    if (tensor.raw === null || tensor.elementType !== 1 || tensor.dims.length !== 4) return tensor;
    const values = new Float32Array(Uint8Array.from(tensor.raw).buffer);
    const raw = new Uint8Array(values.map((value) => value * (1 + share * noise())).buffer);
    return { ...tensor, raw };
  });
  const path = join(scratch, name);
  await writeFile(path, writeModel({ ...model, graph: { ...model.graph!, initializers } }));
  return path;
}

/** A set of one question, and its recorded answer. */
async function answeredSet(): Promise<string[]> {
  const folder = join(scratch, "question");
  await mkdir(folder, { recursive: true });
  const manifest = { schema: 1, name: "question", task: "multiple-choice", items: "labels.jsonl" };
  await writeFile(join(folder, "dataset.json"), JSON.stringify(manifest));
  await writeFile(join(folder, "labels.jsonl"), '{"id": "q", "options": ["A", "B"], "correct": "A"}');
  await writeFile(join(folder, "answers.jsonl"), '{"id": "q", "choice": "A"}');
  return ["--data", folder, "--predictions", join(folder, "answers.jsonl")];
}

test(
  "a model that lost about five per cent is told by the baseline and refused by the gate; the same model is not",
  async () => {
    const baseline = join(scratch, "baseline.json");
    const model = await worsened("same.onnx", 0);
    const set = ["--data", SCENES, "--model", model];
    await redline(["eval", "--write-baseline", baseline, ...(await answeredSet()), "--json"], { env });
    const written = await redline(["eval", "--write-baseline", baseline, ...set, "--json"], { env });
    const kept: (number | null)[] = [];
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      kept.push((await redline(["eval", "--baseline", baseline, "--json"], { env })).status);
    }
    await copyFile(await worsened("worse.onnx", WORSE_SHARE), model);

    const worse = await redline(["eval", "--baseline", baseline, "--json"], { env });
    const refused = await redline(["eval", "--gate", "road-seg", "--model", model, "--json"], { env });

    expect([written.status, worse.status, refused.status], worse.out).toEqual([0, 1, 3]);
    expect(written.summary.entries).toHaveLength(2);
    expect(kept).toEqual(Array.from({ length: REPEATS }, () => 0));
    const figure = worse.lines.find((line) => line.figure === "drivable-iou") as { was: number; is: number };
    expect(1 - figure.is / figure.was).toBeGreaterThan(0.03);
    expect(1 - figure.is / figure.was).toBeLessThan(0.08);
  },
  60_000 + 30_000 * REPEATS,
);

/** Noise of this share of each weight costs the model about five per cent of its drivable IoU. */
const WORSE_SHARE = 0.105;

describe.skipIf(!hasAssets("models/twinlitenet"))("with the development assets", () => {
  test.each([
    ["twinlitenet_preprocessed.onnx", 3],
    ...(IS_WHOLE
      ? ([
          ["twinlitenet.onnx", 0],
          ["twinlitenet_preprocessed_quantized.onnx", 3],
        ] as const)
      : []),
  ] as const)(
    "of the published files, %s ends the gate with %i",
    async (file, status) => {
      const model = join(ASSETS, "models/twinlitenet", file);

      const decided = await redline(["eval", "--gate", "road-seg", "--model", model, "--json"], { env });

      expect(decided.status, JSON.stringify(decided.summary.reasons)).toBe(status);
    },
    120_000,
  );

  test("spoken digits at known places are found, and the area under the ROC is the share of pairs in order", async () => {
    const folder = join(scratch, "digits");
    await mkdir(folder);
    const names = (await readdir(join(ASSETS, "audio/fsdd_test"))).filter((name) => name.endsWith("_2.wav"));
    // A second of 8 kHz for each digit, which begins a quarter of a second in; their headers are 44 bytes.
    const sound = new Int16Array(8000 * names.length);
    const rows: string[] = [];
    for (const [index, name] of names.entries()) {
      const bytes = await readFile(join(ASSETS, "audio/fsdd_test", name));
      const digit = new Int16Array(Uint8Array.from(bytes.subarray(44)).buffer).subarray(0, 6000);
      sound.set(digit, 8000 * index + 2000);
      rows.push(`digits\t${1000 * index + 250}\t${1000 * index + 250 + digit.length / 8}`);
    }
    const wav = wavBytes({ sampleRateHz: 8000, data: new Uint8Array(sound.buffer) });
    await writeFile(join(folder, "digits.wav"), wav);
    await writeFile(join(folder, "speech.tsv"), ["id\tstart_ms\tend_ms", ...rows].join("\n"));
    const fields = { task: "voice-activity", audio: "{id}.wav", segments: "speech.tsv" };
    await writeFile(join(folder, "dataset.json"), JSON.stringify({ schema: 1, name: "digits", ...fields }));
    const items = join(folder, "rows.ndjson");

    const measured = await redline([
      "eval",
      "--data",
      folder,
      "--model",
      "silero-vad",
      "--items",
      items,
      "--json",
    ]);

    expect(measured.status, measured.err).toBe(0);
    const [, row] = (await readFile(items, "utf8")).split("\n");
    const { counts } = JSON.parse(row ?? "") as { counts: { speech: number[]; other: number[] } };
    const inOrder = counts.speech.flatMap((a) => counts.other.map((b) => (a > b ? 1 : a === b ? 0.5 : 0)));
    const share = inOrder.reduce((sum: number, one) => sum + one, 0) / inOrder.length;
    const { metrics } = measured.summary as { metrics: Metrics };
    expect(names.length).toBeGreaterThan(50);
    expect(counts.speech.length + counts.other.length).toBe(Math.ceil((names.length * 16_000) / 512));
    expect(Math.abs(metrics["frame-auc"]! - share)).toBeLessThan(1e-9);
    expect(share).toBeGreaterThan(0.85);
  }, 60_000);

  test("labelled lanes of real roads are measured in their own folder, described elsewhere", async () => {
    const manifest = join(scratch, "tusimple.json");
    const stem = "training_data_example";
    const fields = { images: `${stem}_image_{id}.png`, masks: { lanes: `${stem}_gt_binary_image_{id}.png` } };
    await writeFile(
      manifest,
      JSON.stringify({ schema: 1, name: "tusimple", task: "road-segmentation", ...fields }),
    );
    const given = ["--data", manifest, "--folder", join(ASSETS, "images/tusimple"), "--model", "road-seg"];

    const measured = await redline(["eval", ...given, "--json"], { env });

    expect(measured.status, measured.err).toBe(0);
    const { metrics } = measured.summary as { metrics: Metrics };
    expect(metrics["drivable-iou"]).toBeNull();
    expect(metrics["lane-f"]).toBeGreaterThan(0.3);
  }, 60_000);
});
