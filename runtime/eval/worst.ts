// Owns going back to the worst items for their pictures. Knows no page.
// Invariant: an item is shown with the answer it gets now, by the same subject.

import type { Dataset } from "./datasets/dataset.js";
import { drawWorst, type WorstItem } from "./report.js";
import type { EvalSummary } from "./run-eval.js";
import type { Subject } from "./subject.js";
import type { RoadMasks } from "./tasks/road.js";

/** Pictures of a page: ten of them stay far below two megabytes. */
export async function showWorst(
  dataset: Dataset,
  { subject, worst }: { readonly subject: Subject; readonly worst: EvalSummary["worst"] },
): Promise<WorstItem[]> {
  const pictures = new Map<string, Uint8Array>();
  if (dataset.task === "road-segmentation") {
    const wanted = new Set(worst.map(({ id }) => id));
    for await (const item of dataset.items()) {
      if ("fault" in item || item.input.kind !== "image" || !wanted.has(item.id)) continue;
      const answered = await subject.answer(item);
      if ("fault" in answered) continue;
      const drawn = { label: item.label as RoadMasks, claim: answered.answer as RoadMasks };
      pictures.set(item.id, await drawWorst(item.input, drawn));
    }
  }
  return worst.map(({ id, score }) => ({ id, score, picture: pictures.get(id) ?? null }));
}
