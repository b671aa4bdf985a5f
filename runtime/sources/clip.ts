// Owns reading any clip through the system's ffmpeg, as a pipe of PPM pictures. Knows no codec.
// Invariant: the ffmpeg process never outlives the iteration; every frame it wrote whole is delivered.

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { access } from "node:fs/promises";
import { basename, extname } from "node:path";
import type { Readable } from "node:stream";
import type { Clock } from "../core/clock.js";
import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import { cutFrame, missingInput } from "./broken-input.js";
import { ByteStream } from "./byte-stream.js";
import { createStamp, type FrameItem, type FrameSource, streamNames } from "./frame.js";
import { requireImageSize } from "./image.js";

/** How a clip is read. */
export interface ClipOptions {
  readonly clock: Clock;
  /** The ffmpeg program. Default: `ffmpeg`, found on the PATH. */
  readonly ffmpeg?: string;
}

/**
 * The frames of a clip in any format the system's `ffmpeg` reads, at their own size, each exactly once.
 * May be iterated again; every iteration starts the clip anew.
 *
 * @throws RedlineError while iterating: `SOURCE_UNAVAILABLE` without ffmpeg, `SOURCE_MISSING`, `SOURCE_TOO_LARGE`,
 * `SOURCE_FORMAT` with ffmpeg's last line, `SOURCE_TRUNCATED` after the last frame of a damaged clip.
 *
 * @example
 * for await (const frame of clipFrames("drive.mp4", { clock })) console.log(frame.source);
 */
export function clipFrames(path: string, options: ClipOptions): FrameSource {
  return { [Symbol.asyncIterator]: () => readClip(path, options) };
}

// ffmpeg 4 calls it -vsync, ffmpeg 5.1 renames it, later ones remove the old name. Without either, ffmpeg repeats and drops
// frames to make the rate constant.
const PASSTHROUGH_FLAGS = [
  ["-fps_mode", "passthrough"],
  ["-vsync", "passthrough"],
] as const;

/** What ffmpeg says of a picture beyond `-max_pixels`, or beyond what it could count. */
const TOO_LARGE_WORDS = /picture size \d+x\d+ is invalid|exceeds specified max pixel count/i;

async function* readClip(path: string, options: ClipOptions): AsyncGenerator<FrameItem> {
  await access(path).catch((cause: unknown) => {
    throw missingInput(path, cause);
  });
  for (const flags of PASSTHROUGH_FLAGS) {
    const decoder = new Decoder(options.ffmpeg ?? "ffmpeg", path, flags);
    const isUnderstood = yield* deliver(decoder, path, options.clock);
    if (isUnderstood) return;
  }
}

/** Delivers the clip's frames; answers false when this ffmpeg does not know the flags it was given. */
async function* deliver(decoder: Decoder, path: string, clock: Clock): AsyncGenerator<FrameItem, boolean> {
  const names = { name: basename(path), stem: basename(path, extname(path)) };
  const stamp = createStamp(clock);
  const reader = new ByteStream(decoder.output);
  let id = 0;
  try {
    for (; ; id++) {
      const picture = await readPpm(reader, `${path}, frame ${id}`);
      if (picture === undefined) break;
      const receivedBytes = await reader.fill(picture.data);
      if (receivedBytes < picture.data.length) {
        throw cutFrame(path, { id, expectedBytes: picture.data.length, receivedBytes });
      }
      yield { id, ...streamNames(names, id), capturedUs: stamp(), ...picture };
    }
    const { exitCode, lastLine, startError, tooLarge } = await decoder.end();
    if (startError !== undefined) throw withoutFfmpeg(path, startError);
    if (id === 0 && /fps_mode/.test(lastLine)) return false;
    if (tooLarge !== undefined) {
      throw new RedlineError("SOURCE_TOO_LARGE", {
        what: path,
        expected: `at most ${LIMITS.imagePixels} pixels a frame`,
        received: tooLarge,
      });
    }
    if (id === 0) {
      throw new RedlineError("SOURCE_FORMAT", {
        what: path,
        expected: "a clip that ffmpeg reads",
        received: lastLine || "no video frames",
      });
    }
    if (exitCode !== 0 || lastLine !== "") {
      throw new RedlineError("SOURCE_TRUNCATED", {
        what: path,
        expected: "a clip that ffmpeg decodes without complaint",
        received: lastLine || `exit status ${exitCode}`,
        hint: `${id} frames were delivered; some of them may be damaged`,
      });
    }
    return true;
  } finally {
    await decoder.stop();
  }
}

/** One running ffmpeg, the words it said last, and how it ended. */
class Decoder {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #ended: Promise<number | null>;
  #errors = "";
  #startError: Error | undefined;

  constructor(program: string, path: string, passthrough: readonly string[]) {
    // `file:` keeps a name with a colon, or one that begins with a dash, from being read as a protocol or an option.
    // A picture beyond the limit is refused before ffmpeg makes room for it.
    const args = ["-nostdin", "-v", "error", "-max_pixels", String(LIMITS.imagePixels), "-i", `file:${path}`];
    args.push("-map", "0:v:0?", ...passthrough);
    args.push("-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "pipe:1");
    this.#child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      // A damaged clip may complain about every block: only the end is kept.
      this.#errors = (this.#errors + text).slice(-8192);
    });
    this.#child.on("error", (error) => {
      this.#startError = error;
    });
    this.#ended = once(this.#child, "close").then(
      ([code]) => code as number | null,
      () => null,
    );
  }

  get output(): Readable {
    return this.#child.stdout;
  }

  /** Waits for the process to end by itself. */
  async end(): Promise<{
    exitCode: number | null;
    lastLine: string;
    startError: Error | undefined;
    /** What ffmpeg said of a picture beyond the limit. */
    tooLarge: string | undefined;
  }> {
    const exitCode = await this.#ended;
    const lines = this.#errors.split("\n").filter((line) => line.trim() !== "");
    const tooLarge = lines.find((line) => TOO_LARGE_WORDS.test(line))?.trim();
    return { exitCode, lastLine: lines.at(-1)?.trim() ?? "", startError: this.#startError, tooLarge };
  }

  /** Ends the process if it still runs, and waits until it is gone. */
  async stop(): Promise<void> {
    if (this.#startError === undefined && this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill("SIGKILL");
    }
    this.#child.stdout.destroy();
    await this.#ended;
  }
}

function withoutFfmpeg(path: string, cause: Error): RedlineError {
  return new RedlineError("SOURCE_UNAVAILABLE", {
    what: `ffmpeg, needed for ${path}`,
    expected: "a program that starts",
    received: cause.message,
    hint: "install ffmpeg (apt install ffmpeg, brew install ffmpeg, winget install ffmpeg), or give a folder of images or a .y4m file",
    cause,
  });
}

/** Reads the header ffmpeg writes: `P6`, `WIDTH HEIGHT`, `255`, a line each. */
async function readPpm(reader: ByteStream, place: string) {
  const magic = await reader.line(16);
  if (magic.text === "" && !magic.isWhole) return undefined;
  const size = await reader.line(32);
  const depth = await reader.line(16);
  const [width = 0, height = 0] = size.text.split(" ").map(Number);
  if (magic.text !== "P6" || depth.text !== "255") {
    throw new RedlineError("SOURCE_FORMAT", {
      what: place,
      expected: "an 8-bit PPM from ffmpeg",
      received: JSON.stringify(`${magic.text} ${size.text} ${depth.text}`),
    });
  }
  requireImageSize(place, { width, height });
  return { width, height, data: new Uint8Array(width * height * 3) };
}
