// Owns the reading of a road segmenter's outputs: from two tensors to margins, area, boundary, lanes, confidence.
// Knows no session. Invariant: whatever it answers is a copy; the tensors may be overwritten at once.

import { RedlineError } from "../core/errors.js";
import type { Tensor } from "../core/tensor.js";
import { upperBoundary } from "./boundary.js";
import { laneLines } from "./lane-lines.js";
import {
  areaRatio,
  classifyValues,
  type MarginField,
  meanClaimedMargin,
  readMargins,
} from "./margin-field.js";
import type { Extent, Polyline } from "./polyline.js";
import type { RoadHead, RoadModel } from "./road-model.js";

/** What a frame shows, in image coordinates. */
export interface RoadView {
  readonly drivable: {
    /** Share of the image that is drivable, counted in network pixels. */
    readonly areaRatio: number;
    /** The far edge of the largest drivable region, from left to right. */
    readonly boundary: Polyline;
  };
  /** Left to right, each from bottom to top. */
  readonly lanes: readonly Polyline[];
  /** Mean softmax margin over all network pixels claimed as drivable or lane; 0 when none is. */
  readonly confidence: number;
}

/** Margins of both heads. */
export interface RoadMargins {
  readonly drivable: MarginField;
  readonly lanes: MarginField;
}

/** Reads outputs of one model. Heads whose values are not described are classified by the first outputs seen. */
export class SegmentReader {
  readonly #model: RoadModel;
  readonly #values = new Map<string, "logits" | "probabilities">();

  constructor(model: RoadModel) {
    this.#model = model;
  }

  /** @throws RedlineError `INTERNAL` when an output is not the one the model declared. */
  read(outputs: Readonly<Record<string, Tensor>>): RoadMargins {
    return {
      drivable: this.#readHead(this.#model.drivable, outputs),
      lanes: this.#readHead(this.#model.lanes, outputs),
    };
  }

  #readHead(head: RoadHead, outputs: Readonly<Record<string, Tensor>>): MarginField {
    const data = outputs[head.name]?.data;
    if (!(data instanceof Float32Array) || data.length !== 2 * head.width * head.height) {
      throw new RedlineError("INTERNAL", { what: `output ${head.name} is not the declared tensor` });
    }
    let values = head.values === "unknown" ? this.#values.get(head.name) : head.values;
    if (values === undefined) {
      values = classifyValues(data);
      this.#values.set(head.name, values);
    }
    return readMargins(data, { width: head.width, height: head.height, values });
  }
}

/** Area, boundary, lanes and confidence from margins, for an image of this size. */
export function viewRoad(margins: RoadMargins, image: Extent): RoadView {
  return {
    drivable: {
      areaRatio: areaRatio(margins.drivable),
      boundary: upperBoundary(margins.drivable, image),
    },
    lanes: laneLines(margins.lanes, image),
    confidence: meanClaimedMargin([margins.drivable, margins.lanes]),
  };
}
