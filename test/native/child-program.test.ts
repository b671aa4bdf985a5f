// The child program: its requests, its limits, its end, and the known crash it is there for.

import { spawn } from "node:child_process";
import { mkdir, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { matmulChain, reluModel } from "../../bench/harness/onnx-model.js";
import { knownCrash } from "../../bench/mutants/known-crash.js";
import { findChild, findOrtLibrary, loadNative } from "../../runtime/bindings/load.js";
import { ChildTrial } from "../../runtime/vetting/child-trial.js";
import { findSilero } from "../support/silero.js";
import { vetted } from "../support/vetted-provider.js";
import { errorOf, makeFolder, sha256Of } from "../unit/store/catalogue-folder.js";

const native = loadNative();
const isWindows = process.platform === "win32";

describe("the child program", () => {
  const start = async () => {
    if (native.addon === null) throw new Error(native.reasons.join("; "));
    const program = path.join(path.dirname(native.path), `redline-child${isWindows ? ".exe" : ""}`);
    return {
      program,
      trial: await ChildTrial.start({ addon: native.addon, program, library: findOrtLibrary(), bytes: 1e6 }),
    };
  };
  let program: string;
  beforeAll(async () => {
    const started = await start();
    program = started.program;
    started.trial.kill();
  });

  test("stops a run at its limit and stays usable", async () => {
    const { trial } = await start();
    const chain = await trial.open({ bytes: matmulChain({ nodes: 4000, size: 128, rows: 1 }) }, {});
    const input = { dtype: "float32", shape: [1, 128], data: new Float32Array(128) } as const;

    const stopped = await errorOf(trial.run(chain, { inputs: [input], limitUs: 500 }));
    const outputs = await trial.run(chain, { inputs: [input], limitUs: 10_000_000 });

    expect(stopped).toMatchObject({ code: "MODEL_TIMEOUT" });
    expect(outputs.y?.data).toEqual(new Float32Array(128));
    trial.kill();
  });

  test("refuses tensors beyond its shared memory", async () => {
    const { trial } = await start();
    const session = await trial.open({ bytes: reluModel([1, 200_000]) }, {});
    const input = { dtype: "float32", shape: [1, 200_000], data: new Float32Array(200_000) } as const;

    const error = await errorOf(trial.run(session, { inputs: [input], limitUs: 1_000_000 }));

    expect(error).toMatchObject({ code: "MODEL_MEMORY" });
    trial.kill();
  });

  test("ends when its parent's pipe closes", async () => {
    const child = spawn(program, [], { stdio: ["pipe", "ignore", "ignore"] });

    child.stdin.end();

    expect(await new Promise((resolve) => child.on("exit", resolve))).toBe(0);
  });

  test.each([
    ["a request before start", "open 1\n", "failed 1 code=PROVIDER_OPTION"],
    ["no request", "nonsense\n", "failed 0 code=PROVIDER_OPTION"],
    ["a percent sign without digits", "open 1 path=%f\n", "failed 0 code=PROVIDER_OPTION"],
    [
      "memory it was not given",
      "start 1 memory=77 bytes=10 library=x api=29\n",
      "failed 1 code=PROVIDER_UNAVAILABLE",
    ],
  ])("answers %s with an error", async (_, line, answer) => {
    const child = spawn(program, [], { stdio: ["pipe", "pipe", "ignore"] });

    child.stdin.write(line);
    const text = await new Promise<string>((resolve) =>
      child.stdout.once("data", (data) => resolve(String(data))),
    );

    expect(text).toContain(answer);
    child.stdin.end();
  });

  test("ends at a line longer than any request", async () => {
    const child = spawn(program, [], { stdio: ["pipe", "ignore", "ignore"] });
    child.stdin.on("error", () => {});

    child.stdin.write("x".repeat(2_000_000));

    expect(await new Promise((resolve) => child.on("exit", resolve))).toBe(2);
  });
});

describe("beside a shipped addon", () => {
  const name = `redline-child${isWindows ? ".exe" : ""}`;

  /** A package's folder of shipped files, the child's listed hash as given. */
  async function shipped(listed: (bytes: Buffer) => string | undefined) {
    if (native.addon === null) throw new Error(native.reasons.join("; "));
    const platform = `${process.platform}-${process.arch}`;
    const prebuilds = path.join(await makeFolder(), "prebuilds");
    const folder = path.join(prebuilds, platform);
    await mkdir(folder, { recursive: true });
    const bytes = await readFile(path.join(path.dirname(native.path), name));
    await writeFile(path.join(folder, name), bytes);
    const list = { [`${platform}/${name}`]: listed(bytes) };
    await writeFile(path.join(prebuilds, "sha256.json"), JSON.stringify(list));
    return { native: { ...native, path: path.join(folder, "redline.node") }, child: path.join(folder, name) };
  }

  test("it is found when it hashes to what the package's list says", async () => {
    const { native: given, child } = await shipped(sha256Of);

    expect(findChild(given)).toEqual({ path: child, reason: "" });
  });

  test.each([
    ["another hash", () => "0".repeat(64), /expected sha256 0{64}, received [0-9a-f]{64}/],
    ["no hash", () => undefined, /expected a sha256 in the package's list/],
  ])("it is not started when the list has %s for it", async (_, listed, reason) => {
    const { native: given, child } = await shipped(listed);

    const found = findChild(given);

    expect(found.path).toBeUndefined();
    expect(found.reason).toContain(child);
    expect(found.reason).toMatch(reason);
  });

  test("it is not started when it is cut off", async () => {
    const { native: given, child } = await shipped(sha256Of);
    await truncate(child, 3000);

    expect(findChild(given).reason).toMatch(/cut off: expected \d+ bytes, received 3000/);
  });
});

describe("the known crash: Silero v5 with a constant sample rate", () => {
  let broken: Uint8Array | undefined;
  beforeAll(async () => {
    try {
      const { path: file } = await findSilero();
      broken = knownCrash(await readFile(file));
    } catch (error) {
      console.warn(`skipped: Silero v5 is neither in the store nor to be had: ${error}`);
    }
  });

  const opens = Number(process.env.REDLINE_TEST_REPEAT ?? 1) * 4;
  test(`leaves the host alive in ${opens} opens, each refused`, async (context) => {
    if (broken === undefined) return context.skip("Silero v5 is neither in the store nor to be had");
    const codes: string[] = [];

    for (let count = 0; count < opens; count += 1) {
      const { open, provider } = await vetted();
      codes.push(
        await open(broken).then(
          () => "opened",
          ({ code }) => code,
        ),
      );
      await provider.close();
    }

    expect(codes).toHaveLength(opens);
    expect(codes.every((code) => ["MODEL_CRASHED", "MODEL_LOAD_FAILED"].includes(code))).toBe(true);
    expect(codes).toContain("MODEL_CRASHED");
  });

  test("opens and runs with the optimiser off, as the refusal's hint says", async (context) => {
    if (broken === undefined) return context.skip("Silero v5 is neither in the store nor to be had");
    const { open, provider } = await vetted();

    const session = await open(broken, { ort: { graphOptimization: "disabled" } });

    expect(session.inputs.map(({ name }) => name)).toEqual(["input", "state"]);
    await provider.close();
  });
});

afterAll(async () => {
  expect(await leftChildren()).toEqual([]);
});

/** The child programs that are still children of this process. */
async function leftChildren(): Promise<string[]> {
  if (process.platform !== "linux") return [];
  const names = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    names.map(async (name) => {
      const text = await readFile(`/proc/${name}/stat`, "latin1").catch(() => "");
      const [, program = "", state = "", parent = ""] = /^\d+ \((.*)\) (\S) (\d+)/.exec(text) ?? [];
      return program.startsWith("redline-child") && state !== "Z" && parent === String(process.pid)
        ? name
        : "";
    }),
  );
  return found.filter((name) => name !== "");
}
