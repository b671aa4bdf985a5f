// Owns the check that a model is fed as it was trained: the stated way beside common mistakes, on labelled pictures. Knows no gate.
// Invariant: the same pictures and the same measure for every way; a mistake is told only where it scores clearly higher.

import type { ImageInput } from "../driving/road-model.js";
import type { Session } from "../sessions/session.js";
import type { Dataset } from "./datasets/dataset.js";
import { meanOf } from "./metrics/overlap.js";
import { RoadReader } from "./subject.js";
import { ROAD, type RoadMasks } from "./tasks/road.js";

/** A way to feed pictures, and what it scored. */
export interface PreprocessingWay {
  /** In words: `stated: RGB, scale 1/255`, `BGR in place of RGB`. */
  readonly way: string;
  readonly score: number;
}

/** What the check found. */
export interface PreprocessingFinding {
  readonly stated: PreprocessingWay;
  readonly others: readonly PreprocessingWay[];
  /** The way that scores clearly higher than the stated one, if any. */
  readonly better: PreprocessingWay | null;
  readonly pictures: number;
}

/** Few pictures are enough: a wrong colour order costs a tenth of the overlap and more. */
const PICTURES = 6;
/**
 * By how much another way must score higher. On the pictures of `models/road-seg/eval` the right way is never below a wrong one,
 * and BGR fed to a model of RGB, or the other way round, loses several times this.
 */
const CLEARLY = 0.02;

const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;
const PLAIN = { mean: [0, 0, 0], std: [1, 1, 1] } as const;

/** Scores the stated preprocessing beside the usual mistakes: the other colour order, values 255 times off, ImageNet's mean and std. */
export async function checkPreprocessing(session: Session, dataset: Dataset): Promise<PreprocessingFinding> {
  const { image } = new RoadReader(session).model;
  const ways = [{ way: `as stated, ${describe(image)}`, image }, ...mistakesOf(image)];
  const readers = ways.map((way) => ({
    way: way.way,
    reader: new RoadReader(session, way.image),
    scores: [] as number[],
  }));
  let pictures = 0;
  for await (const item of dataset.items()) {
    if (pictures === PICTURES) break;
    if ("fault" in item || item.input.kind !== "image") continue;
    pictures++;
    for (const { reader, scores } of readers) {
      const answered = await reader.read(item.input);
      if ("fault" in answered) continue;
      const { score } = ROAD.measure(item.label as RoadMasks, answered.answer as RoadMasks);
      if (score !== null) scores.push(score);
    }
  }
  const [stated, ...others] = readers.map(({ way, scores }) => ({ way, score: meanOf(scores) ?? 0 }));
  const [best] = [...others].sort((a, b) => b.score - a.score);
  const isBetter = best !== undefined && best.score > stated!.score + CLEARLY;
  return { stated: stated!, others, better: isBetter ? best : null, pictures };
}

function mistakesOf(image: ImageInput): { readonly way: string; readonly image: ImageInput }[] {
  const colour = image.colour === "RGB" ? "BGR" : "RGB";
  const scale = image.scale < 0.1 ? image.scale * 255 : image.scale / 255;
  const isPlain = image.mean.every((value) => value === 0) && image.std.every((value) => value === 1);
  const { mean, std } = isPlain ? IMAGENET : PLAIN;
  return [
    { way: `${colour} in place of ${image.colour}`, image: { ...image, colour } },
    { way: `scale ${short(scale)} in place of ${short(image.scale)}`, image: { ...image, scale } },
    {
      way: isPlain ? "ImageNet's mean and std in place of none" : "no mean and std in place of those stated",
      image: { ...image, mean: [...mean], std: [...std] },
    },
  ];
}

function describe({ colour, scale, mean, std }: ImageInput): string {
  return `${colour}, scale ${short(scale)}, mean ${mean.map(short).join(" ")}, std ${std.map(short).join(" ")}`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
