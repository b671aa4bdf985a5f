// Owns the promises of the driving pipeline, run with our own model on the bundled drive.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RedlineError } from "../../../runtime/core/errors.js";
import type { FrameEvent, RoadEvent } from "../../../runtime/driving/road-event.js";
import { type WatchRoadOptions, watchRoad } from "../../../runtime/driving/watch-road.js";
import type { Session } from "../../../runtime/sessions/session.js";
import { type FrameItem, type ImageFrame, isFault } from "../../../runtime/sources/frame.js";
import { decodeImage } from "../../../runtime/sources/image.js";
import { imageFolder } from "../../../runtime/sources/image-folder.js";
import {
  processClock as clock,
  type InProcessOptions,
  openInProcess,
} from "../../support/in-process-session.js";

const STUDENT = "models/road-seg/road-seg-int8.onnx";

/** The first frames of the bundled drive. */
let drive: ImageFrame[];
let folder: string;
const sessions: Session[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "redline-road-"));
  drive = [];
  for await (const item of imageFolder("models/samples/drive", { clock })) {
    if (!isFault(item)) drive.push(item);
    if (drive.length === 6) break;
  }
});
afterAll(async () => {
  for (const session of sessions) await session.close();
  await rm(folder, { recursive: true, force: true });
});

async function open(options: Partial<InProcessOptions> = {}): Promise<Session> {
  const session = await openInProcess({ graph: STUDENT, ...options });
  sessions.push(session);
  return session;
}

/** Gives prepared frames as if captured now, one microsecond apart, and notes whether it was closed. */
function camera(frames: readonly FrameItem[], ending?: Error) {
  const state = { isClosed: false };
  const source = async function* (): AsyncGenerator<FrameItem> {
    try {
      const startUs = clock.nowUs();
      for (const [i, frame] of frames.entries()) yield { ...frame, capturedUs: startUs + i };
      if (ending !== undefined) throw ending;
    } finally {
      state.isClosed = true;
    }
  };
  return { source: source(), state };
}

async function watch(options: Omit<WatchRoadOptions, "clock">) {
  const events: RoadEvent[] = [];
  try {
    for await (const event of watchRoad({ clock, ...options })) events.push(event);
  } catch (error) {
    return { events, frames: framesOf(events), error };
  }
  return { events, frames: framesOf(events), error: undefined };
}

function framesOf(events: readonly RoadEvent[]): FrameEvent[] {
  return events.filter((event) => event.type === "frame");
}

describe("watching the road", () => {
  test("gives one event for each frame, in order, with area, boundary, lanes and confidence", async () => {
    const session = await open();

    const { frames, error } = await watch({ session, source: camera(drive).source });

    expect(error).toBeUndefined();
    expect(frames.map(({ id, source, outcome }) => [id, source, outcome])).toEqual(
      drive.map(({ id, source }) => [id, source, "done"]),
    );
    for (const { drivable, lanes, confidence, flags } of frames) {
      // The rendered road fills about a third of each picture and always shows some of its lane marks.
      expect(drivable!.areaRatio).toBeGreaterThan(0.2);
      expect(drivable!.areaRatio).toBeLessThan(0.5);
      expect(drivable!.boundary.length).toBeGreaterThan(5);
      expect(lanes!.length).toBeGreaterThan(0);
      expect(confidence).toBeGreaterThan(0.3);
      expect(confidence).toBeLessThan(1);
      expect(flags).toEqual([]);
    }
  });

  test("has exactly the published form", async () => {
    const session = await open();

    const { events } = await watch({ session, source: camera(drive.slice(0, 1)).source });

    expect(Object.keys(events[0]!)).toEqual([
      "type",
      "id",
      "source",
      "outcome",
      "rung",
      "drivable",
      "lanes",
      "confidence",
      "flags",
    ]);
    expect(Object.keys(framesOf(events)[0]!.drivable!)).toEqual(["areaRatio", "boundary"]);
    expect(JSON.parse(JSON.stringify(events[0]))).toEqual(events[0]);
  });

  test("keeps every point inside a picture of one pixel", async () => {
    const session = await open();
    const pixel = { ...drive[0]!, width: 1, height: 1, data: Uint8Array.from([90, 90, 90]) };

    const { frames } = await watch({ session, source: camera([pixel]).source });

    expect(frames[0]!.outcome).toBe("done");
    for (const [x, y] of [...frames[0]!.drivable!.boundary, ...frames[0]!.lanes!.flat()]) {
      expect([x, y]).toEqual([0, 0]);
    }
  });

  test("goes on after a frame that could not be read", async () => {
    const session = await open();
    const fault = {
      id: 1,
      source: "b.jpg",
      capturedUs: 0,
      error: new RedlineError("SOURCE_FORMAT", { what: "b.jpg" }),
    };

    const { events } = await watch({
      session,
      source: camera([drive[0]!, fault, { ...drive[1]!, id: 2 }]).source,
    });

    expect(events.map(({ type, id }) => [type, id])).toEqual([
      ["frame", 0],
      ["frame-error", 1],
      ["frame", 2],
    ]);
    expect(events[1]).toMatchObject({ source: "b.jpg", code: "SOURCE_FORMAT" });
  });

  test("gives the results of all frames before the error that ended the source", async () => {
    const session = await open();
    const ending = new RedlineError("SOURCE_TRUNCATED");

    const { frames, error } = await watch({ session, source: camera(drive.slice(0, 3), ending).source });

    expect(frames.map(({ outcome }) => outcome)).toEqual(["done", "done", "done"]);
    expect(error).toBe(ending);
  });

  test("gives no numbers for a job that did not run to its end, and says why", async () => {
    const settlements = [
      { status: "cancelled", reason: "deadline" },
      { status: "dropped", reason: "stale" },
      { status: "failed", reason: "non-finite" },
    ] as const;
    const session = await open({ settleInstead: (job) => settlements[job] });

    const { frames } = await watch({ session, source: camera(drive.slice(0, 4)).source });

    const nothing = { drivable: null, lanes: null, confidence: null };
    expect(frames.slice(0, 3)).toMatchObject([
      { outcome: "cancelled", flags: ["deadline"], ...nothing },
      { outcome: "dropped", flags: ["stale"], ...nothing },
      { outcome: "failed", flags: ["non-finite"], ...nothing },
    ]);
    expect(frames[3]!.outcome).toBe("done");
  });
});

describe("a frame the supervisor objects to", () => {
  test("is never run when it is out of order", async () => {
    const session = await open();
    const frames = [drive[0]!, drive[2]!, drive[1]!, drive[3]!];

    const result = await watch({ session, source: camera(frames).source });

    expect(result.frames.map(({ id, outcome }) => [id, outcome])).toEqual([
      [0, "done"],
      [2, "done"],
      [1, "dropped"],
      [3, "done"],
    ]);
    expect(result.frames[2]).toMatchObject({
      flags: ["out-of-order"],
      drivable: null,
      lanes: null,
      confidence: null,
    });
    expect(session.stats().n).toBe(3);
  });

  test("is never run when it arrives after its deadline", async () => {
    const session = await open({ contract: { periodMs: 50, deadlineMs: 50, late: "keep" } });
    const old = { ...drive[0]!, capturedUs: clock.nowUs() - 60_000 };
    const source = (async function* () {
      yield old;
    })();

    const { frames } = await watch({ session, source });

    expect(frames).toMatchObject([{ outcome: "dropped", flags: ["late"], drivable: null }]);
    expect(session.stats().n).toBe(0);
  });

  test("is run but abstained from when the picture is frozen or black", async () => {
    const session = await open();
    const black = { ...drive[1]!, id: 2, data: new Uint8Array(drive[1]!.data.length) };

    const { frames } = await watch({
      session,
      source: camera([drive[0]!, { ...drive[0]!, id: 1 }, black]).source,
    });

    expect(frames.map(({ outcome, flags }) => [outcome, flags])).toEqual([
      ["done", []],
      ["done", ["frozen", "abstain"]],
      ["done", ["black", "abstain"]],
    ]);
    expect(frames.map(({ confidence }) => confidence === 0)).toEqual([false, true, true]);
    expect(frames[1]!.drivable).not.toBeNull();
  });
});

describe("live", () => {
  test("a frame that finds no free slot is rejected and counted by the session", async () => {
    const session = await open({ slots: 1 });

    const { frames } = await watch({ session, source: camera(drive.slice(0, 3)).source, pace: "live" });

    expect(frames.map(({ outcome }) => outcome)).toEqual(["done", "rejected", "rejected"]);
    expect(frames[1]).toMatchObject({ flags: ["no-slot"], drivable: null });
    expect(session.stats().outcomes).toMatchObject({ done: 1, rejected: 2 });
  });

  test("the same frames offline are all run", async () => {
    const session = await open({ slots: 1 });

    const { frames } = await watch({ session, source: camera(drive.slice(0, 3)).source });

    expect(frames.map(({ outcome }) => outcome)).toEqual(["done", "done", "done"]);
  });
});

describe("an end before the end", () => {
  test("by the reader closes the source and gives every slot back", async () => {
    const session = await open({ slots: 2 });
    const { source, state } = camera(drive);

    for await (const event of watchRoad({ session, source, clock })) if (event.id === 1) break;

    expect(state.isClosed).toBe(true);
    expect([session.reserve(), session.reserve()]).not.toContain(null);
  });

  test("by a signal settles what is in flight and reads no further", async () => {
    const session = await open();
    const abort = new AbortController();
    const seen: RoadEvent[] = [];

    for await (const event of watchRoad({
      session,
      source: camera(drive).source,
      clock,
      signal: abort.signal,
    })) {
      seen.push(event);
      if (event.id === 1) abort.abort();
    }

    expect(seen.length).toBeLessThan(drive.length);
    expect(
      new Set(
        framesOf(seen)
          .slice(2)
          .map(({ outcome }) => outcome),
      ),
    ).not.toContain("failed");
  });

  test("by a signal does not wait for a source that is silent", async () => {
    const session = await open();
    const abort = new AbortController();
    const silent = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };

    const watching = watch({ session, source: silent, signal: abort.signal });
    abort.abort();

    expect((await watching).events).toEqual([]);
  });
});

describe("pictures", () => {
  test("are masks of 0 and 255 and an overlay, at the source's size, under the frame's stem", async () => {
    const session = await open();
    const pictures = { masks: join(folder, "masks", "deep"), overlays: join(folder, "overlays") };

    const { frames } = await watch({ session, source: camera(drive.slice(0, 1)).source, pictures });

    const stem = drive[0]!.stem;
    for (const kind of ["drivable", "lanes"]) {
      const file = join(pictures.masks, `${stem}.${kind}.png`);
      const data = await sharp(file).raw().toBuffer();
      expect(await sharp(file).metadata()).toMatchObject({
        width: 640,
        height: 360,
        channels: 1,
        depth: "uchar",
      });
      expect(new Set(data)).toEqual(new Set([0, 255]));
      const share = data.filter((value) => value === 255).length / data.length;
      if (kind === "drivable") expect(share).toBeCloseTo(frames[0]!.drivable!.areaRatio, 2);
    }
    const overlay = await decodeImage(join(pictures.overlays, `${stem}.png`));
    expect(overlay).toMatchObject({ width: 640, height: 360 });
    expect(Buffer.compare(overlay.data, drive[0]!.data)).not.toBe(0);
  });

  test("that cannot be written end the run before it starts", async () => {
    const session = await open();
    const file = join(folder, "a-file");
    await writeFile(file, "");

    const { events, error } = await watch({
      session,
      source: camera(drive).source,
      pictures: { masks: join(file, "masks") },
    });

    expect(events).toEqual([]);
    expect(error).toMatchObject({ code: "OUTPUT_WRITE_FAILED", what: join(file, "masks") });
  });
});
