// Owns what the development assets are as data sets: which files, which labels, in the form `redline eval` reads. Copies no input.
// Invariant: a label says only what the assets' own labels say.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A line of labels: what the model is given stands in `input`, the label beside it. */
export interface LabelLine {
  readonly id: string;
  readonly input?: string;
  readonly [field: string]: unknown;
}

/** A data set to be written: its manifest, and its labels where they are lines. */
export interface AssetSet {
  readonly name: string;
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly lines?: readonly LabelLine[];
}

/** Every data set whose files are in the folder of assets. */
export function assetSets(assets: string): AssetSet[] {
  const makers: readonly (readonly [folder: string, make: (folder: string) => AssetSet])[] = [
    ["images/tusimple", tusimple],
    ["audio/fsdd_test", digits],
    ["audio/orders", orders],
    ["audio", transcripts],
    ["text/slurp", slurp],
    ["text/snips", snips],
  ];
  return makers
    .map(([folder, make]) => ({ folder: join(assets, folder), make }))
    .filter(({ folder }) => existsSync(folder))
    .map(({ folder, make }) => make(folder));
}

function tusimple(folder: string): AssetSet {
  const stem = "training_data_example";
  const manifest = {
    task: "road-segmentation",
    folder,
    images: `${stem}_image_{id}.png`,
    masks: { lanes: `${stem}_gt_binary_image_{id}.png` },
  };
  return { name: "tusimple", manifest };
}

/** Free Spoken Digit Dataset: `digit_speaker_index.wav`. */
function digits(folder: string): AssetSet {
  const lines = wavsIn(folder).map((name) => ({ id: name, input: name, class: name.split("_")[0] ?? "" }));
  return { name: "spoken-digits", manifest: { task: "classification" }, lines };
}

function orders(folder: string): AssetSet {
  const text = readFileSync(join(folder, "label.subset.json"), "utf8");
  const labels = JSON.parse(text) as Record<string, { intent: string; slots: Record<string, string> }>;
  // The labels are of more recordings than there are.
  const lines = wavsIn(folder).flatMap((name) => {
    const label = labels[name];
    return label === undefined ? [] : [{ id: name, input: name, intent: label.intent, slots: label.slots }];
  });
  return { name: "coffee-orders", manifest: { task: "intent" }, lines };
}

/** `transcripts.tsv`: path, text, source; those that a model wrote are no labels. */
function transcripts(folder: string): AssetSet {
  const rows = readFileSync(join(folder, "transcripts.tsv"), "utf8").split("\n").slice(1);
  const lines = rows.flatMap((row) => {
    const [path = "", text = "", source = ""] = row.split("\t");
    return path === "" || source.startsWith("MODEL OUTPUT") ? [] : [{ id: path, input: path, text }];
  });
  return { name: "transcripts", manifest: { task: "speech-recognition" }, lines };
}

/** SLURP: slots stand in the sentence as `[name : value]`. */
function slurp(folder: string): AssetSet {
  const rows = readFileSync(join(folder, "devel.jsonl"), "utf8").split("\n").filter(Boolean);
  const lines = rows.map((row) => {
    const { slurp_id, sentence, sentence_annotation, intent } = JSON.parse(row) as {
      slurp_id: number;
      sentence: string;
      sentence_annotation: string;
      intent: string;
    };
    const found = [...sentence_annotation.matchAll(/\[([^:\]]+?) ?: ?([^\]]*)\]/g)];
    const slots = slotsOf(found.map(([, name = "", value = ""]) => [name, value.trim()]));
    return { id: String(slurp_id), input: sentence, intent, slots };
  });
  return { name: "slurp", manifest: { task: "intent" }, lines };
}

/** SNIPS: a sentence is a list of pieces, those with an entity are slots. */
function snips(folder: string): AssetSet {
  const intents = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const lines = intents.flatMap(({ name: intent }) => {
    const text = readFileSync(join(folder, intent, `validate_${intent}.json`), "utf8");
    const sentences = (JSON.parse(text) as Record<string, { data: { text: string; entity?: string }[] }[]>)[
      intent
    ];
    return (sentences ?? []).map(({ data }, index) => ({
      id: `${intent}-${index}`,
      input: data.map((piece) => piece.text).join(""),
      intent,
      slots: slotsOf(
        data.flatMap(({ entity, text: value }) => (entity === undefined ? [] : [[entity, value]])),
      ),
    }));
  });
  return { name: "snips", manifest: { task: "intent" }, lines };
}

/** Slots by name; a name that comes again is numbered. */
function slotsOf(pairs: readonly (readonly string[])[]): Record<string, string> {
  const slots: Record<string, string> = {};
  for (const [name = "", value = ""] of pairs) {
    let key = name;
    for (let number = 2; key in slots; number++) key = `${name}-${number}`;
    slots[key] = value;
  }
  return slots;
}

function wavsIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".wav"))
    .sort();
}
