// Installations that are broken in one place each: `redline doctor` and the thrown error say which, where and what to type.

import { copyFileSync, readFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { compileShared, hasCompiler } from "../support/compiler.js";
import { BrokenInstall } from "./broken-install.js";
import { ensureBuilt, REPO_ROOT } from "./built-cli.js";

const isLinux = process.platform === "linux";
/** Files of machine code for every platform. */
const ORT_FILES = join(REPO_ROOT, "node_modules", "onnxruntime-node", "bin", "napi-v6");
const GLIBC = /use a system with glibc 2\.28 or newer/;

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

  test("made for another system", () => {
    const [other, folder] = isLinux ? ["win32-arm64", "win32/arm64"] : ["linux-arm64", "linux/arm64"];
    install.put(install.addon, null);
    copyFileSync(join(ORT_FILES, folder, "onnxruntime_binding.node"), install.addon);
    install.list();

    const here = `${process.platform}-${process.arch}`;
    expectFault(new RegExp(`expected a file for ${here}, received one for ${other}`), /npm install/);
  });

  test.skipIf(!isLinux)("made for another C library", () => {
    const name = Buffer.from("\0libc.so.6\0");
    const file = Buffer.from(readFileSync(install.addon));
    file.write("\0libc.so\0\0\0", file.indexOf(name), "latin1");
    install.put(install.addon, file);
    install.list();

    expectFault(/made for musl, and this Node runs on glibc/, GLIBC);
  });

  test.skipIf(!isLinux || !hasCompiler())("made for a newer C library", () => {
    install.put(install.addon, null);
    compileForFutureGlibc(
      install.addon,
      "#include <node_api.h>\nNAPI_MODULE_INIT() { future(); return exports; }",
    );
    install.list();

    expectFault(/version `GLIBC_2\.99' not found/, GLIBC);
  });
});

describe("an ONNX Runtime library that is", () => {
  const expectFault = (
    code: string,
    reason: RegExp,
    { fix = /npm install onnxruntime-node@1\.30\.0/, where = install.library } = {},
  ): void => {
    const library = finding("onnxruntime");
    expect(library).toMatchObject({ state: "missing", fix: expect.stringMatching(fix) });
    expect((library.reasons as string[])[0]).toContain(where);
    expect((library.reasons as string[])[0]).toMatch(reason);

    const error = thrown();
    expect(error.code).toBe(code);
    expect(error.message).toContain(where);
    expect(error.message).toMatch(reason);
    expect(error.hint).toMatch(fix);
  };

  /** Puts a library in its place that says it is of another version. */
  const putVersion = (version: string): void => {
    const source = `static const void* get(unsigned v) { (void)v; return 0; }
      static const char* version(void) { return "${version}"; }
      static const struct { const void* (*a)(unsigned); const char* (*b)(void); } base = { get, version };
      const void* OrtGetApiBase(void) { return &base; }`;
    const made = compileShared(`${install.root}/version.so`, source);
    install.put(install.library, null);
    copyFileSync(made, install.library);
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
    putVersion("1.12.1");

    expectFault("PROVIDER_VERSION", /ONNX Runtime 1\.12\.1 offers up to 12: it is too old/);
  });

  test.skipIf(!hasCompiler())("too new", () => {
    putVersion("1.99.0");

    expectFault("PROVIDER_VERSION", /ONNX Runtime 1\.99\.0 no longer offers it: it is too new/);
  });

  test("made for another system", () => {
    const other = isLinux ? "win32/arm64/onnxruntime.dll" : "linux/arm64/libonnxruntime.so.1";
    install.put(install.library, null);
    copyFileSync(join(ORT_FILES, other), install.library);

    expectFault("PROVIDER_UNAVAILABLE", /expected a file for .*, received one for \w+-arm64/);
  });

  test.skipIf(!isLinux || !hasCompiler())("made for a newer C library", () => {
    install.put(install.library, null);
    compileForFutureGlibc(install.library, "void* OrtGetApiBase(void) { future(); return 0; }");

    expectFault("PROVIDER_UNAVAILABLE", /version `GLIBC_2\.99' not found/, { fix: GLIBC });
  });

  test("in no package at all", () => {
    rmSync(join(dirname(install.package), "onnxruntime-node"), { recursive: true });

    const where = install.package;
    expectFault("PROVIDER_UNAVAILABLE", /expected the package onnxruntime-node, received none/, { where });
  });
});

/** A library that asks for a function of a C library which is not there yet. */
function compileForFutureGlibc(path: string, source: string): void {
  const script = join(install.root, "future.map");
  writeFileSync(script, "GLIBC_2.99 { global: future; local: *; };");
  const flags = ["-nostdlib", "-Wl,-soname,libc.so.6", `-Wl,--version-script=${script}`];
  const future = compileShared(join(install.root, "future.so"), "void future(void) {}", flags);
  compileShared(path, `void future(void);\n${source}`, ["-Wl,--no-as-needed", future]);
  unlinkSync(`${path}.c`);
}
