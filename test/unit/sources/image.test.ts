// Owns the promises of image files and folders: every kind of picture, every kind of damage. Makes its own files.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ErrorCode } from "../../../runtime/core/errors.js";
import { type FrameItem, isFault } from "../../../runtime/sources/frame.js";
import { decodeImage } from "../../../runtime/sources/image.js";
import { imageFile, imageFolder } from "../../../runtime/sources/image-folder.js";
import { VirtualClock } from "../../support/virtual-clock.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "redline-images-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** 3x2 pixels: red, green, blue over white, grey, black. */
const SWATCH = Buffer.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 128, 128, 128, 0, 0, 0]);
const swatch = () => sharp(SWATCH, { raw: { width: 3, height: 2, channels: 3 } });

async function file(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

async function collect(source: AsyncIterable<FrameItem>): Promise<FrameItem[]> {
  const items: FrameItem[] = [];
  for await (const item of source) items.push(item);
  return items;
}

/** A PNG that claims a size and holds almost no data. */
function pngHeader(size: { width: number; height: number }): Buffer {
  const chunk = (kind: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(kind, "latin1"), data]);
    const frame = Buffer.alloc(8 + body.length);
    frame.writeUInt32BE(data.length, 0);
    body.copy(frame, 4);
    frame.writeUInt32BE(crc32(body), 4 + body.length);
    return frame;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size.width, 0);
  header.writeUInt32BE(size.height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.alloc(64))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

describe("every kind of picture becomes 8-bit sRGB at its own size", () => {
  test("a PNG keeps its pixels exactly", async () => {
    const path = await file("exact.png", await swatch().png().toBuffer());

    const pixels = await decodeImage(path);

    expect(pixels).toMatchObject({ width: 3, height: 2 });
    expect([...pixels.data]).toEqual([...SWATCH]);
  });

  test("a picture of one pixel is a picture", async () => {
    const one = sharp(Buffer.from([10, 20, 30]), { raw: { width: 1, height: 1, channels: 3 } });
    const path = await file("one.png", await one.png().toBuffer());

    const pixels = await decodeImage(path);

    expect(pixels).toMatchObject({ width: 1, height: 1 });
    expect([...pixels.data]).toEqual([10, 20, 30]);
  });

  test("grey is the same in all three channels", async () => {
    const grey = sharp(Buffer.from([0, 77, 255]), { raw: { width: 3, height: 1, channels: 1 } });
    const path = await file("grey.png", await grey.toColourspace("b-w").png().toBuffer());

    const { data } = await decodeImage(path);

    expect([...data]).toEqual([0, 0, 0, 77, 77, 77, 255, 255, 255]);
  });

  test("transparency is laid on black", async () => {
    const rgba = Buffer.from([200, 100, 50, 255, 200, 100, 50, 0]);
    const path = await file(
      "alpha.png",
      await sharp(rgba, { raw: { width: 2, height: 1, channels: 4 } })
        .png()
        .toBuffer(),
    );

    const { data } = await decodeImage(path);

    expect([...data]).toEqual([200, 100, 50, 0, 0, 0]);
  });

  test("grey with transparency is laid on black as well", async () => {
    const greyAlpha = Buffer.from([200, 255, 200, 0]);
    const image = sharp(greyAlpha, { raw: { width: 2, height: 1, channels: 2 } });
    const path = await file("grey-alpha.png", await image.toColourspace("b-w").png().toBuffer());

    const { data } = await decodeImage(path);

    expect([...data]).toEqual([200, 200, 200, 0, 0, 0]);
  });

  test("a palette is resolved", async () => {
    const path = await file("palette.png", await swatch().png({ palette: true }).toBuffer());

    const { data } = await decodeImage(path);

    expect([...data]).toEqual([...SWATCH]);
  });

  test("16 bits become 8", async () => {
    const path = await file("deep.png", await swatch().toColourspace("rgb16").png().toBuffer());
    const depth = (await sharp(path).metadata()).depth;

    const { data } = await decodeImage(path);

    expect(depth).toBe("ushort");
    for (const [i, value] of SWATCH.entries()) expect(Math.abs(data[i]! - value)).toBeLessThanOrEqual(1);
  });

  test("CMYK becomes RGB", async () => {
    const red = sharp({ create: { width: 16, height: 16, channels: 3, background: "#c02020" } });
    const path = await file("cmyk.jpg", await red.toColourspace("cmyk").jpeg({ quality: 95 }).toBuffer());
    const space = (await sharp(path).metadata()).space;

    const { data } = await decodeImage(path);

    expect(space).toBe("cmyk");
    expect(data.length).toBe(16 * 16 * 3);
    // Press inks cannot show every red: only that it is still clearly red is certain.
    expect(data[0]! - data[1]!).toBeGreaterThan(80);
  });

  test("the EXIF orientation is applied", async () => {
    const turned = await swatch().withMetadata({ orientation: 6 }).png().toBuffer();
    const path = await file("turned.png", turned);

    const pixels = await decodeImage(path);

    expect(pixels).toMatchObject({ width: 2, height: 3 });
    expect([...pixels.data.subarray(0, 3)]).toEqual([255, 255, 255]);
  });
});

describe("a bad picture is named, with what is wrong", () => {
  const wideJpeg = () =>
    sharp({
      create: {
        width: 256,
        height: 256,
        channels: 3,
        background: "#888",
        noise: { type: "gaussian", mean: 128, sigma: 40 },
      },
    })
      .jpeg()
      .toBuffer();

  const cases: { name: string; code: ErrorCode; bytes: () => Promise<Uint8Array>; says?: RegExp }[] = [
    { name: "text.jpg", code: "SOURCE_FORMAT", bytes: async () => Buffer.from("this is no picture") },
    { name: "nothing.jpg", code: "SOURCE_EMPTY", bytes: async () => new Uint8Array(0) },
    { name: "half.jpg", code: "SOURCE_TRUNCATED", bytes: async () => halfOf(await wideJpeg()) },
    {
      name: "half.png",
      code: "SOURCE_TRUNCATED",
      bytes: async () => halfOf(await swatch().resize(64, 64).png().toBuffer()),
    },
    {
      name: "huge.png",
      code: "SOURCE_TOO_LARGE",
      bytes: async () => pngHeader({ width: 20_000, height: 20_000 }),
      says: /16384.*67108864.*20000x20000/,
    },
    {
      name: "wide.png",
      code: "SOURCE_TOO_LARGE",
      bytes: async () => pngHeader({ width: 16_385, height: 1 }),
      says: /16385x1/,
    },
  ];
  for (const { name, code, bytes, says } of cases) {
    test(`${name} is ${code}`, async () => {
      const path = await file(name, await bytes());

      const decoding = decodeImage(path);

      await expect(decoding).rejects.toMatchObject({ code, what: path });
      if (says !== undefined) await expect(decoding).rejects.toThrow(says);
    });
  }

  test("damage in the middle of a JPEG is not passed off as a picture", async () => {
    const bytes = await wideJpeg();
    bytes.fill(0xff, bytes.length >> 1, (bytes.length >> 1) + 200);
    const path = await file("damaged.jpg", bytes);

    const decoding = decodeImage(path);

    await expect(decoding).rejects.toMatchObject({ what: path, code: expect.stringMatching(/^SOURCE_/) });
  });

  test("a file that is not there is SOURCE_MISSING", async () => {
    const path = join(folder, "absent.png");

    await expect(decodeImage(path)).rejects.toMatchObject({ code: "SOURCE_MISSING", what: path });
  });
});

describe("a folder of pictures", () => {
  test("comes in the order a person expects, with ids from 0", async () => {
    const drive = await mkdtemp(join(folder, "drive-"));
    for (const name of ["10.png", "2.png", "1.png"])
      await writeFile(join(drive, name), await swatch().png().toBuffer());
    await writeFile(join(drive, "notes.txt"), "not a picture");

    const items = await collect(imageFolder(drive, { clock: new VirtualClock() }));

    expect(items.map(({ id, source }) => [id, source])).toEqual([
      [0, "1.png"],
      [1, "2.png"],
      [2, "10.png"],
    ]);
  });

  test("goes on after a bad file, which is reported in its place", async () => {
    const drive = await mkdtemp(join(folder, "drive-"));
    await writeFile(join(drive, "a.png"), await swatch().png().toBuffer());
    await writeFile(join(drive, "b.jpg"), "broken");
    await writeFile(join(drive, "c.png"), await swatch().png().toBuffer());

    const items = await collect(imageFolder(drive, { clock: new VirtualClock() }));

    expect(items.map((item) => (isFault(item) ? item.error.code : item.stem))).toEqual([
      "a",
      "SOURCE_FORMAT",
      "c",
    ]);
  });

  test("has rising capture times even when the clock stands still", async () => {
    const drive = await mkdtemp(join(folder, "drive-"));
    for (const name of ["1.png", "2.png"])
      await writeFile(join(drive, name), await swatch().png().toBuffer());

    const items = await collect(imageFolder(drive, { clock: new VirtualClock() }));

    expect(items[1]!.capturedUs).toBeGreaterThan(items[0]!.capturedUs);
  });

  test("gives two files of one name different output names", async () => {
    const drive = await mkdtemp(join(folder, "drive-"));
    await writeFile(join(drive, "road.png"), await swatch().png().toBuffer());
    await writeFile(join(drive, "road.webp"), await swatch().webp().toBuffer());

    const items = await collect(imageFolder(drive, { clock: new VirtualClock() }));

    expect(items.map((item) => (isFault(item) ? "" : item.stem))).toEqual(["road.png", "road.webp"]);
  });

  test("without pictures is SOURCE_EMPTY", async () => {
    const drive = await mkdtemp(join(folder, "drive-"));

    const reading = collect(imageFolder(drive, { clock: new VirtualClock() }));

    await expect(reading).rejects.toMatchObject({ code: "SOURCE_EMPTY", what: drive });
  });

  test("that does not exist is SOURCE_MISSING", async () => {
    const reading = collect(imageFolder(join(folder, "nowhere"), { clock: new VirtualClock() }));

    await expect(reading).rejects.toMatchObject({ code: "SOURCE_MISSING" });
  });
});

test("a single bad file ends its run with its own error", async () => {
  const path = await file("alone.jpg", Buffer.from("no picture"));

  const reading = collect(imageFile(path, { clock: new VirtualClock() }));

  await expect(reading).rejects.toMatchObject({ code: "SOURCE_FORMAT", what: path });
});

function halfOf(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, bytes.length >> 1);
}
