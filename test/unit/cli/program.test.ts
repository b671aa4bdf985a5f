// Owns the proof that the command line explains itself and refuses what it does not understand.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runProgram } from "../../../runtime/cli/program.js";
import { graphBytes } from "../../support/onnx-graph.js";
import { memoryStreams } from "./memory-streams.js";

async function redline(...argv: string[]) {
  const streams = memoryStreams();
  const { signal } = new AbortController();
  const status = await runProgram({ argv, version: "1.2.3", streams, signal });
  return { status, out: streams.out, err: streams.err };
}

test.each([
  ["doctor"],
  ["power"],
  ["models", "list"],
  ["models", "pull"],
  ["models", "verify"],
  ["models", "inspect"],
  ["voice"],
  ["drive"],
  ["run"],
  ["profile"],
  ["plan"],
  ["bench"],
  ["bench", "compare"],
])("redline %s %s explains itself with examples", async (...verb) => {
  const { status, out } = await redline(...verb.filter((word) => word !== undefined), "--help");

  expect(status).toBe(0);
  expect(out.text).toContain("Examples:\n  redline ");
  expect(out.text).toContain("--json");
});

test("without a verb the help is shown", async () => {
  const { status, out } = await redline();

  expect(status).toBe(0);
  for (const verb of ["doctor", "power", "models", "voice", "drive", "run", "profile", "plan", "bench"])
    expect(out.text).toContain(`  ${verb}`);
});

test("the version is the package's", async () => {
  const { out } = await redline("--version");

  expect(out.text).toBe("1.2.3\n");
});

test.each([
  { argv: ["fly"], says: "unknown command 'fly'" },
  { argv: ["voice"], says: "missing required argument 'input'" },
  { argv: ["models"], says: "a verb is missing" },
  { argv: ["run", "--second", "3"], says: "unknown option '--second'" },
  { argv: ["plan"], says: "missing required argument 'model'" },
  { argv: ["bench", "--scenario", "soak"], says: "Allowed choices are" },
  { argv: ["bench", "compare", "a.ndjson"], says: "missing required argument 'b'" },
  { argv: ["bench", "--trials", "0.5"], says: "trials is a whole number from 1" },
  { argv: ["profile", "silero-vad", "--period", "0"], says: "period is a number above 0" },
  { argv: ["plan", "silero-vad", "--criticality", "urgent"], says: "Allowed choices are" },
  { argv: ["run", "--seconds", "soon"], says: "seconds is a number above 0" },
  { argv: ["drive", "-", "--raw", "640"], says: "a size is written WIDTHxHEIGHT" },
  { argv: ["voice", "-", "--raw", "--format", "mp3"], says: "Allowed choices are" },
  { argv: ["voice", "talk.wav", "--raw"], says: "expected -, standard input" },
])("redline $argv is refused and told why", async ({ argv, says }) => {
  const { status, err } = await redline(...argv);

  expect(status).toBe(64);
  expect(err.text).toContain(says);
  expect(err.text).toContain("[USAGE]");
  expect(err.text).not.toContain("    at ");
});

test("with --json even a usage error is NDJSON that ends in a summary", async () => {
  const { status, out, err } = await redline("run", "--seconds", "-1", "--json");

  expect(status).toBe(64);
  expect(out.objects.map(({ type }) => type)).toEqual(["error", "summary"]);
  expect(out.objects[1]).toEqual({ type: "summary", error: "USAGE" });
  expect(err.text).toBe("");
});

test("redline models inspect lists the ops of a file that can be a program, and says what stands against another", async () => {
  const folder = await mkdtemp(join(tmpdir(), "redline-inspect-"));
  const write = async (op: string): Promise<string> => {
    const nodes = [{ op, inputs: ["x"], outputs: ["y"] }];
    const path = join(folder, `${op}.onnx`);
    await writeFile(path, graphBytes({ inputs: { x: [1, 4] }, outputs: ["y"], nodes }));
    return path;
  };

  const relu = await redline("models", "inspect", await write("Relu"));
  const erf = await redline("models", "inspect", await write("Erf"), "--json");
  await rm(folder, { recursive: true });

  expect(relu.status).toBe(0);
  expect(relu.out.text).toMatch(/0 map +relu of 4\n.*1 ops, arena 128 bytes, weights 0 bytes/);
  expect(erf.status).toBe(0);
  expect(erf.out.text).toContain("Erf");
  expect(erf.out.text).toContain('"program":null');
});
