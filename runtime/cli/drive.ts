// Owns `redline drive`: drivable area and lanes of pictures, printed and written as PNG. Computes nothing.

import type { Command } from "commander";
import {
  createRuntime,
  type FrameErrorEvent,
  type FrameEvent,
  openFrames,
  openPromiseFirst,
  type PictureFolders,
  RedlineError,
  watchRoad,
} from "../index.js";
import { downloadProgress } from "./download-progress.js";
import { licenceNotice } from "./licence-notice.js";
import { pictureSize } from "./number-option.js";
import { tellRefusal } from "./promise-line.js";
import type { Perform, Surroundings } from "./verb.js";

const EXAMPLES = `
Examples:
  redline drive frame.jpg --out overlays     the picture with area and lanes drawn on it
  redline drive frames/ --json --masks m     one line per picture; m/<stem>.drivable.png and m/<stem>.lanes.png
  redline drive clip.mp4 --json              any clip the system's ffmpeg reads
  ffmpeg -i clip.mp4 -f yuv4mpegpipe - | redline drive - --json
  redline drive - --raw 640x360 < frames.rgb
  redline drive frames/ --model other.onnx   another road segmenter, by path

Every picture is run, however long it takes: the contract keeps late results.`;

interface DriveOptions {
  readonly raw?: { readonly width: number; readonly height: number };
  readonly masks?: string;
  readonly out?: string;
  readonly model: string;
}

/** Declares the verb. */
export function addDrive(program: Command, perform: Perform): void {
  program
    .command("drive")
    .description("drivable area and lanes of images, folders, Y4M or clips")
    .argument(
      "<input>",
      "an image, a folder, a .y4m file, a clip, or `-` for standard input (Y4M, or RGB24 with --raw)",
    )
    .option("--raw <size>", "standard input is RGB24 pictures of this size, as in 640x360", pictureSize)
    .option("--masks <folder>", "write masks here: 8-bit PNG, 0 or 255, at the source's size")
    .option("--out <folder>", "write overlays here")
    .option("--model <name>", "the road segmenter, by name or path", "road-seg")
    .addHelpText("after", EXAMPLES)
    .action((input: string, options: DriveOptions) =>
      perform((surroundings) => drive({ ...surroundings, input, options })),
    );
}

async function drive(given: Surroundings & { input: string; options: DriveOptions }): Promise<void> {
  const { output, signal, input, options } = given;
  const progress = downloadProgress(output);
  const store = { onProgress: progress.show, onLicence: licenceNotice(output) };
  const runtime = await createRuntime({ store });
  const counts = { frames: 0, unreadable: 0 };
  let firstFault: FrameErrorEvent | undefined;
  try {
    const { clock } = runtime;
    const source = await openFrames(input, {
      clock,
      ...(options.raw === undefined ? {} : { raw: options.raw }),
    });
    const contract = { periodMs: 50, deadlineMs: 60_000, criticality: "critical", late: "keep" } as const;
    const { session, refused } = await openPromiseFirst(runtime, options.model, { signal, contract });
    progress.end();
    tellRefusal(output, { session: session.name, refused });
    for await (const event of watchRoad({ session, source, clock, signal, pictures: folders(options) })) {
      if (event.type === "frame") counts.frames += 1;
      else counts.unreadable += 1;
      if (event.type === "frame-error") firstFault ??= event;
      output.event(event, event.type === "frame" ? frameText(event) : `${event.source}  ${event.message}`);
    }
  } finally {
    progress.end();
    output.summarise(
      { source: input, ...counts, sessions: runtime.stats().sessions, provider: runtime.provider.name },
      `${counts.frames} pictures read, ${counts.unreadable} unreadable`,
    );
    await runtime.close();
  }
  if (firstFault !== undefined) {
    const what = `${counts.unreadable} of ${counts.frames + counts.unreadable} pictures, the first ${firstFault.source}`;
    throw new RedlineError(firstFault.code, { what, hint: firstFault.message });
  }
}

function folders({ masks, out }: DriveOptions): PictureFolders {
  return { ...(masks === undefined ? {} : { masks }), ...(out === undefined ? {} : { overlays: out }) };
}

function frameText({ source, outcome, drivable, lanes, confidence, flags }: FrameEvent): string {
  if (drivable === null || lanes === null || confidence === null)
    return `${source}  ${outcome}  ${flags.join(" ")}`;
  const area = `${(100 * drivable.areaRatio).toFixed(1)} % drivable`;
  return `${source}  ${area}, ${lanes.length} ${lanes.length === 1 ? "lane" : "lanes"}, confidence ${confidence.toFixed(2)}  ${flags.join(" ")}`.trimEnd();
}
