// The scan for NaN and infinity, at every position that vector code might forget.

import { expect, test } from "vitest";
import { requireAddon } from "./native-host.js";

const addon = requireAddon();

test("finds NaN and infinities at every position and none in finite numbers", () => {
  for (const length of [0, 1, 3, 7, 8, 9, 31, 64, 65, 4095, 4096, 4097]) {
    const view = new Float32Array(length).fill(3.4e38);
    expect(addon.hasNonFinite(view)).toBe(false);
    for (const at of [0, 1, length >> 1, length - 2, length - 1]) {
      if (at < 0 || at >= length) continue;
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        view[at] = bad;
        expect(addon.hasNonFinite(view)).toBe(true);
        view[at] = -1e-40;
      }
    }
  }
});

test("reads float16 bits", () => {
  expect(addon.hasNonFinite(Uint16Array.of(0x0000, 0x7bff, 0xfbff, 0x0001))).toBe(false);
  expect(addon.hasNonFinite(Uint16Array.of(0, 0x7c00))).toBe(true);
  expect(addon.hasNonFinite(Uint16Array.of(0xfe00))).toBe(true);
});

test("looks at the view and not at the buffer around it", () => {
  const buffer = Float32Array.of(Number.NaN, 1, 2, Number.NaN);

  expect(addon.hasNonFinite(buffer.subarray(1, 3))).toBe(false);
});
