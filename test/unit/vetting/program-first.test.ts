// Owns the promises of the choice between a program and ONNX Runtime: a program only where its outputs agree, else the
// graph, with the reason said; and a caller who asks for one of the two gets that one or a refusal.

import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Program } from "../../../runtime/programs/program.js";
import { ProgramRun } from "../../../runtime/programs/run-program.js";
import type {
  OpenRequest,
  Provider,
  ProviderChoice,
  ProviderName,
  ProviderSession,
  ProviderSlot,
} from "../../../runtime/providers/provider.js";
import { ProgramFirst } from "../../../runtime/vetting/program-first.js";
import { graphBytes } from "../../support/onnx-graph.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "redline-program-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const unused = (): never => {
  throw new Error("nobody should call this");
};

/** A session that runs its program by the reference ops, and adds `spoil` to every output. */
function programSession(program: Program, given: { spoil: number; onClose: () => void }): ProviderSession {
  const inputs = { x: new Float32Array(4) };
  let outputs: Record<string, Float32Array> = {};
  const slot: ProviderSlot = {
    index: 0,
    inputs,
    shapeInput: unused,
    fillStrings: unused,
    output: (name) => ({ data: outputs[name]!, shape: [1, 4] }),
  };
  const times = { jobId: -1, startedUs: 0, settledUs: 0, cpuUs: 0 };
  return {
    inputs: program.inputs,
    outputs: program.outputs,
    slots: [slot],
    sessionId: 1,
    submit: unused,
    cancel: unused,
    publish: unused,
    runInline: () => {
      const found = new ProgramRun(program).run(inputs);
      outputs = Object.fromEntries(
        Object.entries(found).map(([name, data]) => [name, data.map((value) => value + given.spoil)]),
      );
      return { ...times, status: "done", reason: "ok" };
    },
    close: async () => given.onClose(),
  };
}

interface Opened {
  readonly by: ProviderName[];
  readonly choices: ProviderChoice[];
  readonly closed: number;
  readonly error: unknown;
}

/** Opens a model of one op; answers who opened what, and what was said. */
async function open(given: {
  op?: string;
  spoil?: number;
  golden?: readonly number[] | null;
  request?: Partial<OpenRequest>;
}): Promise<Opened> {
  const { op = "Relu", spoil = 0, golden = [0, 0, 2, 3] } = given;
  const nodes = [{ op, inputs: ["x"], outputs: ["y"] }];
  const bytes = graphBytes({ inputs: { x: [1, 4] }, outputs: ["y"], nodes });
  const graph = join(folder, `${op}.onnx`);
  await writeFile(graph, bytes);
  const file = join(folder, `${golden}.json`);
  const one = {
    variant: "fp32",
    inputs: { x: { values: [-1, 0, 2, 3] } },
    outputs: { y: { at: [0, 1, 2, 3], values: golden, tolerance: 0.5 } },
  };
  await writeFile(file, JSON.stringify({ schema: 1, cases: [one] }));
  const by: ProviderName[] = [];
  const choices: ProviderChoice[] = [];
  let closed = 0;
  const provider = (name: ProviderName): Provider => ({
    name,
    nowUs: () => 0,
    nextJobId: () => 0,
    open: async ({ program }) => {
      by.push(name);
      if (program === undefined) return {} as ProviderSession;
      const onClose = (): void => {
        closed += 1;
      };
      return programSession(program, { spoil, onClose });
    },
    runningJobs: () => [],
    replaceLane: unused,
    close: async () => {},
  });
  const first = new ProgramFirst({ programs: provider("program"), graphs: provider("ort") });
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const error = await first
    .open({
      graph,
      origin: {
        model: "one",
        variant: "fp32",
        task: "keyword",
        sha256,
        ...(golden === null ? {} : { golden: file }),
      },
      criticality: "interactive",
      laneIndex: 0,
      slots: 1,
      statedShapes: {},
      isInline: false,
      onChosen: (choice) => choices.push(choice),
      onSettle: unused,
      ...given.request,
    })
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  return { by, choices, closed, error };
}

describe("a model whose ops all have one and whose outputs agree", () => {
  test("runs as a program, and it is said what of", async () => {
    const { by, choices } = await open({});

    expect(by).toEqual(["program"]);
    expect(choices).toEqual([
      { provider: "program", detail: expect.stringMatching(/^1 ops, arena \d+ bytes/) },
    ]);
  });

  test.each<[string, Partial<OpenRequest>, string]>([
    ["when ONNX Runtime is asked for", { only: "ort" }, "asked for"],
    ["when options of ONNX Runtime are given", { ort: { memPattern: false } }, "options of ONNX Runtime"],
    ["when more than one thread is", { ort: { intraOpThreads: 2 } }, "options of ONNX Runtime"],
  ])("stays with ONNX Runtime %s", async (_, request, why) => {
    const { by, choices } = await open({ request });

    expect(by).toEqual(["ort"]);
    expect(choices).toEqual([{ provider: "ort", detail: expect.stringContaining(why) }]);
  });
});

test("a model that is not always on is no program unless one is asked for", async () => {
  const origin = {
    model: "one",
    variant: "fp32",
    task: "segmentation",
    sha256: "",
    golden: join(folder, "0,0,2,3.json"),
  };

  const { by, choices } = await open({ request: { origin } });

  expect(by).toEqual(["ort"]);
  expect(choices).toEqual([{ provider: "ort", detail: expect.stringContaining("always on") }]);
});

describe("stays with ONNX Runtime, or is refused as a program,", () => {
  test.each<[string, Parameters<typeof open>[0], string]>([
    ["a model with an op that programs lack", { op: "Erf" }, "Erf"],
    ["a program that is off by more than 1e-4, whatever the golden file allows", { spoil: 3e-4 }, "output y"],
    ["a program that gives NaN", { spoil: Number.NaN }, "output y"],
    ["a model without golden vectors", { golden: null }, "golden vectors"],
  ])("%s", async (_, given, words) => {
    const { by, choices, closed } = await open(given);
    const refused = await open({ ...given, request: { only: "program" } });

    expect(by.at(-1)).toBe("ort");
    expect(choices).toEqual([{ provider: "ort", detail: expect.stringContaining(words) }]);
    // What was opened in vain is closed.
    expect(closed).toBe(by.length - 1);
    expect(String((refused.error as Error).message)).toContain(words);
    expect(refused.by).not.toContain("ort");
  });

  test("a file that is not the one the manifest vouches for: it is refused by both", async () => {
    const { error } = await open({
      request: {
        only: "program",
        origin: { model: "one", variant: "fp32", sha256: "0", golden: join(folder, "0,0,2,3.json") },
      },
    });

    expect(error).toMatchObject({ code: "STORE_HASH_MISMATCH" });
  });
});
