// Owns the promises of YUV4MPEG2 and raw streams, and of the colours they give.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rawFrames } from "../../../runtime/sources/raw-frames.js";
import { parseY4mHeader, y4mFrames } from "../../../runtime/sources/y4m.js";
import { rgbFromPlanes } from "../../../runtime/sources/y4m-colour.js";
import { drain } from "../../support/drained.js";
import { VirtualClock } from "../../support/virtual-clock.js";

const STREAM = { clock: new VirtualClock(), name: "test.y4m", stem: "test" };

/** Delivers bytes in pieces of a given size, as a pipe might. */
async function* inPieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

function stream(header: string, frames: readonly Uint8Array[]): Buffer {
  return Buffer.concat([
    Buffer.from(`${header}\n`),
    ...frames.flatMap((frame) => [Buffer.from("FRAME\n"), frame]),
  ]);
}

describe("a YUV4MPEG2 header", () => {
  test("gives size, chroma, range and interlacing", () => {
    const header = parseY4mHeader({
      name: "a",
      line: "YUV4MPEG2 W640 H360 F25:1 It A1:1 C422 XCOLORRANGE=FULL",
    });

    expect(header).toEqual({
      width: 640,
      height: 360,
      chroma: { across: 2, down: 1 },
      range: "full",
      isInterlaced: true,
    });
  });

  test("without chroma and range means 4:2:0 and limited", () => {
    const header = parseY4mHeader({ name: "a", line: "YUV4MPEG2 W2 H2" });

    expect(header).toMatchObject({ chroma: { across: 2, down: 2 }, range: "limited", isInterlaced: false });
  });

  const refused = [
    { line: "RIFF....", code: "SOURCE_FORMAT" },
    { line: "YUV4MPEG2 W640", code: "SOURCE_FORMAT" },
    { line: "YUV4MPEG2 W0 H10", code: "SOURCE_FORMAT" },
    { line: "YUV4MPEG2 W-4 H10", code: "SOURCE_FORMAT" },
    { line: "YUV4MPEG2 W64 H64 C420p10", code: "SOURCE_FORMAT" },
    { line: "YUV4MPEG2 W64 H64 C444alpha", code: "SOURCE_FORMAT" },
    { line: "YUV4MPEG2 W20000 H20000", code: "SOURCE_TOO_LARGE" },
  ];
  for (const { line, code } of refused) {
    test(`"${line}" is ${code}`, () => {
      expect(() => parseY4mHeader({ name: "a", line })).toThrow(expect.objectContaining({ code }));
    });
  }
});

describe("a YUV4MPEG2 stream", () => {
  test("of odd size rounds its chroma planes up", async () => {
    const frame = Buffer.concat([Buffer.alloc(15, 126), Buffer.alloc(6, 128), Buffer.alloc(6, 128)]);
    const bytes = stream("YUV4MPEG2 W5 H3 C420jpeg", [frame, frame]);

    const { frames, error } = await drain(y4mFrames(inPieces(bytes, 7), STREAM));

    expect(error).toBeUndefined();
    expect(
      frames.map(({ id, source, stem, width, height }) => ({ id, source, stem, width, height })),
    ).toEqual([
      { id: 0, source: "test.y4m#000000", stem: "test.000000", width: 5, height: 3 },
      { id: 1, source: "test.y4m#000001", stem: "test.000001", width: 5, height: 3 },
    ]);
    expect(new Set(frames[0]!.data)).toEqual(new Set([128]));
  });

  test("cut off in its last frame delivers the whole ones, then says so", async () => {
    const frame = Buffer.alloc(6, 16);
    const bytes = stream("YUV4MPEG2 W2 H2", [frame, frame]).subarray(0, -3);

    const { frames, error } = await drain(y4mFrames(inPieces(bytes, 4), STREAM));

    expect(frames).toHaveLength(1);
    expect(error).toMatchObject({ code: "SOURCE_TRUNCATED", expected: "6 bytes", received: "3 bytes" });
  });

  test("cut off in a frame's mark is truncated too", async () => {
    const bytes = Buffer.concat([stream("YUV4MPEG2 W2 H2", [Buffer.alloc(6)]), Buffer.from("FRA")]);

    const { frames, error } = await drain(y4mFrames(inPieces(bytes, 100), STREAM));

    expect(frames).toHaveLength(1);
    expect(error).toMatchObject({ code: "SOURCE_TRUNCATED" });
  });

  test("with something else in the place of a frame is no such stream", async () => {
    const bytes = Buffer.concat([stream("YUV4MPEG2 W2 H2", [Buffer.alloc(6)]), Buffer.from("JUNK\n123456")]);

    const { error } = await drain(y4mFrames(inPieces(bytes, 100), STREAM));

    expect(error).toMatchObject({ code: "SOURCE_FORMAT", what: "test.y4m, frame 1" });
  });

  test("of no bytes is empty", async () => {
    const { error } = await drain(y4mFrames(inPieces(new Uint8Array(0), 1), STREAM));

    expect(error).toMatchObject({ code: "SOURCE_EMPTY" });
  });

  test("of endless bytes without a line is refused without reading them all", async () => {
    let sent = 0;
    const endless = async function* () {
      for (;;) {
        sent += 65_536;
        yield Buffer.alloc(65_536, 0x41);
      }
    };

    const { error } = await drain(y4mFrames(endless(), STREAM));

    expect(error).toMatchObject({ code: "SOURCE_FORMAT" });
    expect(sent).toBeLessThanOrEqual(131_072);
  });

  test("that is interlaced says so on every frame", async () => {
    const bytes = stream("YUV4MPEG2 W2 H2 Ib", [Buffer.alloc(6)]);

    const { frames } = await drain(y4mFrames(inPieces(bytes, 100), STREAM));

    expect(frames[0]!.flags).toEqual(["interlaced"]);
  });

  test("of grey frames has no chroma planes", async () => {
    const bytes = stream("YUV4MPEG2 W2 H1 Cmono XCOLORRANGE=FULL", [Buffer.from([0, 200])]);

    const { frames, error } = await drain(y4mFrames(inPieces(bytes, 3), STREAM));

    expect(error).toBeUndefined();
    expect([...frames[0]!.data]).toEqual([0, 0, 0, 200, 200, 200]);
  });
});

describe("colours follow BT.601", () => {
  test("limited range: black is 16 and white is 235", () => {
    const planes = Uint8Array.from([16, 235, 128, 128]);

    const rgb = rgbFromPlanes(planes, {
      width: 2,
      height: 1,
      chroma: { across: 2, down: 1 },
      range: "limited",
    });

    expect([...rgb]).toEqual([0, 0, 0, 255, 255, 255]);
  });

  test("any colour is within one step of the definition", () => {
    const byte = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(
        byte,
        byte,
        byte,
        fc.constantFrom("limited" as const, "full" as const),
        (y, cb, cr, range) => {
          const planes = Uint8Array.from([y, cb, cr]);

          const rgb = rgbFromPlanes(planes, { width: 1, height: 1, chroma: { across: 1, down: 1 }, range });

          const luma = range === "full" ? y : ((y - 16) * 255) / 219;
          const u = ((cb - 128) * (range === "full" ? 1 : 255 / 224)) / 1;
          const v = ((cr - 128) * (range === "full" ? 1 : 255 / 224)) / 1;
          // Kr = 0.299, Kb = 0.114, Kg = 0.587.
          const wanted = [
            luma + 2 * (1 - 0.299) * v,
            luma - ((2 * 0.114 * (1 - 0.114)) / 0.587) * u - ((2 * 0.299 * (1 - 0.299)) / 0.587) * v,
            luma + 2 * (1 - 0.114) * u,
          ].map((value) => Math.min(255, Math.max(0, value)));
          for (const [channel, value] of wanted.entries()) {
            expect(Math.abs(rgb[channel]! - value)).toBeLessThanOrEqual(0.51);
          }
        },
      ),
    );
  });

  test("each pixel takes the chroma that covers it", () => {
    // 4x1, 4:1:1 would be one chroma sample; 4:2:2 has two: neutral, then strongly red.
    const planes = Uint8Array.from([126, 126, 126, 126, 128, 128, 128, 240]);

    const rgb = rgbFromPlanes(planes, {
      width: 4,
      height: 1,
      chroma: { across: 2, down: 1 },
      range: "limited",
    });

    expect([rgb[0], rgb[3]]).toEqual([128, 128]);
    expect([rgb[6], rgb[9]]).toEqual([255, 255]);
  });
});

describe("raw RGB frames", () => {
  const raw = { ...STREAM, name: "stdin", stem: "stdin", width: 2, height: 1 };

  test("arrive whole whatever the pieces", async () => {
    const bytes = Uint8Array.from({ length: 18 }, (_, i) => i);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 20 }), async (pieceBytes) => {
        const { frames, error } = await drain(rawFrames(inPieces(bytes, pieceBytes), raw));

        expect(error).toBeUndefined();
        expect(frames.flatMap((frame) => [...frame.data])).toEqual([...bytes]);
        expect(frames.map((frame) => frame.source)).toEqual(["stdin#000000", "stdin#000001", "stdin#000002"]);
      }),
    );
  });

  test("cut short are delivered up to the last whole one", async () => {
    const { frames, error } = await drain(rawFrames(inPieces(new Uint8Array(10), 4), raw));

    expect(frames).toHaveLength(1);
    expect(error).toMatchObject({ code: "SOURCE_TRUNCATED", what: "stdin, frame 1" });
  });

  test("of nothing are SOURCE_EMPTY", async () => {
    const { error } = await drain(rawFrames(inPieces(new Uint8Array(0), 4), raw));

    expect(error).toMatchObject({ code: "SOURCE_EMPTY" });
  });

  test("of an impossible size are refused before anything is read", async () => {
    const { error } = await drain(
      rawFrames(inPieces(new Uint8Array(6), 6), { ...raw, width: 20_000, height: 20_000 }),
    );

    expect(error).toMatchObject({ code: "SOURCE_TOO_LARGE" });
  });
});
