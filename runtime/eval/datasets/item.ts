// Owns what a data set delivers: an item with its label, or what stands in its place. Knows no file format.

/** Why an item is not measured. Every kind is counted and listed. */
export const ITEM_FAULTS = [
  "missing-input",
  "missing-label",
  "bad-label",
  "wrong-size",
  "duplicate",
  "unreadable",
  "missing-answer",
  "bad-answer",
  "unknown-answer",
  "failed",
] as const;

/** One of `ITEM_FAULTS`. */
export type ItemFaultKind = (typeof ITEM_FAULTS)[number];

/** An item that cannot be measured, and why. */
export interface ItemFault {
  readonly id: string;
  readonly fault: ItemFaultKind;
  readonly message: string;
}

/** What a model is given of an item. */
export type ItemInput =
  | { readonly kind: "image"; readonly width: number; readonly height: number; readonly data: Uint8Array }
  | { readonly kind: "audio"; readonly path: string }
  | { readonly kind: "recorded" };

/** An item that can be measured. */
export interface LabelledItem {
  readonly id: string;
  /** Of the input's bytes and the label's: an item whose content changed is another item. */
  readonly sha256: string;
  readonly input: ItemInput;
  readonly label: unknown;
}

/** One or the other; tell them apart with `"fault" in item`. */
export type DatasetItem = LabelledItem | ItemFault;
