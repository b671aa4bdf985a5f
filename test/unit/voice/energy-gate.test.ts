// Owns the promises of the energy gate, frame by frame.

import { expect, test } from "vitest";
import { seededRng } from "../../../runtime/core/rng.js";
import { sharedOps } from "../../../runtime/ops/shared-ops.js";
import { EnergyGate, type GateReading } from "../../../runtime/voice/energy-gate.js";
import { FRAME_SAMPLES } from "../../../runtime/voice/frames.js";

const rng = seededRng(11);

/** Frames of uniform noise of one amplitude. */
function noise(amplitude: number, frames: number): Float32Array[] {
  return Array.from({ length: frames }, () =>
    Float32Array.from({ length: FRAME_SAMPLES }, () => amplitude * (2 * rng.next() - 1)),
  );
}

function judge(gate: EnergyGate, frames: readonly Float32Array[], isHeld = false): GateReading[] {
  return frames.map((frame) => gate.judge(frame, { isHeld }));
}

test("begins open, as nothing is known of the room, and closes after the hangover of a steady one", () => {
  const gate = new EnergyGate(sharedOps(), { hangoverFrames: 8 });

  const readings = judge(gate, noise(0.01, 20));

  // The first frame sets the floor; eight frames within 5 dB of it close the gate.
  expect(readings.map(({ isOpen }) => isOpen).indexOf(false)).toBe(7);
  expect(readings.slice(7).every(({ isOpen }) => !isOpen)).toBe(true);
});

test.each([
  ["a quiet room", 0.001],
  ["a loud cabin", 0.1],
])("opens in the very frame that rises above %s", (_, amplitude) => {
  const gate = new EnergyGate(sharedOps());
  judge(gate, noise(amplitude, 100));

  const [before] = judge(gate, noise(amplitude, 1));
  const [onset] = judge(gate, noise(amplitude * 2.2, 1));

  expect(before?.isOpen).toBe(false);
  expect(onset?.isOpen).toBe(true);
});

test("stays open while the model is in doubt, however quiet it is", () => {
  const gate = new EnergyGate(sharedOps());

  const held = judge(gate, noise(0.001, 100), true);
  const released = judge(gate, noise(0.001, 8));

  expect(held.every(({ isOpen }) => isOpen)).toBe(true);
  expect(released.at(-1)?.isOpen).toBe(false);
});

test("digital silence and the last bit of dither are not mistaken for sound", () => {
  const gate = new EnergyGate(sharedOps());
  judge(gate, noise(0, 50));

  const dither = judge(gate, noise(1 / 32_768, 50));

  expect(dither.some(({ isOpen }) => isOpen)).toBe(false);
  expect(dither.every(({ levelDb, floorDb }) => floorDb === -80 && levelDb < -80)).toBe(true);
});

test("follows a room that becomes louder within its memory of two seconds", () => {
  const gate = new EnergyGate(sharedOps());
  judge(gate, noise(0.001, 100));

  const louder = judge(gate, noise(0.02, 100));

  expect(louder[0]?.isOpen).toBe(true);
  // 64 frames until the last quiet one is forgotten, then the hangover.
  expect(louder.map(({ isOpen }) => isOpen).indexOf(false)).toBe(64 + 7 - 1);
});

test("a rumble below the voice does not hide a soft consonant", () => {
  const rumble = (frame: number): Float32Array =>
    Float32Array.from(
      { length: FRAME_SAMPLES },
      (_, n) => 0.3 * Math.sin((2 * Math.PI * 40 * (frame * FRAME_SAMPLES + n)) / 16_000),
    );
  const gate = new EnergyGate(sharedOps());
  for (let frame = 0; frame < 100; frame++) gate.judge(rumble(frame), { isHeld: false });

  // Noise 27 dB below the rumble: hardly a change of the plain level.
  const hiss = noise(0.02, 1)[0]!;
  const onset = gate.judge(
    rumble(100).map((sample, n) => sample + hiss[n]!),
    { isHeld: false },
  );

  expect(onset.isOpen).toBe(true);
});
