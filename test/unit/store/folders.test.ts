// Asks where the store lies when nobody says.

import path from "node:path";
import { expect, test } from "vitest";
import { defaultRoot } from "../../../runtime/store/folders.js";

test("the store lies where REDLINE_HOME says, on every system", () => {
  const env = { REDLINE_HOME: "/models", XDG_CACHE_HOME: "/cache", LOCALAPPDATA: "/local" };

  const roots = (["linux", "darwin", "win32"] as const).map((platform) =>
    defaultRoot({ env, platform, home: "/u" }),
  );

  expect(new Set(roots)).toEqual(new Set([path.resolve("/models")]));
});

test("without REDLINE_HOME the store lies in the system's cache folder", () => {
  expect(defaultRoot({ env: {}, platform: "linux", home: "/u" })).toBe("/u/.cache/redline");
  expect(defaultRoot({ env: { XDG_CACHE_HOME: "/c" }, platform: "linux", home: "/u" })).toBe("/c/redline");
  expect(defaultRoot({ env: { XDG_CACHE_HOME: "c" }, platform: "linux", home: "/u" })).toBe(
    "/u/.cache/redline",
  );
  expect(defaultRoot({ env: {}, platform: "darwin", home: "/u" })).toBe("/u/Library/Caches/redline");
  expect(defaultRoot({ env: { LOCALAPPDATA: "/l" }, platform: "win32", home: "/u" })).toBe("/l/redline");
  expect(defaultRoot({ env: {}, platform: "win32", home: "/u" })).toBe("/u/AppData/Local/redline");
});
