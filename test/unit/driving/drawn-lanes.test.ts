// Owns the promise that lane lines lie where people see lanes: the teacher's, on road pictures with drawn marks.
// Knows teacher and pictures as development assets that may be absent.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { FrameEvent } from "../../../runtime/driving/road-event.js";
import { watchRoad } from "../../../runtime/driving/watch-road.js";
import type { ImageFrame } from "../../../runtime/sources/frame.js";
import { decodeImage } from "../../../runtime/sources/image.js";
import { processClock as clock, openInProcess } from "../../support/in-process-session.js";

const TEACHER = "../shared/assets/models/twinlitenet/twinlitenet.onnx";
const TUSIMPLE = "../shared/assets/images/tusimple";

/** Gives pictures as if captured now. */
async function* camera(frames: readonly ImageFrame[]): AsyncGenerator<ImageFrame> {
  for (const frame of frames) yield { ...frame, capturedUs: clock.nowUs() };
}

const hasAssets = existsSync(TEACHER) && existsSync(TUSIMPLE);
if (!hasAssets) console.warn(`skipped: ${TEACHER} and ${TUSIMPLE} are development assets that are not here`);

test.skipIf(!hasAssets)("the teacher's lane lines lie on the lane marks people drew", async () => {
  await using session = await openInProcess({ graph: TEACHER });
  const names = ["0000", "0001", "0002"];
  const images = await Promise.all(
    names.map((name) => decodeImage(join(TUSIMPLE, `training_data_example_image_${name}.png`))),
  );
  const frames = images.map((image, id) => ({
    id,
    source: names[id]!,
    stem: names[id]!,
    capturedUs: 0,
    ...image,
  }));

  const events: FrameEvent[] = [];
  for await (const event of watchRoad({ session, clock, source: camera(frames) })) {
    if (event.type === "frame") events.push(event);
  }

  for (const [id, name] of names.entries()) {
    const drawn = await decodeImage(join(TUSIMPLE, `training_data_example_gt_binary_image_${name}.png`));
    const points = densePoints(events[id]!.lanes!);
    const near = points.filter((point) => isNear(drawn, point, 24)).length;
    // People drew four lanes of each road; the teacher also finds its edges. 24 pixels are 2 % of the width.
    expect(near / points.length).toBeGreaterThan(0.75);
  }
});

/** Points along lines, about 10 pixels apart. */
function densePoints(lines: readonly (readonly (readonly [number, number])[])[]): [number, number][] {
  return lines.flatMap((line) =>
    line.slice(1).flatMap(([x1, y1], i) => {
      const [x0, y0] = line[i]!;
      const steps = Math.max(1, Math.round(Math.hypot(x1 - x0, y1 - y0) / 10));
      return Array.from({ length: steps }, (_, k): [number, number] => [
        x0 + ((x1 - x0) * k) / steps,
        y0 + ((y1 - y0) * k) / steps,
      ]);
    }),
  );
}

function isNear(
  drawn: { width: number; height: number; data: Uint8Array },
  [x, y]: [number, number],
  reach: number,
) {
  const row = Math.round(y);
  for (let column = Math.round(x) - reach; column <= Math.round(x) + reach; column++) {
    if (column < 0 || column >= drawn.width) continue;
    if (drawn.data[(row * drawn.width + column) * 3]! > 127) return true;
  }
  return false;
}
