// ONNX Runtime's own telemetry client leaves a device id and a database in the user's cache folder: ours must not.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SCRIPT = `
  const { createRuntime } = await import("./dist/runtime/index.js");
  const runtime = await createRuntime({ vetting: "off" });
  const session = await runtime.open("models/road-seg/road-seg-int8.onnx");
  await session.run({ image: new Float32Array(3 * 320 * 320) });
  console.log(runtime.provider.name);
  await runtime.close();
`;

test.each([
  ["the native host", "ort", {}],
  ["the fallback", "ort-node", { REDLINE_NO_ADDON: "1" }],
])("a run on %s leaves nothing in the user's home", (_, provider, settings) => {
  const home = mkdtempSync(join(tmpdir(), "redline-home-"));
  try {
    const { PATH } = process.env;
    const env = { PATH, HOME: home, USERPROFILE: home, XDG_CACHE_HOME: join(home, "cache"), ...settings };

    const printed = execFileSync(process.execPath, ["--input-type=module", "-e", SCRIPT], { cwd: ROOT, env });

    expect(printed.toString().trim()).toBe(provider);
    expect(readdirSync(home)).toEqual([]);
  } finally {
    rmSync(home, { recursive: true });
  }
});
