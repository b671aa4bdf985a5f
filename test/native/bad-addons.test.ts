// Real files that are no addon of ours: what the loader says of each, and that none of them is loaded.

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { INTERFACE_VERSION } from "../../runtime/bindings/addon.js";
import { addonPlaces, loadFirst, loadNative } from "../../runtime/bindings/load.js";
import { remedyForAddon } from "../../runtime/remedies.js";
import { compileShared, hasCompiler } from "../support/compiler.js";

const folder = mkdtempSync(join(tmpdir(), "redline-addons-"));
const ortBinding = join(
  dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json")),
  "bin/napi-v6",
);
let whole: Buffer;

beforeAll(() => {
  const native = loadNative();
  if (native.addon === null) throw new Error(native.reasons.join("\n"));
  whole = readFileSync(native.path);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes a file and tries it as an addon. */
function tryFile(name: string, content: Buffer | string, sha256?: string | null) {
  const path = join(folder, name);
  writeFileSync(path, content);
  return tryPath(path, sha256);
}

function tryPath(path: string, sha256?: string | null) {
  const native = loadFirst([sha256 === undefined ? { path } : { path, sha256 }]);
  if (native.addon !== null) throw new Error(`${path} was loaded`);
  const [fault] = native.faults;
  return { path, kind: fault?.kind, reason: native.reasons[0] ?? "", native };
}

describe("a file that is cut off", () => {
  test.each([0, 3, 20, 64, 1000, 4096])("is not loaded at %i bytes", (bytes) => {
    const { kind, reason, path } = tryFile(`cut-${bytes}.node`, whole.subarray(0, bytes));

    expect(kind).toBe("damaged");
    expect(reason).toContain(path);
    expect(reason).toContain(`${bytes}`);
  });

  test("is not loaded when a half or a last byte is missing", () => {
    for (const bytes of [whole.length >> 1, whole.length - 1]) {
      const { kind, reason } = tryFile(`cut-${bytes}.node`, whole.subarray(0, bytes));

      expect(kind).toBe("damaged");
      expect(reason).toMatch(new RegExp(`expected \\d+ bytes, received ${bytes}$`));
    }
  });
});

test("a shipped file with one altered bit is not loaded, and the remedy is to install it again", () => {
  const root = join(folder, "package");
  const [, place] = addonPlaces(root);
  mkdirSync(dirname(place!.path), { recursive: true });
  const altered = Buffer.from(whole);
  altered[whole.length >> 1]! ^= 1;
  writeFileSync(place!.path, altered);
  const name = `${process.platform}-${process.arch}/redline.node`;
  writeFileSync(join(root, "prebuilds", "sha256.json"), JSON.stringify({ [name]: "0".repeat(64) }));

  const native = loadFirst(addonPlaces(root));

  expect(native).toMatchObject({ addon: null, faults: [{ kind: "absent" }, { kind: "damaged" }] });
  const { faults, reasons } = native as Extract<typeof native, { addon: null }>;
  expect(reasons[1]).toMatch(/redline\.node: expected sha256 0{64}, received [0-9a-f]{64}$/);
  expect(remedyForAddon(faults, { family: "debian" })).toMatch(
    /^rm -rf node_modules\/redline-rt && npm install/,
  );
});

test("a shipped file that the package's list does not name is not loaded", () => {
  expect(tryFile("unlisted.node", whole, null)).toMatchObject({ kind: "damaged" });
});

test("a text is no addon", () => {
  expect(tryFile("text.node", "module.exports = {};\n")).toMatchObject({ kind: "damaged" });
});

test("files for other processors and systems are named for what they are", () => {
  const others = ["linux/arm64", "linux/x64", "win32/x64", "win32/arm64", "darwin/arm64"].filter(
    (place) => place !== `${process.platform}/${process.arch}`,
  );
  for (const place of others) {
    const { kind, reason } = tryPath(join(ortBinding, place, "onnxruntime_binding.node"));

    expect(kind, place).toBe("platform");
    expect(reason).toContain(`expected a file for ${process.platform}-${process.arch}`);
    expect(reason).toContain(`received one for ${place.replace("/", "-")}`);
  }
});

test.skipIf(process.platform !== "linux")("a file made for musl is told from one for glibc", () => {
  const name = Buffer.from("\0libc.so.6\0");
  const at = whole.indexOf(name);
  expect(at).toBeGreaterThan(0);
  const musl = Buffer.from(whole);
  musl.write("\0libc.so\0\0\0", at, "latin1");

  const { kind, reason, native } = tryFile("musl.node", musl);

  expect(kind).toBe("libc");
  expect(reason).toContain("made for musl, and this Node runs on glibc");
  expect(remedyForAddon(native.faults, { family: "alpine" })).toContain("glibc 2.28");
});

describe.skipIf(!hasCompiler())("a stub that a compiler made", () => {
  const stub = (name: string, source: string): string => compileShared(join(folder, name), source);
  const module = (body: string): string => `
    #include <node_api.h>
    NAPI_MODULE_INIT() { ${body} return exports; }`;

  test("of another interface version is refused with both versions", () => {
    const setVersion = `napi_value n; napi_create_int32(env, ${INTERFACE_VERSION + 41}, &n);
      napi_set_named_property(env, exports, "interfaceVersion", n);`;

    const { kind, reason, native } = tryPath(stub("version.node", module(setVersion)));

    expect(kind).toBe("version");
    expect(reason).toContain(
      `expected interface version ${INTERFACE_VERSION}, received ${INTERFACE_VERSION + 41}`,
    );
    expect(remedyForAddon(native.faults, { family: "debian" })).toBe("npm run build:native");
  });

  test("without any version is refused too", () => {
    expect(tryPath(stub("nothing.node", module("")))).toMatchObject({ kind: "version" });
  });

  test("that throws as it starts is refused with what it threw", () => {
    const source = module(`napi_throw_error(env, "X", "the stub will not start");`);

    const { kind, reason } = tryPath(stub("throws.node", source));

    expect(kind).toBe("refused");
    expect(reason).toContain("the stub will not start");
  });

  test("that is no addon at all is refused with the system's words", () => {
    const { kind, reason } = tryPath(stub("library.node", "int answer(void) { return 42; }"));

    expect(kind).toBe("refused");
    expect(reason).toMatch(/library\.node: .*register/i);
  });

  test("that needs a missing symbol is refused with its name", () => {
    const source = `extern int missing_symbol_of_redline(void); int (*keep)(void) = missing_symbol_of_redline;`;

    const { kind, reason } = tryPath(stub("symbol.node", source));

    expect(kind).toBe("refused");
    expect(reason).toContain("missing_symbol_of_redline");
  });

  test("before a good one is passed over, and the good one serves", () => {
    const bad = stub("first.node", module(""));
    const good = join(folder, "good.node");
    copyFileSync((loadNative() as { path: string }).path, good);

    const script = `import { loadFirst } from ${JSON.stringify(join(import.meta.dirname, "../../dist/runtime/bindings/load.js"))};
      const native = loadFirst([{ path: ${JSON.stringify(bad)} }, { path: ${JSON.stringify(good)} }]);
      console.log(JSON.stringify([native.path, native.passed.map(({ kind }) => kind)]));`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
    });

    expect(JSON.parse(stdout || `"${stderr}"`)).toEqual([good, ["version"]]);
  });
});
