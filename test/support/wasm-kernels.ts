// Owns instances of the committed WASM kernels, one flavour each, and one that is watched while it runs.
// Knows no op's arithmetic. Invariant: a watched instance notes every byte outside a call's outputs that the call changed.

import { join } from "node:path";
import { type Flavour, type Kernels, load } from "#kernels";

export const KERNELS_FOLDER = join(import.meta.dirname, "../../kernels");

/** A fresh instance, or the reason why this engine has none of that flavour. */
export function instanceOf(flavour: Flavour): Kernels | string {
  const { kernels, passed } = load({ flavours: [flavour] });
  return kernels ?? passed[0]!.reason;
}

/** Bytes behind the last of a call's views that are watched with them. */
const BEHIND_BYTES = 4096;

/** From an address, so many bytes. */
type Range = readonly [from: number, bytes: number];

interface Touched {
  readonly read: readonly Range[];
  readonly written: readonly Range[];
}

/** Kernels under watch, and what they did wrong so far. */
export interface Watched {
  readonly kernels: Kernels;
  readonly faults: readonly string[];
}

/**
 * Before each call everything that it may not read is filled with one of two bytes in turn; after it, whatever changed outside
 * what it may write is a fault.
 */
export function watched(inner: Kernels): Watched {
  const faults: string[] = [];
  let filling = 0xa5;
  const watch = <Answer>(name: string, { read, written }: Touched, call: () => Answer): Answer => {
    filling ^= 0xff;
    const start = inner.heap_start();
    const { buffer } = inner.memory;
    const ends = [...read, ...written].map(([from, bytes]) => from + bytes + BEHIND_BYTES);
    const memory = Buffer.from(buffer, start, Math.min(Math.max(...ends), buffer.byteLength) - start);
    const kept = read.map(([from, bytes]) =>
      Buffer.from(memory.subarray(from - start, from - start + bytes)),
    );
    memory.fill(filling);
    for (const [at, bytes] of kept.entries()) bytes.copy(memory, read[at]![0] - start);
    const before = Buffer.from(memory);
    const answer = call();
    for (const [from, bytes] of written)
      before.set(memory.subarray(from - start, from - start + bytes), from - start);
    if (!before.equals(memory)) {
      const at = before.findIndex((byte, index) => byte !== memory[index]);
      faults.push(`${name} writes to address ${start + at}, outside ${JSON.stringify(written)}`);
    }
    return answer;
  };
  const spectrumTouched = ([words, count, samples, sampleCount, out, outCount]: Parameters<
    Kernels["stft"]
  >): Touched => {
    const block = new Int32Array(inner.memory.buffer, words, count);
    const [isInteger, scratch] = [block[3]!, block[34]!];
    return {
      read: [
        [words, 4 * count],
        [samples, (isInteger === 1 ? 2 : 4) * sampleCount],
      ],
      written: [
        [words + 4 * scratch, 4 * (count - scratch)],
        [out, 4 * outCount],
      ],
    };
  };
  const kernels: Kernels = {
    ...inner,
    image: (words, count, source, bytes, target, targetBytes, scratch) => {
      const width = new Int32Array(inner.memory.buffer, words, count)[4]!;
      const read: Range[] = [
        [words, 4 * count],
        [source, bytes],
      ];
      const written: Range[] = [
        [target, targetBytes],
        [scratch, 12 * width],
      ];
      return watch("image", { read, written }, () =>
        inner.image(words, count, source, bytes, target, targetBytes, scratch),
      );
    },
    margins: (scores, pixels, margins, totals, isLogits) =>
      watch(
        "margins",
        {
          read: [[scores, 8 * pixels]],
          written: [
            [margins, 4 * pixels],
            [totals, 16],
          ],
        },
        () => inner.margins(scores, pixels, margins, totals, isLogits),
      ),
    mask: (words, count, margins, marginCount, out, outBytes) => {
      const scratch = new Int32Array(inner.memory.buffer, words, count)[10]!;
      const read: Range[] = [
        [words, 4 * count],
        [margins, 4 * marginCount],
      ];
      const written: Range[] = [
        [words + 4 * scratch, 4 * (count - scratch)],
        [out, outBytes],
      ];
      return watch("mask", { read, written }, () =>
        inner.mask(words, count, margins, marginCount, out, outBytes),
      );
    },
    runs: (margins, width, height, out, capacity) =>
      watch("runs", { read: [[margins, 4 * width * height]], written: [[out, 32 * capacity]] }, () =>
        inner.runs(margins, width, height, out, capacity),
      ),
    resample: (table, tableCount, input, inputCount, output, outputCount, ...filter) => {
      const read: Range[] = [
        [table, 4 * tableCount],
        [input, 4 * inputCount],
      ];
      return watch("resample", { read, written: [[output, 4 * outputCount]] }, () =>
        inner.resample(table, tableCount, input, inputCount, output, outputCount, ...filter),
      );
    },
    level: (samples, count, stats, ...numbers) =>
      watch("level", { read: [[samples, 4 * count]], written: [[stats, 40]] }, () =>
        inner.level(samples, count, stats, ...numbers),
      ),
    stft: (...given) => watch("stft", spectrumTouched(given), () => inner.stft(...given)),
    log_mel: (...given) => watch("log_mel", spectrumTouched(given), () => inner.log_mel(...given)),
    gain: (samples, count, out, ...numbers) =>
      watch("gain", { read: [[samples, 4 * count]], written: [[out, 4 * count]] }, () =>
        inner.gain(samples, count, out, ...numbers),
      ),
    gemv_i8: (weights, activations, scales, biases, output, rows, columns, isRectified) => {
      const read: Range[] = [
        [weights, rows * columns],
        [activations, columns],
        [scales, 4 * rows],
        [biases, 4 * rows],
      ];
      return watch("gemv_i8", { read, written: [[output, 4 * rows]] }, () =>
        inner.gemv_i8(weights, activations, scales, biases, output, rows, columns, isRectified),
      );
    },
  };
  return { kernels, faults };
}
