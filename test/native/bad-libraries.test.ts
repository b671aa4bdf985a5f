// ONNX Runtime libraries of other versions, made for the test: what the host says of each, and that the right one still loads.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { ORT_API_VERSION } from "../../runtime/bindings/addon.js";
import { findOrtLibrary } from "../../runtime/bindings/load.js";
import { compileShared, hasCompiler } from "../support/compiler.js";
import { requireAddon } from "./native-host.js";

const addon = requireAddon();
const folder = mkdtempSync(join(tmpdir(), "redline-libraries-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A library that answers `version` when asked what it is, and has no function table of any version. */
function library(name: string, version: string, flags: readonly string[] = []): string {
  const source = `
    #include <stddef.h>
    static const void* get_api(unsigned version) { (void)version; return NULL; }
    static const char* get_version(void) { return ${version}; }
    static const struct { const void* (*a)(unsigned); const char* (*b)(void); } base = { get_api, get_version };
    const void* OrtGetApiBase(void) { return &base; }`;
  return compileShared(join(folder, name), source, flags);
}

describe.skipIf(!hasCompiler())("a library that is", () => {
  test("too old is refused with both versions and its path", async () => {
    const path = library("old.so", '"1.12.1"');

    await expect(addon.loadOrt(path, ORT_API_VERSION)).rejects.toMatchObject({
      code: "PROVIDER_VERSION",
      message: `${path}: wanted API version ${ORT_API_VERSION}, ONNX Runtime 1.12.1 offers up to 12: it is too old`,
    });
  });

  test("too new to offer our version is refused as such", async () => {
    const path = library("new.so", '"1.99.0"');

    await expect(addon.loadOrt(path, ORT_API_VERSION)).rejects.toMatchObject({
      code: "PROVIDER_VERSION",
      message: expect.stringMatching(/ONNX Runtime 1\.99\.0 no longer offers it: it is too new$/),
    });
  });

  test("of no version at all is refused", async () => {
    const path = library("none.so", "NULL");

    await expect(addon.loadOrt(path, ORT_API_VERSION)).rejects.toMatchObject({
      code: "PROVIDER_VERSION",
      message: expect.stringContaining("ONNX Runtime of no version offers up to 0"),
    });
  });

  test("without the entry is refused as no ONNX Runtime", async () => {
    const path = compileShared(join(folder, "other.so"), "int other(void) { return 0; }");

    await expect(addon.loadOrt(path, ORT_API_VERSION)).rejects.toMatchObject({
      code: "PROVIDER_UNAVAILABLE",
      message: expect.stringContaining("it has no OrtGetApiBase"),
    });
  });

  test("in the process under the right one's name does not keep the right one out", async () => {
    const path = library(
      "named.so",
      '"1.12.1"',
      process.platform === "linux" ? ["-Wl,-soname,libonnxruntime.so.1"] : [],
    );
    await expect(addon.loadOrt(path, ORT_API_VERSION)).rejects.toMatchObject({ code: "PROVIDER_VERSION" });

    const loaded = await addon.loadOrt(findOrtLibrary(), ORT_API_VERSION);

    expect(loaded).toMatchObject({ version: expect.stringMatching(/^1\.30\./), isReused: false });
  });
});
