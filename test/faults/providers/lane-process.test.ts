// A lane process of the fallback that dies: its jobs are settled, and the next session gets a new process.

import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { matmulChain, reluModel } from "../../../bench/harness/onnx-model.js";
import { createRuntime, type Runtime } from "../../../runtime/index.js";
import { ensureBuilt } from "../../e2e/built-cli.js";

// The lane process runs the built script.
beforeAll(ensureBuilt, 120_000);

test.skipIf(process.platform !== "linux")(
  "a killed lane process loses its jobs by name and is replaced",
  async () => {
    await using runtime: Runtime = await createRuntime({ provider: "ort-node", vetting: "off" });
    const long = await runtime.open(matmulChain({ nodes: 2000, size: 256 }));
    const running = long.run({ [long.inputs[0]!.name]: new Float32Array(256 * 256) });
    const waiting = long.run({ [long.inputs[0]!.name]: new Float32Array(256 * 256) });

    await killLaneProcesses();
    const outcomes = await Promise.all([running, waiting]);
    const next = await runtime.open(reluModel([1, 4]));
    const outcome = await next.run({ [next.inputs[0]!.name]: Float32Array.of(-1, 2, -3, 4) });

    expect(outcomes).toMatchObject([
      { status: "failed", reason: "lost" },
      { status: "failed", reason: "lost" },
    ]);
    expect(outcome.status).toBe("done");
  },
);

/** Kills this process's children that run the lane script. */
async function killLaneProcesses(): Promise<void> {
  // Asked of the kernel thread by thread: an emulator need not show the whole of /proc.
  const children = readdirSync("/proc/self/task").flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, "utf8").split(" ").filter(Boolean),
  );
  const killed = children.filter((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("lane-child"),
  );
  expect(killed.length).toBeGreaterThan(0);
  for (const pid of killed) process.kill(Number(pid), "SIGKILL");
}
