// Owns the proof that `redline drive` reads pictures, clips and pipes and writes what it promises.

import { spawnSync } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ASSETS, ensureBuilt, redline, SAMPLES } from "./built-cli.js";
import { hasAssets } from "./development-assets.js";

let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "redline-drive-"));
  await ensureBuilt();
}, 120_000);

afterAll(() => rm(scratch, { recursive: true, force: true }));

/** A folder with two of the bundled frames. */
async function twoFrames(): Promise<string> {
  const folder = join(scratch, "frames");
  await mkdir(folder, { recursive: true });
  for (const name of ["000030.jpg", "000060.jpg"]) {
    await copyFile(join(SAMPLES, "drive", name), join(folder, name));
  }
  return folder;
}

test("a folder of pictures gives a line, two masks and an overlay for each", async () => {
  const [masks, out] = [join(scratch, "masks"), join(scratch, "overlays")];

  const { status, lines, summary } = await redline([
    ...["drive", await twoFrames(), "--json"],
    ...["--masks", masks, "--out", out],
  ]);

  const frames = lines.filter(({ type }) => type === "frame");
  expect(frames.map(({ id, source }) => [id, source])).toEqual([
    [0, "000030.jpg"],
    [1, "000060.jpg"],
  ]);
  for (const frame of frames) {
    const keys = ["type", "id", "source", "outcome", "rung", "drivable", "lanes", "confidence", "flags"];
    expect(Object.keys(frame)).toEqual(keys);
    expect(frame).toMatchObject({ outcome: "done", flags: [] });
    expect((frame.drivable as { areaRatio: number }).areaRatio).toBeGreaterThan(0.05);
    expect((frame.drivable as { boundary: unknown[] }).boundary.length).toBeGreaterThan(1);
    expect(frame.confidence).toBeGreaterThan(0);
  }
  expect((await readdir(masks)).sort()).toEqual([
    "000030.drivable.png",
    "000030.lanes.png",
    "000060.drivable.png",
    "000060.lanes.png",
  ]);
  expect((await readdir(out)).sort()).toEqual(["000030.png", "000060.png"]);
  expect(summary).toMatchObject({ type: "summary", frames: 2, unreadable: 0 });
  expect(status).toBe(0);
});

test("a mask is 8-bit, holds only 0 and 255, has the picture's size and agrees with the area", async () => {
  const masks = join(scratch, "one-mask");

  const { lines } = await redline([
    "drive",
    join(SAMPLES, "drive", "000060.jpg"),
    ...["--json", "--masks", masks],
  ]);

  const mask = sharp(join(masks, "000060.drivable.png"));
  const { width, height, channels, depth } = await mask.metadata();
  const values = await mask.raw().toBuffer();
  const share = values.reduce((sum, value) => sum + (value === 255 ? 1 : 0), 0) / values.length;
  const { areaRatio } = lines[0]?.drivable as { areaRatio: number };
  expect({ width, height, channels, depth }).toEqual({
    width: 640,
    height: 360,
    channels: 1,
    depth: "uchar",
  });
  expect(values.every((value) => value === 0 || value === 255)).toBe(true);
  // The ratio is counted at the network's resolution, the mask at the picture's: an edge of one network pixel apart.
  expect(Math.abs(share - areaRatio)).toBeLessThan(0.02);
});

test("raw frames piped in are read at the size that is given", async () => {
  const pixels = await sharp(join(SAMPLES, "drive", "000060.jpg"))
    .raw()
    .toBuffer();

  const { status, lines } = await redline(["drive", "-", "--raw", "640x360", "--json"], { stdin: pixels });

  const frames = lines.filter(({ type }) => type === "frame");
  expect(frames).toHaveLength(1);
  expect(frames[0]).toMatchObject({ outcome: "done" });
  expect(status).toBe(0);
});

test("the fallback without the addon sees the same", async () => {
  const frames = await twoFrames();

  const native = await redline(["drive", frames, "--json"]);
  const fallback = await redline(["drive", frames, "--json"], { env: { REDLINE_NO_ADDON: "1" } });

  const seen = (lines: readonly Record<string, unknown>[]) => lines.filter(({ type }) => type === "frame");
  expect(fallback.summary).toMatchObject({ provider: "ort-node" });
  expect(seen(fallback.lines)).toEqual(seen(native.lines));
});

describe.skipIf(spawnSync("ffmpeg", ["-version"]).status !== 0)("with ffmpeg", () => {
  test("a clip and its frames as Y4M through a pipe are read frame by frame", async () => {
    const clip = join(scratch, "clip.mp4");
    const y4m = join(scratch, "clip.y4m");
    const input = ["-y", "-v", "error", "-framerate", "20", "-i", join(SAMPLES, "drive", "%06d.jpg")];
    spawnSync("ffmpeg", [...input, "-frames:v", "5", clip]);
    spawnSync("ffmpeg", ["-y", "-v", "error", "-i", clip, "-pix_fmt", "yuv420p", y4m]);
    const masks = join(scratch, "clip-masks");

    const mp4 = await redline(["drive", clip, "--json", "--masks", masks]);
    const piped = await redline(["drive", y4m, "--json"]);

    const ids = (lines: readonly Record<string, unknown>[]) =>
      lines.filter(({ type }) => type === "frame").map(({ id }) => id);
    expect(ids(mp4.lines)).toEqual([0, 1, 2, 3, 4]);
    expect(ids(piped.lines)).toEqual([0, 1, 2, 3, 4]);
    expect(await readdir(masks)).toContain("clip.000004.lanes.png");
    expect(mp4.status).toBe(0);
  });
});

describe.skipIf(!hasAssets("images"))("real roads", () => {
  test("frames of a public data set are read", async () => {
    const folder = join(ASSETS, "images", "bdd100k");

    const { status, summary } = await redline(["drive", folder, "--json"]);

    expect(summary.frames).toBeGreaterThan(0);
    expect(status).toBe(0);
  });

  test("the teacher runs by path", async () => {
    const model = join(ASSETS, "models", "twinlitenet", "twinlitenet.onnx");

    const { status, lines, summary } = await redline([
      ...["drive", join(SAMPLES, "drive", "000060.jpg"), "--json"],
      ...["--model", model],
    ]);

    // Before it comes a line that says why nothing is promised, where the machine is too slow for it.
    expect(lines.find(({ type }) => type === "frame")).toMatchObject({ outcome: "done" });
    expect(summary.sessions).toMatchObject([{ model: "twinlitenet", variant: "file" }]);
    expect(status).toBe(0);
  });
});
