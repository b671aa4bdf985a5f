// Installations that are broken in one place each: `redline doctor` and the thrown error say which, where and what to type.

import { copyFileSync, readFileSync, unlinkSync } from "node:fs";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { compileShared, hasCompiler } from "../support/compiler.js";
import { BrokenInstall } from "./broken-install.js";
import { ensureBuilt } from "./built-cli.js";

let install: BrokenInstall;

beforeAll(ensureBuilt, 120_000);
beforeEach(() => {
  install = new BrokenInstall();
});
afterEach(() => install.remove());

function finding(check: string): Record<string, unknown> {
  const { lines } = install.redline(["doctor", "--json"]);
  const found = lines.find((line) => line.check === check);
  if (found === undefined) throw new Error(`doctor says nothing of ${check}`);
  return found;
}

/** What a program that demands the native host and opens the bundled model is told. */
function thrown(): { code: string; message: string; hint: string } {
  const { out, err } = install.run(`
    import { createRuntime } from "redline-rt";
    try {
      const runtime = await createRuntime({ provider: "ort" });
      await (await runtime.open("road-seg")).close();
      await runtime.close();
      console.log(JSON.stringify({ code: "none" }));
    } catch ({ code, message, hint }) {
      console.log(JSON.stringify({ code, message, hint }));
    }`);
  return JSON.parse(out || JSON.stringify({ code: err }));
}

test("an installation that is whole loads the shipped addon and runs", () => {
  expect(finding("addon")).toMatchObject({ state: "ok", found: expect.stringContaining(install.addon) });
  expect(thrown()).toMatchObject({ code: "none" });
});

describe("a shipped addon that is", () => {
  const expectFault = (reason: RegExp, fix: RegExp): void => {
    const addon = finding("addon");
    expect(addon).toMatchObject({ state: "limited", fix: expect.stringMatching(fix) });
    const reasons = addon.reasons as string[];
    expect(reasons[1]).toContain(install.addon);
    expect(reasons[1]).toMatch(reason);
    expect(finding("inference")).toMatchObject({ state: "ok", found: expect.stringContaining("ort-node") });

    const error = thrown();
    expect(error.code).toBe("PROVIDER_UNAVAILABLE");
    expect(error.message).toContain(install.addon);
    expect(error.message).toMatch(reason);
    expect(error.hint).toMatch(fix);
  };

  test("missing", () => {
    install.put(install.addon, null);

    expectFault(/not there/, /^(rm -rf|rmdir).* && npm install.*build:prebuilds && npm pack/);
  });

  test("cut off", () => {
    const file = readFileSync(install.addon);
    install.put(install.addon, file.subarray(0, file.length >> 1));

    expectFault(
      /cut off: expected \d+ bytes, received \d+/,
      /^rm -rf node_modules.redline-rt && npm install/,
    );
  });

  test("altered", () => {
    const file = Buffer.from(readFileSync(install.addon));
    file[file.length >> 1]! ^= 0x10;
    install.put(install.addon, file);

    expectFault(/expected sha256 [0-9a-f]{64}, received/, /npm install/);
  });

  test.skipIf(!hasCompiler())("of another version of the package", () => {
    const version = `#include <node_api.h>
      NAPI_MODULE_INIT() { napi_value n; napi_create_int32(env, 7000, &n);
      napi_set_named_property(env, exports, "interfaceVersion", n); return exports; }`;
    compileShared(install.addon, version);
    unlinkSync(`${install.addon}.c`);
    install.list();

    expectFault(/expected interface version \d+, received 7000/, /npm install/);
  });
});

describe("an ONNX Runtime library that is", () => {
  const expectFault = (code: string, reason: RegExp): void => {
    const library = finding("onnxruntime");
    expect(library).toMatchObject({
      state: "missing",
      fix: expect.stringMatching(/onnxruntime-node@1\.30\.0/),
    });
    expect((library.reasons as string[])[0]).toContain(install.library);
    expect((library.reasons as string[])[0]).toMatch(reason);

    const error = thrown();
    expect(error.code).toBe(code);
    expect(error.message).toContain(install.library);
    expect(error.message).toMatch(reason);
    expect(error.hint).toMatch(/npm install onnxruntime-node@1\.30\.0/);
  };

  test("missing", () => {
    install.put(install.library, null);

    expectFault("PROVIDER_UNAVAILABLE", /not there/);
  });

  test("cut off", () => {
    const file = readFileSync(install.library);
    install.put(install.library, file.subarray(0, file.length >> 1));

    expectFault("PROVIDER_UNAVAILABLE", /cut off/);
  });

  test.skipIf(!hasCompiler())("too old", () => {
    const old = `static const void* get(unsigned v) { (void)v; return 0; }
      static const char* version(void) { return "1.12.1"; }
      static const struct { const void* (*a)(unsigned); const char* (*b)(void); } base = { get, version };
      const void* OrtGetApiBase(void) { return &base; }`;
    const made = compileShared(`${install.root}/old.so`, old);
    install.put(install.library, null);
    copyFileSync(made, install.library);

    expectFault("PROVIDER_VERSION", /ONNX Runtime 1\.12\.1 offers up to 12: it is too old/);
  });
});
