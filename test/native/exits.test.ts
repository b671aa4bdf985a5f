// Every way a process or worker ends while the host is at work: it ends as it was told, at once, without a crash.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { matmulChain } from "../../bench/harness/onnx-model.js";
import { findOrtLibrary, loadNative } from "../../runtime/bindings/load.js";

const folder = mkdtempSync(join(tmpdir(), "redline-exits-"));
const longModel = join(folder, "long.onnx");
writeFileSync(longModel, matmulChain({ nodes: 200, size: 384 }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// A hang is a failure, and a loaded machine is not a hang.
const LIMIT_MS = 30_000;

function play(scenario: string): Promise<{ code: number | null; signal: string | null; stderr: string }> {
  const native = loadNative();
  if (native.addon === null) throw new Error(`the addon is not built:\n${native.reasons.join("\n")}`);
  const script = fileURLToPath(new URL("exit-scenarios.mjs", import.meta.url));
  const child = spawn(process.execPath, ["--expose-gc", script, scenario], {
    env: { ...process.env, REDLINE_ADDON: native.path, ORT_LIBRARY: findOrtLibrary(), LONG_MODEL: longModel },
    stdio: ["ignore", "ignore", "pipe"],
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal, stderr })));
}

test.each([
  "exit mid-run",
  "exit in a busy null run",
  "exit while a model loads",
  "terminate a worker mid-run",
  "exit while a worker runs",
  "two workers, one terminated",
  "a worker alone uses the addon and ends",
  "a worker exits by itself mid-run",
  "onnxruntime-node first",
  "onnxruntime-node second",
  "close while running, then nothing left to do",
  "nothing left to do but a run",
  "never closed, collected",
  "submissions in the exit handler",
])("a process ends cleanly: %s", async (scenario) => {
  const ended = await play(scenario);

  expect(ended).toEqual({ code: 7, signal: null, stderr: "" });
});

test.each(["uncaught exception mid-run", "exception in the wake"])(
  "a process ends with Node's own report: %s",
  async (scenario) => {
    const { code, signal, stderr } = await play(scenario);

    expect({ code, signal }).toEqual({ code: 1, signal: null });
    expect(stderr).toContain("on purpose");
  },
);
