// Owns the driving half of the demo: the bundled drive through the road model, with what it claims laid over each frame.

import {
  type BrowserRuntime,
  type BrowserSession,
  planImage,
  planMargins,
  planMask,
} from "../runtime/browser.js";
import type { LatencyPlot } from "./latency-plot.js";

/** What the driving half draws on. */
export interface DrivingStage {
  readonly runtime: BrowserRuntime;
  readonly plot: LatencyPlot;
  readonly road: HTMLCanvasElement;
  readonly note: HTMLElement;
}

/** What was seen. */
export interface Driven {
  readonly provider: string;
  readonly device: string;
  readonly frames: number;
  /** The mean share of the picture that the model calls drivable. */
  readonly drivable: number;
}

const HEADS = [
  { name: "drivable", tint: [31, 138, 76] },
  { name: "lanes", tint: [214, 44, 44] },
] as const;

let opened: Promise<BrowserSession> | undefined;

function roadModel(runtime: BrowserRuntime): Promise<BrowserSession> {
  opened ??= runtime.open("/models/road-seg/road-seg-int8.onnx", {
    manifest: "/models/road-seg/manifest.json",
    golden: "/models/road-seg/golden/road-seg.json",
    contract: { periodMs: 50, late: "keep" },
  });
  return opened;
}

/** Plays the first frames of the bundled drive, each as soon as the one before is drawn. */
export async function playDrive(stage: DrivingStage, { frames }: { frames: number }): Promise<Driven> {
  const { runtime, plot, road, note } = stage;
  note.textContent = "loading onnxruntime-web";
  const session = await roadModel(runtime);
  note.textContent = `${session.provider} on ${session.device}: ${session.detail}`;
  const { width, height } = road;
  const to = road.getContext("2d", { willReadFrequently: true })!;
  const size = { width: 320, height: 320 };
  const input = planImage(
    { format: "rgba", width, height },
    { ...size, layout: "NCHW", colour: "RGB", dtype: "float32", scale: 1 / 255 },
  );
  const image = new Float32Array(input.elements);
  let drivable = 0;
  for (let frame = 0; frame < frames; frame++) {
    const name = String(frame).padStart(6, "0");
    const picture = await createImageBitmap(await (await fetch(`/models/samples/drive/${name}.jpg`)).blob());
    const capturedUs = runtime.clock.nowUs();
    to.drawImage(picture, 0, 0, width, height);
    const pixels = to.getImageData(0, 0, width, height);
    runtime.ops.image(input, new Uint8Array(pixels.data.buffer), image);
    const outcome = await session.run({ image }, { capturedUs });
    for (const head of HEADS) {
      const scores = outcome.outputs[head.name];
      if (scores === undefined) continue;
      const [, , down, across] = scores.shape as [number, number, number, number];
      const mask = maskOf(runtime, { scores: scores.data as Float32Array, down, across, width, height });
      const claimed = tinted(pixels.data, mask, head.tint);
      if (head.name === "drivable") drivable += claimed / mask.length / frames;
    }
    to.putImageData(pixels, 0, 0);
    if (outcome.status === "done" || outcome.status === "late") plot.add("road", outcome.latencyUs);
    outcome.release();
    await new Promise(requestAnimationFrame);
  }
  return { provider: session.provider, device: session.device, frames, drivable };
}

function maskOf(
  { ops }: BrowserRuntime,
  given: { scores: Float32Array; down: number; across: number; width: number; height: number },
): Uint8Array {
  const grid = { width: given.across, height: given.down };
  const margins = new Float32Array(grid.width * grid.height);
  ops.margins(planMargins({ ...grid, values: "logits" }), given.scores, {
    margins,
    totals: new Float64Array(2),
  });
  const image = { width: given.width, height: given.height };
  const mask = new Uint8Array(image.width * image.height);
  ops.mask(planMask({ grid, image }), margins, mask);
  return mask;
}

/** Lays a tint over what the mask claims; answers how many pixels that are. */
function tinted(
  pixels: Uint8ClampedArray,
  mask: Uint8Array,
  tint: readonly [number, number, number],
): number {
  let claimed = 0;
  for (const [at, value] of mask.entries()) {
    if (value === 0) continue;
    claimed += 1;
    for (const channel of [0, 1, 2] as const)
      pixels[4 * at + channel] = 0.55 * pixels[4 * at + channel]! + 0.45 * tint[channel];
  }
  return claimed;
}
