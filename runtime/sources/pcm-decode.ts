// Owns turning stored samples into floats in [-1, 1]. Knows no file and no time.
// Invariant: no NaN, no infinity and nothing beyond full scale leaves here; what had to change is counted.

import { NO_REPAIRS, type Repairs } from "./audio.js";

/** Bytes of one sample, by how it is stored. Whole numbers narrower than their bytes are left-justified, as WAV prescribes. */
export const SAMPLE_BYTES = {
  u8: 1,
  s16le: 2,
  s24le: 3,
  s32le: 4,
  f32le: 4,
  f64le: 8,
  alaw: 1,
  mulaw: 1,
} as const;
/** A key of `SAMPLE_BYTES`. */
export type SampleEncoding = keyof typeof SAMPLE_BYTES;

/** Decodes `target.length` samples from `bytes` and says what had to be changed. */
export function decodeSamples(
  bytes: Uint8Array,
  { encoding, target }: { encoding: SampleEncoding; target: Float32Array },
): Repairs {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (encoding) {
    case "u8":
      for (let i = 0; i < target.length; i++) target[i] = (view.getUint8(i) - 128) / 128;
      return NO_REPAIRS;
    case "s16le":
      for (let i = 0; i < target.length; i++) target[i] = view.getInt16(2 * i, true) / 32_768;
      return NO_REPAIRS;
    case "s24le":
      for (let i = 0; i < target.length; i++) {
        target[i] = (view.getInt8(3 * i + 2) * 65_536 + view.getUint16(3 * i, true)) / 8_388_608;
      }
      return NO_REPAIRS;
    case "s32le":
      for (let i = 0; i < target.length; i++) target[i] = view.getInt32(4 * i, true) / 2_147_483_648;
      return NO_REPAIRS;
    case "f32le":
      for (let i = 0; i < target.length; i++) target[i] = view.getFloat32(4 * i, true);
      return repairSamples(target);
    case "f64le":
      // A double beyond float32's range becomes infinite here and is repaired as such.
      for (let i = 0; i < target.length; i++) target[i] = view.getFloat64(8 * i, true);
      return repairSamples(target);
    case "alaw":
      for (let i = 0; i < target.length; i++) target[i] = ALAW[view.getUint8(i)]!;
      return NO_REPAIRS;
    case "mulaw":
      for (let i = 0; i < target.length; i++) target[i] = MULAW[view.getUint8(i)]!;
      return NO_REPAIRS;
  }
}

/** Makes samples finite and keeps them within full scale, in place; says what had to be changed. */
export function repairSamples(samples: Float32Array): Repairs {
  let nonFinite = 0;
  let clipped = 0;
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i]!;
    if (sample >= -1 && sample <= 1) continue;
    if (Number.isFinite(sample)) {
      samples[i] = Math.sign(sample);
      clipped += 1;
    } else {
      samples[i] = 0;
      nonFinite += 1;
    }
  }
  return nonFinite + clipped === 0 ? NO_REPAIRS : { nonFinite, clipped };
}

/** ITU-T G.711 A-law: even bits inverted, 13-bit range, scaled to 16 bits. */
const ALAW = Float32Array.from({ length: 256 }, (_, code) => {
  const flipped = code ^ 0x55;
  const exponent = (flipped >> 4) & 7;
  const mantissa = ((flipped & 15) << 4) + 8;
  const magnitude = exponent === 0 ? mantissa : (mantissa + 0x100) << (exponent - 1);
  return ((flipped & 0x80) !== 0 ? magnitude : -magnitude) / 32_768;
});

/** ITU-T G.711 mu-law: all bits inverted, bias 33 on 14 bits, scaled to 16 bits. */
const MULAW = Float32Array.from({ length: 256 }, (_, code) => {
  const flipped = ~code & 0xff;
  const magnitude = ((((flipped & 15) << 3) + 0x84) << ((flipped >> 4) & 7)) - 0x84;
  return ((flipped & 0x80) !== 0 ? -magnitude : magnitude) / 32_768;
});
