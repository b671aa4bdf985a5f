// Owns the runs op's definition. Knows no other implementation.

import { RUN_FIELDS, type RunsPlan } from "../runs-plan.js";

/** Writes as many runs as `out` holds and answers how many there are. Both views have been checked. */
export function runs({ width, height }: RunsPlan, margins: Float32Array, out: Float64Array): number {
  const capacity = Math.floor(out.length / RUN_FIELDS);
  let count = 0;
  for (let v = 0; v < height; v++) {
    const row = v * width;
    for (let u = 0; u < width; u++) {
      if (!(margins[row + u]! > 0)) continue;
      const from = u;
      let weight = 0;
      let moment = 0;
      for (; u < width && margins[row + u]! > 0; u++) {
        weight += margins[row + u]!;
        moment += margins[row + u]! * u;
      }
      if (count < capacity) {
        const at = count * RUN_FIELDS;
        out[at] = v;
        out[at + 1] = from;
        out[at + 2] = u - 1;
        out[at + 3] = moment / weight;
      }
      count++;
    }
  }
  return count;
}
