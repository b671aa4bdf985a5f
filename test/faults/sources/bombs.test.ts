// Files made to be small on disk and huge in memory, or without an end: refused by name, in bounded memory and time.

import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LIMITS } from "../../../runtime/core/limits.js";
import { clipFrames } from "../../../runtime/sources/clip.js";
import { loadSharp } from "../../../runtime/sources/image-codec.js";
import { decodeWav } from "../../../runtime/sources/wav.js";
import { ensureBuilt } from "../../e2e/built-cli.js";
import { type Bounded, runBounded } from "../../support/bounded.js";
import {
  blackPng,
  laughingSvg,
  profileBomb,
  scannedJpeg,
  textBomb,
  tiffHeader,
} from "../../support/picture-bombs.js";
import { VirtualClock } from "../../support/virtual-clock.js";
import { errorOf } from "../../unit/store/catalogue-folder.js";

/** What refusing may cost: the file's bytes, a decoder and the collector's moods. */
const SLACK_BYTES = 64 * 1_048_576;
/** More than a billion pixels. */
const GIGAPIXELS = { width: 40_000, height: 30_000 };
const LARGEST = { width: 16_384, height: 4096 };

let folder: string;
let usual: Bounded;
beforeAll(async () => {
  await ensureBuilt();
  folder = await mkdtemp(join(tmpdir(), "redline-bombs-"));
  usual = decode(await file("usual.png", blackPng({ width: 64, height: 64 })));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

function decode(path: string): Bounded {
  return runBounded("runtime/sources/image.js", `await it.decodeImage(${JSON.stringify(path)})`);
}

describe("a picture", () => {
  test.each([
    ["a PNG of 1.2 gigapixels in 150 kB", "wide.png", () => blackPng(GIGAPIXELS), "SOURCE_TOO_LARGE"],
    ["a JPEG that says 3.6 gigapixels", "wide.jpg", () => sized(60_000, 60_000), "SOURCE_TOO_LARGE"],
    ["a WebP that says 268 megapixels", "wide.webp", () => sizedWebp(16_383, 16_383), "SOURCE_TOO_LARGE"],
    [
      "a TIFF that says 4 gigapixels",
      "wide.tif",
      () => tiffHeader({ width: 65_000, height: 65_000 }),
      "SOURCE_TOO_LARGE",
    ],
    [
      "a JPEG of 800 scans over 64 megapixels",
      "slow.jpg",
      () => scannedJpeg({ ...LARGEST, scans: 800 }),
      "SOURCE_TOO_LARGE",
    ],
    ["an SVG called a PNG", "laugh.png", laughingSvg, "SOURCE_FORMAT"],
  ] as const)("that is %s is refused in little memory", async (_, name, bytes, code) => {
    const path = await file(name, await bytes());

    const refused = decode(path);

    expect(refused).toMatchObject({ code, message: expect.stringContaining(path) });
    expect(refused.peakBytes).toBeLessThan(usual.peakBytes + SLACK_BYTES);
  });

  test.each([
    ["text", textBomb],
    ["a colour profile", profileBomb],
  ] as const)("whose %s unpacks to 1 GB takes little memory, decoded or refused", async (what, bomb) => {
    const path = await file(
      `${what.replaceAll(" ", "-")}.png`,
      blackPng({ width: 64, height: 64 }, [bomb(1e9)]),
    );

    const { code, peakBytes } = decode(path);

    expect([null, "SOURCE_FORMAT", "SOURCE_TRUNCATED"]).toContain(code);
    expect(peakBytes).toBeLessThan(usual.peakBytes + SLACK_BYTES);
  });

  test("of the largest size takes three bytes a pixel, four with what the decoder adds, and a copy", async () => {
    const path = await file("largest.png", blackPng(LARGEST));

    const { code, peakBytes } = decode(path);

    expect(code).toBeNull();
    expect(peakBytes).toBeLessThan(usual.peakBytes + SLACK_BYTES + 8 * LIMITS.imagePixels);
  });

  test("of as many scans as an encoder makes is decoded", async () => {
    const path = await file("scans.jpg", scannedJpeg({ width: 2048, height: 1024, scans: 12 }));

    expect(decode(path)).toMatchObject({ code: null });
  });
});

describe("a stream of frames", () => {
  const frames = (bytes: string) =>
    runBounded(
      "runtime/sources/y4m.js",
      `async function* stream() { yield Buffer.from(${JSON.stringify(bytes)}); }
       const clock = { nowUs: () => 0 };
       for await (const frame of it.y4mFrames(stream(), { clock, name: "bomb", stem: "bomb" })) frame.data.fill(1);`,
    );

  test.each([
    ["gigapixels a frame", "YUV4MPEG2 W40000 H30000 C444\nFRAME\n", "SOURCE_TOO_LARGE"],
    ["numbers beyond any", "YUV4MPEG2 W999999999999999999 H9 C444\nFRAME\n", "SOURCE_FORMAT"],
    ["the largest frame and has none of it", "YUV4MPEG2 W16384 H4096 C444\nFRAME\nx", "SOURCE_TRUNCATED"],
  ])("that says %s is refused in little memory", (_, bytes, code) => {
    const { code: received, peakBytes } = frames(bytes);

    expect(received).toBe(code);
    expect(peakBytes).toBeLessThan(usual.peakBytes + SLACK_BYTES);
  });
});

const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;
if (!hasFfmpeg) console.warn("skipped: no ffmpeg on the PATH, so no bombs of clips");

test.skipIf(!hasFfmpeg)(
  "a clip beyond the limit of pixels is refused before ffmpeg unpacks a frame",
  async () => {
    const path = await file("clip.mp4", blackPng({ width: 9000, height: 9000 }));
    const frames = clipFrames(path, { clock: new VirtualClock() })[Symbol.asyncIterator]();

    const error = await errorOf(frames.next());

    // Said by ffmpeg: its picture would have been refused too, but once it was there.
    expect(error).toMatchObject({
      code: "SOURCE_TOO_LARGE",
      what: path,
      received: expect.stringMatching(/invalid|max pixel/),
    });
  },
);

describe("a WAV stream", () => {
  const chunk = (id: string, size: number): Buffer => {
    const head = Buffer.alloc(8);
    head.write(id, "latin1");
    head.writeUInt32LE(size, 4);
    return head;
  };
  const riff = Buffer.from("RIFF\xff\xff\xff\xffWAVE", "latin1");
  const read = (bytes: AsyncIterable<Uint8Array>) =>
    errorOf(decodeWav({ bytes, clock: new VirtualClock() }).next());

  test("of pieces without an end and without samples is refused", async () => {
    async function* endless() {
      yield riff;
      for (let count = 0; ; count++) {
        if (count % 1000 === 0) await new Promise(setImmediate);
        yield chunk("JUNK", 0);
      }
    }

    expect(await read(endless())).toMatchObject({
      code: "SOURCE_FORMAT",
      expected: expect.stringContaining(String(LIMITS.wavChunks)),
    });
  });

  test("whose header says 4 GB of something else is refused before they are read", async () => {
    async function* huge() {
      yield Buffer.concat([riff, chunk("LIST", 0xffff_fff0)]);
      for (;;) {
        await new Promise(setImmediate);
        yield Buffer.alloc(1 << 20);
      }
    }

    expect(await read(huge())).toMatchObject({ code: "SOURCE_FORMAT" });
  });
});

/** A small lossless WebP that says to be of another size. */
async function sizedWebp(width: number, height: number): Promise<Buffer> {
  const sharp = await loadSharp();
  const bytes = await sharp(blackPng({ width: 16, height: 16 }))
    .webp({ lossless: true })
    .toBuffer();
  const at = bytes.indexOf("VP8L") + 9;
  bytes.writeUInt32LE(
    (((bytes.readUInt32LE(at) >>> 28) << 28) | ((height - 1) * 16_384 + (width - 1))) >>> 0,
    at,
  );
  return bytes;
}

/** A JPEG's beginning: its size, and no picture. */
function sized(width: number, height: number): Buffer {
  return scannedJpeg({ width: 2048, height: 1024, scans: 0 }).map((byte, at, all) => {
    const start = all.indexOf(Buffer.from([0xff, 0xc2])) + 5;
    const size = [height >> 8, height & 255, width >> 8, width & 255];
    return size[at - start] ?? byte;
  }) as Buffer;
}
