// Owns the promises of the resampler, against analytic sines and for any cut of the input.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sharedOps } from "../../../runtime/ops/shared-ops.js";
import { SpeechResampler } from "../../../runtime/voice/resample.js";

function sine(rate: number, { hz, seconds = 0.5 }: { hz: number; seconds?: number }): Float32Array {
  return Float32Array.from({ length: Math.round(rate * seconds) }, (_, n) =>
    Math.sin((2 * Math.PI * hz * n) / rate),
  );
}

function convert(samples: Float32Array, rate: number, channels = 1): Float32Array {
  const resampler = new SpeechResampler(sharedOps(), { sampleRateHz: rate, channels });
  const head = resampler.push(samples);
  const tail = resampler.flush();
  return Float32Array.from([...head, ...tail]);
}

/** Power of `signal` against power of its difference from `wanted`, away from the edges, in dB. */
function snrDb(signal: Float32Array, wanted: Float32Array): number {
  let power = 0;
  let error = 0;
  for (let n = 400; n < signal.length - 400; n++) {
    power += wanted[n]! ** 2;
    error += (signal[n]! - wanted[n]!) ** 2;
  }
  return 10 * Math.log10(power / error);
}

function rmsDb(signal: Float32Array): number {
  const inner = signal.subarray(400, signal.length - 400);
  return 10 * Math.log10(inner.reduce((sum, sample) => sum + sample * sample, 0) / inner.length + 1e-20);
}

const RATES = [8000, 11_025, 22_050, 44_100, 48_000, 96_000];

describe.each(RATES)("a sine at %i Hz", (rate) => {
  test("keeps its frequency, level and phase", () => {
    for (const hz of [100, 440, 1000, 3000]) {
      const converted = convert(sine(rate, { hz }), rate);

      // The filter's stop band is at -80 dB; its images and ripple stay within a few dB of that.
      expect([hz, snrDb(converted, sine(16_000, { hz }))]).toEqual([
        hz,
        expect.toSatisfy((db: number) => db > 75),
      ]);
    }
  });

  test("gives exactly the samples its length needs", () => {
    for (const length of [1, 2, 7, 1000, 4321]) {
      expect(convert(new Float32Array(length), rate)).toHaveLength(Math.ceil((length * 16_000) / rate));
    }
  });
});

test.each([22_050, 44_100, 48_000, 96_000])("what lies above 8 kHz at %i Hz does not fold back", (rate) => {
  for (const hz of [8000, 9000, 10_500].filter((hz) => hz < rate / 2)) {
    // -3 dB is the sine's own level; the filter takes 80 dB off, its first side lobe a little less.
    expect([hz, rmsDb(convert(sine(rate, { hz }), rate))]).toEqual([
      hz,
      expect.toSatisfy((db: number) => db < -78),
    ]);
  }
});

test("the pass band is flat to 7.2 kHz from 48 kHz", () => {
  for (const hz of [50, 4000, 7000, 7200]) {
    expect(rmsDb(convert(sine(48_000, { hz }), 48_000))).toBeCloseTo(10 * Math.log10(0.5), 2);
  }
});

test("a rate without a small common divisor is converted as well", () => {
  const converted = convert(sine(15_999, { hz: 1000 }), 15_999);

  expect(snrDb(converted, sine(16_000, { hz: 1000 }))).toBeGreaterThan(75);
});

test("16 kHz mono passes through unchanged", () => {
  const samples = Float32Array.of(0.1, -0.2, 0.3);

  expect(convert(samples, 16_000)).toEqual(samples);
});

test("channels are averaged", () => {
  const stereo = Float32Array.of(1, 0, 0.5, 0.5, -1, 1);

  expect(convert(stereo, 16_000, 2)).toEqual(Float32Array.of(0.5, 0.5, 0));
});

test("the output is the same to the last bit however the input is cut", () => {
  const rate = fc.constantFrom(...RATES, 15_999, 32_000);
  const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(rate, sizes, fc.integer({ min: 1, max: 2 }), (sampleRateHz, cuts, channels) => {
      const frames = cuts.reduce((sum, cut) => sum + cut, 0);
      const samples = Float32Array.from({ length: frames * channels }, (_, n) => Math.sin(n * n * 0.01));
      const whole = convert(samples, sampleRateHz, channels);

      const resampler = new SpeechResampler(sharedOps(), { sampleRateHz, channels });
      const parts: number[] = [];
      let at = 0;
      for (const cut of cuts) {
        parts.push(...resampler.push(samples.subarray(at * channels, (at + cut) * channels)));
        at += cut;
      }
      parts.push(...resampler.flush());

      expect(Float32Array.from(parts)).toEqual(whole);
    }),
    { numRuns: 40 },
  );
});
