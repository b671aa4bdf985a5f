// Owns the promises of runtime/sources/clip.ts and frame-input.ts. Makes its own clips with the system's ffmpeg.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clipFrames } from "../../../runtime/sources/clip.js";
import { openFrames } from "../../../runtime/sources/frame-input.js";
import { drain } from "../../support/drained.js";
import { VirtualClock } from "../../support/virtual-clock.js";

const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;
const clock = new VirtualClock();
let folder: string;
let clip: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "redline-clips-"));
  clip = join(folder, "drive.mp4");
  if (!hasFfmpeg) return;
  // 12 frames whose times are uneven: a reader that makes the rate constant would repeat some and drop others.
  const filter = "testsrc=size=64x48:rate=24:duration=0.5,setpts='if(gte(N,6),N+20,N)/24/TB'";
  // ffmpeg before 5.1 knows the option by its older name only.
  const isMade = ["-fps_mode", "-vsync"].some((option) => {
    const output = [option, "passthrough", "-c:v", "mpeg4", "-movflags", "faststart", "-y", clip];
    return spawnSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", filter, ...output]).status === 0;
  });
  if (!isMade) throw new Error("ffmpeg could not write the test clip");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.skipIf(!hasFfmpeg)("a clip, with ffmpeg installed", () => {
  test("gives each of its frames once, at its own size", async () => {
    const { frames, error } = await drain(clipFrames(clip, { clock }));

    expect(error).toBeUndefined();
    expect(frames).toHaveLength(12);
    expect(frames[11]).toMatchObject({
      id: 11,
      source: "drive.mp4#000011",
      stem: "drive.000011",
      width: 64,
      height: 48,
    });
    expect(frames[11]!.data).toHaveLength(64 * 48 * 3);
    expect(new Set(frames.map(({ data }) => Buffer.from(data).toString("base64"))).size).toBe(12);
  });

  test("may be read again from its start", async () => {
    const source = clipFrames(clip, { clock });

    const laps = [await drain(source), await drain(source)];

    expect(laps.map(({ frames }) => frames.length)).toEqual([12, 12]);
  });

  test("leaves no process behind when its reader leaves early", async () => {
    const frames = clipFrames(clip, { clock })[Symbol.asyncIterator]();
    await frames.next();

    await frames.return?.();

    const children = await readFile(`/proc/${process.pid}/task/${process.pid}/children`, "utf8").catch(
      () => "",
    );
    const names = await Promise.all(
      children.split(" ").map((pid) => readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")),
    );
    expect(names.filter((name) => name.startsWith("ffmpeg"))).toEqual([]);
  });

  test("that is no clip is SOURCE_FORMAT with ffmpeg's own words", async () => {
    const path = join(folder, "text.mp4");
    await writeFile(path, "this is no clip");

    const { frames, error } = await drain(clipFrames(path, { clock }));

    expect(frames).toEqual([]);
    expect(error).toMatchObject({ code: "SOURCE_FORMAT", what: path });
    expect((error as Error).message).toMatch(/Invalid data|moov/);
  });

  test("without a picture in it is SOURCE_FORMAT, in words about streams", async () => {
    const path = join(folder, "sound.wav");
    execFileSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "sine=duration=0.1", path]);

    const { error } = await drain(clipFrames(path, { clock }));

    expect(error).toMatchObject({ code: "SOURCE_FORMAT", received: expect.stringContaining("stream") });
  });

  test("cut short delivers what decodes, then says so", async () => {
    const path = join(folder, "cut.mp4");
    const bytes = await readFile(clip);
    await writeFile(path, bytes);
    await truncate(path, Math.round(bytes.length * 0.6));

    const { frames, error } = await drain(clipFrames(path, { clock }));

    expect(frames.length).toBeGreaterThan(0);
    expect(frames.length).toBeLessThan(12);
    expect(error).toMatchObject({ code: "SOURCE_TRUNCATED", what: path });
  });

  test("with a name that looks like an option or a protocol is read all the same", async () => {
    const path = join(folder, "-v:0.mp4");
    await writeFile(path, await readFile(clip));

    const { frames } = await drain(await openFrames(path, { clock }));

    expect(frames).toHaveLength(12);
  });
});

test("a clip without ffmpeg is SOURCE_UNAVAILABLE and says how to install it", async () => {
  const path = join(folder, "any.mp4");
  await writeFile(path, "any");

  const { error } = await drain(clipFrames(path, { clock, ffmpeg: join(folder, "no-such-program") }));

  expect(error).toMatchObject({
    code: "SOURCE_UNAVAILABLE",
    hint: expect.stringContaining("install ffmpeg"),
  });
});

describe("what a user names", () => {
  test("is missing when it is not there", async () => {
    await expect(openFrames(join(folder, "absent.mp4"), { clock })).rejects.toMatchObject({
      code: "SOURCE_MISSING",
    });
  });

  test("is missing when it may not be read", async () => {
    const path = join(folder, "gone.y4m");
    await writeFile(path, "YUV4MPEG2 W1 H1 Cmono\n");
    const source = await openFrames(path, { clock });
    await rm(path);

    const { error } = await drain(source);

    expect(error).toMatchObject({ code: "SOURCE_MISSING", what: path });
  });

  test("is refused by name when it is a still format that is not read", async () => {
    const path = join(folder, "road.bmp");
    await writeFile(path, "BM");

    await expect(openFrames(path, { clock })).rejects.toMatchObject({
      code: "SOURCE_FORMAT",
      received: "bmp",
    });
  });

  test("is standard input when it is a dash: YUV4MPEG2, or raw frames of a given size", async () => {
    const y4m = async function* () {
      yield Buffer.concat([Buffer.from("YUV4MPEG2 W1 H1 Cmono\nFRAME\n"), Buffer.from([235])]);
    };
    const raw = async function* () {
      yield Buffer.from([1, 2, 3]);
    };

    const fromY4m = await drain(await openFrames("-", { clock, stdin: y4m() }));
    const fromRaw = await drain(await openFrames("-", { clock, stdin: raw(), raw: { width: 1, height: 1 } }));

    expect([...fromY4m.frames[0]!.data]).toEqual([255, 255, 255]);
    expect([...fromRaw.frames[0]!.data]).toEqual([1, 2, 3]);
  });

  test("may be a file of raw frames or a .y4m file, read again by each iteration", async () => {
    const path = join(folder, "grey.y4m");
    await writeFile(path, Buffer.concat([Buffer.from("YUV4MPEG2 W1 H1 Cmono\nFRAME\n"), Buffer.from([16])]));
    const source = await openFrames(path, { clock });

    const laps = [await drain(source), await drain(source)];

    expect(laps.map(({ frames }) => frames[0]?.source)).toEqual(["grey.y4m#000000", "grey.y4m#000000"]);
  });
});
