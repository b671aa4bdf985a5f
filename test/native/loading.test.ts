// Finding the addon and the library, and what is said when they are not there.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { INTERFACE_VERSION } from "../../runtime/bindings/addon.js";
import { findOrtLibrary } from "../../runtime/bindings/load.js";
import { packageRoot } from "../../runtime/bindings/package-root.js";

// The answer is kept for the life of a module, so each test takes a fresh one.
const freshLoad = async () => {
  vi.resetModules();
  const { loadNative } = await import("../../runtime/bindings/load.js");
  return loadNative;
};

afterEach(() => vi.unstubAllEnvs());

test("the built addon is loaded and speaks our version", async () => {
  const loadNative = await freshLoad();

  const native = loadNative();

  expect(native.addon?.interfaceVersion).toBe(INTERFACE_VERSION);
  expect(loadNative()).toBe(native);
});

test("REDLINE_NO_ADDON keeps the addon out and says so", async () => {
  const loadNative = await freshLoad();
  vi.stubEnv("REDLINE_NO_ADDON", "1");

  expect(loadNative()).toMatchObject({
    addon: null,
    reasons: ["REDLINE_NO_ADDON is 1"],
    faults: [{ kind: "disabled" }],
  });
});

test("the package root holds the package, and the library lies in onnxruntime-node", () => {
  expect(existsSync(join(packageRoot(), "package.json"))).toBe(true);
  expect(findOrtLibrary()).toContain(join("onnxruntime-node", "bin"));
});

test("the addon names the vector instructions of this processor", async () => {
  const loadNative = await freshLoad();

  const { addon } = loadNative();

  const known = ["sse4.2", "avx2", "avx512", "avx512vnni", "neon", "dotprod"];
  expect(addon?.simd.every((name) => known.includes(name))).toBe(true);
  expect(addon?.simd.length).toBeGreaterThan(0);
});

// Preloaded, so that the system maps it before the files run out: it is the host that must not get one.
test.runIf(process.platform === "linux")(
  "a process that may open no more files is refused the addon with a reason, and gets it later",
  async () => {
    const native = (await freshLoad())();
    if (native.addon === null) throw new Error(native.reasons.join("\n"));
    const script = `
      const { closeSync, openSync } = require("node:fs");
      const load = () => require(process.env.ADDON_UNDER_TEST).interfaceVersion;
      const files = [];
      try { for (;;) files.push(openSync("/dev/null")); } catch (error) { if (error.code !== "EMFILE") throw error; }
      let refusal = "none";
      try { load(); } catch (error) { refusal = error.code + ": " + error.message; }
      for (const file of files) closeSync(file);
      console.log(JSON.stringify({ refusal, later: load() }));
    `;

    const { status, stdout, stderr } = spawnSync(
      "sh",
      ["-c", 'ulimit -n 256; LD_PRELOAD="$ADDON_UNDER_TEST" exec "$0" -e "$1"', process.execPath, script],
      { encoding: "utf8", env: { ...process.env, ADDON_UNDER_TEST: native.path } },
    );

    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      refusal: expect.stringMatching(/^INTERNAL: the system gives no timer/),
      later: INTERFACE_VERSION,
    });
  },
);
