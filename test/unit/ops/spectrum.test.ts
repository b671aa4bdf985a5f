// Owns the promises of stft and log-mel: against sums written out in float64, the front ends' own formulas, and known weights.

import { describe, expect, test } from "vitest";
import { seededRng } from "../../../runtime/core/rng.js";
import { type LogMelRequest, MEL_VARIANTS, planLogMel } from "../../../runtime/ops/log-mel-plan.js";
import { type MelBands, melTables } from "../../../runtime/ops/mel-bands.js";
import { logMel } from "../../../runtime/ops/reference/log-mel.js";
import { naturalLog } from "../../../runtime/ops/reference/logarithm.js";
import { stft } from "../../../runtime/ops/reference/stft.js";
import { planStft, type SpectrumRequest } from "../../../runtime/ops/spectrum-plan.js";

/** Speech-like: a few tones that move, over noise. */
function soundOf(length: number, seed = 1): Float32Array {
  const rng = seededRng(seed);
  return Float32Array.from({ length }, (_, at) => {
    const tones = [1, 2.01, 3.7, 9.3].map((tone) => Math.sin(tone * at * (0.05 + at * 1e-6)) / tone);
    return 0.2 * tones.reduce((sum, tone) => sum + tone) + 0.02 * (rng.next() - 0.5);
  });
}

/** Powers of a frame's bins by the sum that defines them, in float64. */
function powersOf(frame: readonly number[], points: number): number[] {
  const roots = Array.from({ length: points }, (_, turn) => (2 * Math.PI * turn) / points);
  return Array.from({ length: points / 2 + 1 }, (_, bin) => {
    let [re, im] = [0, 0];
    for (const [at, sample] of frame.entries()) {
      const angle = roots[(at * bin) % points]!;
      re += sample * Math.cos(angle);
      im -= sample * Math.sin(angle);
    }
    return re * re + im * im;
  });
}

function hannOf(length: number): number[] {
  return Array.from({ length }, (_, at) => Math.sin((Math.PI * at) / length) ** 2);
}

function stftOf(request: SpectrumRequest, samples: Float32Array | Int16Array): Float32Array {
  const plan = planStft(request);
  const out = new Float32Array(plan.frames * plan.width);
  stft(plan, samples, out);
  return out;
}

function logMelOf(request: LogMelRequest, samples: Float32Array): Float32Array {
  const plan = planLogMel(request);
  const out = new Float32Array(plan.frames * plan.width);
  logMel(plan, samples, out);
  return out;
}

describe("a frame's bins are the sum that defines them, within 1e-6 of all its bins,", () => {
  test.each([16, 32, 64, 80, 128, 160, 256, 320, 400, 512, 640, 800, 1024, 2000, 2048])(
    "of %i points",
    (points) => {
      const samples = soundOf(points, points);

      const found = stftOf(
        { samples: points, frame: points, hop: 1, points, window: "rectangular" },
        samples,
      );

      const powers = powersOf([...samples], points);
      const all = Math.sqrt(points * samples.reduce((sum, sample) => sum + sample ** 2, 0));
      for (const [bin, power] of powers.entries())
        expect(Math.abs(found[bin]! - Math.sqrt(power)) / all).toBeLessThan(1e-6);
    },
  );

  test("of 8192, the longest, for a tone in one bin", () => {
    const samples = Float32Array.from({ length: 8192 }, (_, at) => Math.cos((2 * Math.PI * 700 * at) / 8192));

    const found = stftOf({ samples: 8192, frame: 8192, hop: 1, window: "rectangular" }, samples);

    expect(found[700]).toBeCloseTo(4096, 1);
    expect(Math.max(...found.filter((_, bin) => bin !== 700))).toBeLessThan(1e-6 * 4096 * Math.SQRT2);
  });
});

test("a shorter frame is windowed and filled up with zeros", () => {
  const samples = soundOf(100);

  const found = stftOf({ samples: 100, frame: 50, hop: 25, values: "power" }, samples);

  expect(found.length).toBe(3 * 33);
  for (let frame = 0; frame < 3; frame++) {
    const weighed = hannOf(50).map((weight, at) => weight * samples[25 * frame + at]!);
    for (const [bin, power] of powersOf(weighed, 64).entries())
      expect(found[frame * 33 + bin]).toBeCloseTo(power, 5);
  }
});

test("edges are mirrored without the end itself, or are silence", () => {
  const samples = Float32Array.of(1, 2, 4, 8, 16, 32, 64, 128, 256, 512);
  const request = { samples: 10, frame: 6, hop: 5, points: 16, window: "rectangular" as const };
  const binsOf = (frame: readonly number[]) => powersOf(frame, 16).map((power) => Math.sqrt(power));
  const close = (bins: number[]) => bins.map((bin) => expect.closeTo(bin, 2));

  const mirrored = stftOf({ ...request, edges: "reflect" }, samples);
  const silent = stftOf({ ...request, edges: "zeros" }, samples);

  expect([...mirrored.slice(0, 9)]).toEqual(close(binsOf([8, 4, 2, 1, 2, 4])));
  expect([...mirrored.slice(18)]).toEqual(close(binsOf([128, 256, 512, 256, 128, 64])));
  expect([...silent.slice(0, 9)]).toEqual(close(binsOf([0, 0, 0, 1, 2, 4])));
  expect([...silent.slice(18)]).toEqual(close(binsOf([128, 256, 512, 0, 0, 0])));
});

test("sixteen-bit samples count as parts of full scale", () => {
  const words = Int16Array.from({ length: 64 }, (_, at) => 30_000 * Math.sin(at));
  const request = { samples: 64, frame: 64, hop: 64 };

  const found = stftOf({ ...request, elements: "int16" }, words);

  expect([...found]).toEqual([
    ...stftOf(
      request,
      Float32Array.from(words, (word) => word / 32_768),
    ),
  ]);
});

test("a sample that is no number spoils its own frames only", () => {
  const samples = soundOf(160);
  samples[70] = Number.NaN;
  samples[80] = Number.POSITIVE_INFINITY;
  const request = { samples: 160, frame: 32, hop: 32 };

  const bins = stftOf(request, samples);
  const logs = logMelOf({ ...request, mel: { bands: 4, rateHz: 16_000 }, range: 3 }, samples);

  for (let frame = 0; frame < 5; frame++) {
    const isSpoilt = frame === 2;
    expect(bins.slice(17 * frame, 17 * frame + 17).some(Number.isFinite)).toBe(!isSpoilt);
    expect(logs.slice(4 * frame, 4 * frame + 4).every(Number.isNaN)).toBe(isSpoilt);
  }
});

test("a band that overflows is NaN, and no range is taken from it", () => {
  const samples = new Float32Array(64);
  samples.fill(3e38, 0, 32);
  samples.fill(1, 32);

  const logs = logMelOf(
    { samples: 64, frame: 32, hop: 32, window: "rectangular", mel: { bands: 2, rateHz: 8000 }, range: 1 },
    samples,
  );

  expect([...logs.slice(0, 2)]).toEqual([Number.NaN, Number.NaN]);
  expect([...logs.slice(2)].every(Number.isFinite)).toBe(true);
});

test("the logarithm is within 3e-7 x (1 + its size)", () => {
  const rng = seededRng(3);
  const values = Array.from({ length: 200_000 }, () => Math.fround(2 ** (rng.next() * 252 - 126)));
  const near = Array.from({ length: 2001 }, (_, at) => Math.fround(1 + (at - 1000) * 2 ** -23));
  let worst = 0;
  for (const value of [...values, ...near, 2 ** -126, 3.4028234663852886e38, Math.SQRT2, Math.SQRT1_2]) {
    const wanted = Math.log(Math.fround(value));
    worst = Math.max(worst, Math.abs(naturalLog(Math.fround(value)) - wanted) / (1 + Math.abs(wanted)));
  }

  expect(worst).toBeLessThan(3e-7);
  expect(naturalLog(1)).toBe(0);
  expect([naturalLog(Number.NaN), naturalLog(Number.POSITIVE_INFINITY)]).toEqual([Number.NaN, Number.NaN]);
});

/** The triangles of a bank, one row of weights for each band. */
function bankOf(bands: MelBands, points: number): number[][] {
  const { rows, weights } = melTables(bands, points);
  return rows.map(([first, taps, at]) => {
    const row = new Array<number>(points / 2 + 9).fill(0);
    for (let tap = 0; tap < taps; tap++) row[first + tap] = weights[at + tap]!;
    return row;
  });
}

describe("a filter bank", () => {
  test("is Whisper's own where it is asked for", () => {
    const bank = bankOf(MEL_VARIANTS.whisper.mel, 400);

    // The first weights of the table that Whisper ships, and librosa computes.
    expect(bank[0]![1]).toBeCloseTo(0.02486259, 8);
    expect(bank[1]![1]).toBeCloseTo(0.00199082, 8);
    // A triangle divided by half its width has an area of one; bins lie 40 Hz apart.
    expect(40 * bank[79]!.reduce((sum, weight) => sum + weight)).toBeCloseTo(1, 2);
  });

  test("of HTK's scale has its corners at equal steps of mel, and 1 kHz at 1000 mel", () => {
    const toMel = (hertz: number) => 2595 * Math.log10(1 + hertz / 700);
    const bank = bankOf({ bands: 3, rateHz: 16_000, highHz: 4000, sides: "mel" }, 512);

    const step = toMel(4000) / 4;
    for (const [band, row] of bank.entries()) {
      for (let bin = 0; bin <= 256; bin++) {
        const away = Math.abs(toMel((bin * 16_000) / 512) - (band + 1) * step) / step;
        expect(row[bin]).toBeCloseTo(Math.max(0, 1 - away), 3);
      }
    }
  });

  test("lies within the bins and the seven zeros behind them", () => {
    for (const bands of [1, 8, 80, 512]) {
      for (const [first, taps] of melTables({ bands, rateHz: 16_000 }, 512).rows) {
        expect(first + taps).toBeLessThanOrEqual(256 + 8);
        expect(taps % 8).toBe(0);
      }
    }
  });
});

/** Weights times powers, in float64. */
function bandsOf(bank: readonly number[][], powers: readonly number[]): number[] {
  return bank.map((row) => powers.reduce((sum, power, bin) => sum + power * row[bin]!, 0));
}

describe("log-mel is what the formulas of", () => {
  test("Whisper give", () => {
    // Half of it silence, which the range below the largest raises.
    const samples = soundOf(16_000).fill(0, 8000);

    const found = logMelOf({ ...MEL_VARIANTS.whisper, samples: 16_000, frames: 100 }, samples);

    const padded = Array.from({ length: 16_400 }, (_, at) => {
      const from = Math.abs(at - 200);
      return samples[from > 15_999 ? 2 * 15_999 - from : from]!;
    });
    const bank = bankOf(MEL_VARIANTS.whisper.mel, 400);
    const logs = Array.from({ length: 100 }, (_, frame) => {
      const weighed = hannOf(400).map((weight, at) => weight * padded[160 * frame + at]!);
      return bandsOf(bank, powersOf(weighed, 400)).map((sum) => Math.log10(Math.max(sum, 1e-10)));
    });
    const least = Math.max(...logs.flat()) - 8;
    expect(Math.min(...logs.flat())).toBeLessThan(least);
    for (const [frame, row] of logs.entries()) {
      for (const [band, log] of row.entries())
        expect(Math.abs(found[band * 100 + frame]! - (Math.max(log, least) + 4) / 4)).toBeLessThan(2e-5);
    }
  });

  test("Kaldi give", () => {
    const samples = soundOf(4000);

    const found = logMelOf({ ...MEL_VARIANTS.kaldi, samples: 4000 }, samples);

    expect(found.length).toBe(23 * 80);
    const bank = bankOf(MEL_VARIANTS.kaldi.mel, 512);
    for (let frame = 0; frame < 23; frame++) {
      const raw = [...samples.slice(160 * frame, 160 * frame + 400)].map((sample) => 32_768 * sample);
      const mean = raw.reduce((sum, sample) => sum + sample) / 400;
      const level = raw.map((sample) => sample - mean);
      const weighed = level.map((sample, at) => {
        const povey = (0.5 - 0.5 * Math.cos((2 * Math.PI * at) / 399)) ** 0.85;
        return povey * (sample - 0.97 * level[Math.max(0, at - 1)]!);
      });
      for (const [band, sum] of bandsOf(bank, powersOf(weighed, 512)).entries())
        expect(Math.abs(found[80 * frame + band]! - Math.log(sum))).toBeLessThan(1e-4);
    }
  });

  test("openWakeWord give, the same for any cut of the stream but for the range", () => {
    const samples = soundOf(1760);

    const found = logMelOf({ ...MEL_VARIANTS.openWakeWord, samples: 1760 }, samples);
    const last = logMelOf({ ...MEL_VARIANTS.openWakeWord, samples: 512 }, samples.slice(7 * 160));

    expect(found.length).toBe(8 * 32);
    expect([...found.slice(7 * 32)]).toEqual([...last]);
    const weighed = hannOf(400).map((weight, at) => 32_768 * weight * samples[7 * 160 + 56 + at]!);
    const bank = bankOf(MEL_VARIANTS.openWakeWord.mel, 512);
    for (const [band, sum] of bandsOf(bank, powersOf([...weighed], 512)).entries())
      expect(Math.abs(last[band]! - (Math.log10(sum) + 2))).toBeLessThan(2e-5);
  });

  test("silence are the floor's logarithm", () => {
    const found = logMelOf({ ...MEL_VARIANTS.kaldi, samples: 400 }, new Float32Array(400));

    expect(new Set(found).size).toBe(1);
    expect(found[0]).toBeCloseTo(-23 * Math.LN2, 5);
  });
});

describe("a spectrum is refused", () => {
  const request = { samples: 1000, frame: 400, hop: 160 };
  const mel = { bands: 8, rateHz: 16_000 };

  test.each<[string, SpectrumRequest | LogMelRequest]>([
    ["samples", { ...request, samples: 0 }],
    ["samples", { ...request, samples: 399 }],
    ["samples", { ...request, samples: 200, edges: "reflect" }],
    ["elements", { ...request, elements: "uint8" as never }],
    ["scale", { ...request, scale: Number.NaN }],
    ["frame", { ...request, frame: 0 }],
    ["frame", { ...request, points: 256 }],
    ["hop", { ...request, hop: 0 }],
    ["points", { ...request, points: 0 }],
    ["points", { ...request, points: 408 }],
    ["points", { ...request, points: 480 }],
    ["points", { ...request, points: 16_384 }],
    ["window", { ...request, window: new Float32Array(399) }],
    ["window", { ...request, window: new Float32Array(400).fill(Number.NaN) }],
    ["window", { ...request, window: "triangle" as never }],
    ["edges", { ...request, edges: "wrap" as never }],
    ["frames", { ...request, frames: 5 }],
    ["frames", { ...request, frames: 0 }],
    ["values", { ...request, values: "phase" as never }],
    ["preEmphasis", { ...request, preEmphasis: Number.POSITIVE_INFINITY }],
    ["mel.bands", { ...request, mel: { ...mel, bands: 0 } }],
    ["mel.rateHz", { ...request, mel: { ...mel, rateHz: 0 } }],
    ["mel.lowHz", { ...request, mel: { ...mel, lowHz: -1 } }],
    ["mel.highHz", { ...request, mel: { ...mel, highHz: 8001 } }],
    ["mel.highHz", { ...request, mel: { ...mel, lowHz: 500, highHz: 500 } }],
    ["mel.scale", { ...request, mel: { ...mel, scale: "bark" as never } }],
    ["mel.sides", { ...request, mel: { ...mel, sides: "curved" as never } }],
    ["mel.norm", { ...request, mel: { ...mel, norm: "peak" as never } }],
    ["log", { ...request, mel, log: "log2" as never }],
    ["floor", { ...request, mel, floor: 0 }],
    ["floor", { ...request, mel, floor: Number.NaN }],
    ["range", { ...request, mel, range: 0 }],
    ["gain", { ...request, mel, gain: Number.NaN }],
    ["bias", { ...request, mel, bias: Number.NaN }],
    ["layout", { ...request, mel, layout: "NCHW" as never }],
  ])("for its %s: case %#", (what, asked) => {
    const plan = () => ("mel" in asked ? planLogMel(asked) : planStft(asked));

    expect(plan).toThrow(expect.objectContaining({ code: "OP_ARGUMENT", what }));
  });
});
