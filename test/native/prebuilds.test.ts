// The cross-built files, the ones that cannot be run here too: what each offers, what it asks of its system, what it holds.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readMachineCode } from "../../runtime/bindings/machine-code.js";
import { packageRoot } from "../../runtime/bindings/package-root.js";
import { readMachineFile } from "../support/machine-file.js";

const PREBUILDS = join(packageRoot(), "prebuilds");
const ENTRIES = ["napi_register_module_v1", "node_api_module_get_api_version_v1"];

/** What a platform's files may ask of their system: its own libraries and nothing of a compiler. */
const SYSTEM_LIBRARIES: Readonly<Record<string, RegExp>> = {
  linux: /^(libc\.so\.6|libpthread\.so\.0|libdl\.so\.2|libm\.so\.6|librt\.so\.1|ld-linux-\S+)$/,
  darwin: /^\/usr\/lib\/libSystem\.B\.dylib$/,
  win32: /^(KERNEL32\.dll|api-ms-win-crt-[a-z]+-l1-1-0\.dll)$/i,
};

const platforms = ["linux-x64", "linux-arm64", "darwin-arm64", "win32-x64", "win32-arm64"];
const built = platforms.filter((platform) => existsSync(join(PREBUILDS, platform)));
// The build machine makes all of them first, and must not pass by having none.
const isRequired = process.env.REDLINE_REQUIRE_PREBUILDS === "1";
if (built.length < platforms.length && !isRequired) {
  console.warn(`skipped: no prebuilds here for some platforms; npm run build:prebuilds makes them`);
}

test.runIf(isRequired)("every platform is built", () => {
  expect(built).toEqual(platforms);
});

describe.each(built)("the prebuilt files for %s", (platform) => {
  const [system = "", arch = ""] = platform.split("-");
  const folder = join(PREBUILDS, platform);
  const names = readdirSync(folder);
  const read = (name: string): Buffer => readFileSync(join(folder, name));

  test("are whole, for that platform, and hash to what the package's list says", () => {
    const list = JSON.parse(readFileSync(join(PREBUILDS, "sha256.json"), "utf8")) as Record<string, string>;

    expect([...names].sort()).toEqual([
      system === "win32" ? "redline-child.exe" : "redline-child",
      "redline.node",
    ]);
    for (const name of names) {
      const file = read(name);
      expect(readMachineCode(file), name).toMatchObject({ platform: system, arch });
      expect(readMachineCode(file)?.bytes, name).toBeLessThanOrEqual(file.length);
      expect(list[`${platform}/${name}`], name).toBe(createHash("sha256").update(file).digest("hex"));
    }
  });

  test("ask for nothing but the system's own libraries", () => {
    for (const name of names) {
      const { libraries } = readMachineFile(read(name));

      expect(libraries.length, name).toBeGreaterThan(0);
      expect(
        libraries.filter((library) => !SYSTEM_LIBRARIES[system]!.test(library)),
        name,
      ).toEqual([]);
    }
  });

  test("hold no folder of the machine that built them", () => {
    for (const name of names) expect(read(name).includes(packageRoot()), name).toBe(false);
  });

  test("the addon offers what Node looks for, and Node-API is found when it is loaded", () => {
    const { exports, imports } = readMachineFile(read("redline.node"));
    const underscored = system === "darwin" ? ENTRIES.map((entry) => `_${entry}`) : ENTRIES;
    const nodeApi = imports.filter((name) => /^_?(napi|node_api)_/.test(name));

    expect(exports).toEqual(expect.arrayContaining(underscored));
    // An import on Windows names a file; the host of Node need not be called node.exe, so there it is looked up.
    if (system === "win32") expect(nodeApi).toEqual([]);
    else expect(nodeApi.length).toBeGreaterThan(40);
  });
});

describe.each(built.filter((platform) => platform.startsWith("linux")))("on %s", (platform) => {
  test("the addon needs no glibc newer than 2.28 and shows no symbol of its C++ library", () => {
    const { versions, exports } = readMachineFile(readFileSync(join(PREBUILDS, platform, "redline.node")));
    const minors = versions.map((version) => Number(/^GLIBC_2\.(\d+)/.exec(version)?.[1]));

    expect(minors.length).toBeGreaterThan(0);
    expect(Math.max(...minors)).toBeLessThanOrEqual(28);
    expect([...exports].sort()).toEqual(ENTRIES);
  });
});

test.skipIf(!built.includes("darwin-arm64"))("on macOS the addon is signed and for macOS 11 or newer", () => {
  const file = readMachineFile(readFileSync(join(PREBUILDS, "darwin-arm64", "redline.node")));

  expect(file.isSigned).toBe(true);
  expect(file.oldestSystem).toBe("11.0");
});
