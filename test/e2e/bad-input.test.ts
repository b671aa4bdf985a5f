// Owns the proof that bad input gets a clear error, the right exit status, and loses nothing that came before it.

import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { wavBytes } from "../support/wav-bytes.js";
import { ensureBuilt, redline, SAMPLES } from "./built-cli.js";

let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "redline-bad-"));
  await ensureBuilt();
}, 120_000);

afterAll(() => rm(scratch, { recursive: true, force: true }));

async function fileOf(name: string, bytes: Uint8Array | string): Promise<string> {
  const path = join(scratch, name);
  await writeFile(path, bytes);
  return path;
}

function pngChunk(name: string, data: Uint8Array): Buffer {
  const chunk = Buffer.alloc(12 + data.length);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(name, 4);
  chunk.set(data, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length);
  return chunk;
}

async function expectRefusal(
  argv: readonly string[],
  expected: { code: string; status: number; says?: string },
) {
  const { status, lines, err } = await redline([...argv, "--json"]);

  const error = lines.find(({ type }) => type === "error");
  expect(error).toMatchObject({ code: expected.code });
  if (expected.says !== undefined) expect(String(error?.message)).toContain(expected.says);
  expect(lines.at(-1)).toMatchObject({ type: "summary", error: expected.code });
  expect(err).not.toContain("    at ");
  expect(status).toBe(expected.status);
  return lines;
}

test("a recording that does not exist", () =>
  expectRefusal(["voice", join(scratch, "no.wav")], { code: "SOURCE_MISSING", status: 66, says: "no.wav" }));

test("a recording that is no WAV", async () =>
  expectRefusal(
    ["voice", await fileOf("a.wav", "this is a text, not a recording, and long enough to be one")],
    {
      code: "SOURCE_FORMAT",
      status: 65,
    },
  ));

test("an empty file as a recording", async () =>
  expectRefusal(["voice", await fileOf("empty.wav", "")], { code: "SOURCE_EMPTY", status: 65 }));

test("a recording of no samples", async () =>
  expectRefusal(["voice", await fileOf("none.wav", wavBytes({ channels: 1, data: new Uint8Array(0) }))], {
    code: "SOURCE_EMPTY",
    status: 65,
  }));

test("a recording of no channels", async () =>
  expectRefusal(["voice", await fileOf("mute.wav", wavBytes({ channels: 0, data: new Uint8Array(200) }))], {
    code: "SOURCE_FORMAT",
    status: 65,
    says: "channel",
  }));

test("a truncated recording is heard as far as it goes, then named", async () => {
  const whole = await readFile(join(SAMPLES, "voice.wav"));
  // Seven seconds of 16-bit mono at 16 kHz hold the first utterance.
  const path = await fileOf("cut.wav", whole.subarray(0, 44 + 7 * 32_000));

  const lines = await expectRefusal(["voice", path], { code: "SOURCE_TRUNCATED", status: 65 });

  expect(lines.filter(({ type }) => type === "speech").length).toBeGreaterThan(0);
  expect(lines.at(-1)).toMatchObject({ truncated: true });
});

test("a corrupt picture among good ones is named and the others are read", async () => {
  const folder = join(scratch, "mixed");
  await mkdir(folder);
  const good = await readFile(join(SAMPLES, "drive", "000060.jpg"));
  await writeFile(join(folder, "a.jpg"), good);
  await writeFile(join(folder, "b.jpg"), Buffer.concat([good.subarray(0, 300), Buffer.alloc(500, 7)]));
  await writeFile(join(folder, "c.jpg"), await readFile(join(SAMPLES, "drive", "000061.jpg")));

  const { status, lines, summary } = await redline(["drive", folder, "--json"]);

  const types = lines.map(({ type, source }) => [type, source]);
  expect(types).toContainEqual(["frame", "a.jpg"]);
  expect(types).toContainEqual(["frame-error", "b.jpg"]);
  expect(types).toContainEqual(["frame", "c.jpg"]);
  expect(summary).toMatchObject({ frames: 2, unreadable: 1 });
  expect(status).toBe(65);
});

test("a picture of 20,000 x 20,000 pixels is refused by its header, before anything is decoded", async () => {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(20_000, 0);
  header.writeUInt32BE(20_000, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const body = [
    pngChunk("IHDR", header),
    pngChunk("IDAT", deflateSync(Buffer.alloc(64))),
    pngChunk("IEND", Buffer.alloc(0)),
  ];
  const path = await fileOf("huge.png", Buffer.concat([signature, ...body]));

  await expectRefusal(["drive", path], { code: "SOURCE_TOO_LARGE", status: 65 });
});

test("pictures of one pixel, in grey, in CMYK and with alpha are read like any other", async () => {
  const folder = join(scratch, "odd");
  await mkdir(folder);
  const sample = sharp(join(SAMPLES, "drive", "000060.jpg"));
  await sharp({ create: { width: 1, height: 1, channels: 3, background: "red" } })
    .png()
    .toFile(join(folder, "a-pixel.png"));
  await sample.clone().greyscale().toColourspace("b-w").png().toFile(join(folder, "b-grey.png"));
  await sample.clone().toColourspace("cmyk").jpeg().toFile(join(folder, "c-cmyk.jpg"));
  await sample.clone().ensureAlpha(0.5).png().toFile(join(folder, "d-alpha.png"));

  const { status, lines } = await redline(["drive", folder, "--json"]);

  const frames = lines.filter(({ type }) => type === "frame");
  expect(frames.map(({ outcome }) => outcome)).toEqual(["done", "done", "done", "done"]);
  expect(status).toBe(0);
});

test("a folder without pictures", async () => {
  const folder = join(scratch, "bare");
  await mkdir(folder);

  await expectRefusal(["drive", folder], { code: "SOURCE_EMPTY", status: 65 });
});

test("a model that is no road segmenter", async () => {
  const frame = join(SAMPLES, "drive", "000060.jpg");

  await expectRefusal(["drive", frame, "--model", "silero-vad"], { code: "MODEL_UNSUITABLE", status: 65 });
});

test("a model file that does not exist, and one that is no model", async () => {
  const frame = join(SAMPLES, "drive", "000060.jpg");
  const text = await fileOf("text.onnx", "not a model");

  await expectRefusal(["drive", frame, "--model", "no.onnx"], { code: "MODEL_FILE_MISSING", status: 66 });
  await expectRefusal(["drive", frame, "--model", text], { code: "MODEL_INVALID", status: 65 });
});

test("a manifest with a field nobody knows, a path that leads out and a hash that is wrong", async () => {
  const frame = join(SAMPLES, "drive", "000060.jpg");
  const bundled = join(SAMPLES, "..", "road-seg", "manifest.json");
  const manifest = JSON.parse(await readFile(bundled, "utf8")) as { variants: Record<string, unknown>[] };
  const [variant] = manifest.variants;
  const only = (fields: object) => JSON.stringify({ ...manifest, variants: [{ ...variant, ...fields }] });
  const folder = join(scratch, "model");
  await mkdir(folder);
  await writeFile(join(folder, "weights.onnx"), "not these weights");
  await writeFile(join(folder, "unknown.json"), JSON.stringify({ ...manifest, colour: "red" }));
  await writeFile(join(folder, "out.json"), only({ sources: ["file:../../etc/passwd"] }));
  await writeFile(join(folder, "hash.json"), only({ sources: ["file:weights.onnx"] }));

  const unknown = ["drive", frame, "--model", join(folder, "unknown.json")];
  const outside = ["drive", frame, "--model", join(folder, "out.json")];
  const hash = ["drive", frame, "--model", join(folder, "hash.json")];

  await expectRefusal(unknown, { code: "MANIFEST_INVALID", status: 65, says: "colour" });
  await expectRefusal(outside, { code: "MANIFEST_PATH", status: 65 });
  await expectRefusal(hash, { code: "STORE_HASH_MISMATCH", status: 65 });
});
