// Owns running the store in processes of its own: compiled sources in a folder, one script, one JSON line per answer.
// Knows no server. Invariant: what runs is the checkout's source, never an older build.

import { type ChildProcess, spawn } from "node:child_process";
import { cp, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import ts from "typescript";
import { makeFolder } from "../../unit/store/catalogue-folder.js";

const REPOSITORY = path.resolve(import.meta.dirname, "../../..");

const SCRIPT = `
import { openStore } from "./runtime/store/store.js";
const { root, catalogue, names } = JSON.parse(process.argv[2]);
const say = (line) => process.stdout.write(JSON.stringify(line) + "\\n");
const store = openStore({ root, catalogue: [catalogue], onProgress: (progress) => say({ progress }) });
for (const name of names) {
  try {
    say({ name, path: (await store.resolve(name)).path });
  } catch (error) {
    say({ name, code: error.code, message: error.message, hint: error.hint });
  }
}
await store.close();
`;

const ACT_SCRIPT = `
import * as files from "node:fs/promises";
import { DiskStore } from "./runtime/store/disk-store.js";
import { faultyDisk } from "./test/faults/store/faulty-disk.js";
import { SCENARIOS } from "./test/faults/store/scenarios.js";
const { root, beside, catalogue, mirror, name, at } = JSON.parse(process.argv[2]);
const end = () => {
  process.kill(process.pid, "SIGKILL");
  return new Promise(() => {});
};
const plan = at === null ? null : { at, fault: "nothing", meanwhile: end };
const { disk, steps } = faultyDisk(plan, files);
const store = new DiskStore({ root, catalogue: [catalogue], mirror, offline: true }, disk);
await SCENARIOS.find((scenario) => scenario.name === name).act(store, beside);
process.stdout.write(JSON.stringify({ steps: steps.length }));
`;

export interface ChildAnswer {
  readonly name?: string;
  readonly path?: string;
  readonly code?: string;
  readonly message?: string;
  readonly hint?: string;
  readonly progress?: { readonly file: string; readonly receivedBytes: number; readonly totalBytes: number };
}

export interface StoreChild {
  readonly process: ChildProcess;
  /** Every line so far. */
  readonly lines: readonly ChildAnswer[];
  /** Resolves once a line for which `wanted` holds has been printed. */
  until(wanted: (line: ChildAnswer) => boolean): Promise<void>;
  /** Resolves when the process has ended. */
  readonly ended: Promise<{ readonly status: number | null; readonly stderr: string }>;
}

/** Compiles the store and what it stands on into a folder children can run, and answers the script. */
export async function compileStore(): Promise<string> {
  const folder = await makeFolder();
  for (const part of ["runtime/core", "runtime/store", "test/faults/store"]) {
    const from = path.join(REPOSITORY, part);
    await mkdir(path.join(folder, part), { recursive: true });
    for (const name of await readdir(from)) {
      if (!name.endsWith(".ts") || name.endsWith(".d.ts") || name.endsWith(".test.ts")) continue;
      const source = await readFile(path.join(from, name), "utf8");
      const options = {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2022,
        verbatimModuleSyntax: true,
      };
      const { outputText } = ts.transpileModule(source, { compilerOptions: options, fileName: name });
      await writeFile(path.join(folder, part, name.replace(/\.ts$/, ".js")), outputText);
    }
  }
  await cp(path.join(REPOSITORY, "package.json"), path.join(folder, "package.json"));
  await symlink(path.join(REPOSITORY, "node_modules"), path.join(folder, "node_modules"), "junction");
  const script = path.join(folder, "resolve.js");
  await writeFile(script, SCRIPT);
  await writeFile(actScript(script), ACT_SCRIPT);
  return script;
}

function actScript(script: string): string {
  return path.join(path.dirname(script), "act.js");
}

/** One act of a scenario in a process of its own. */
export interface ActJob {
  readonly root: string;
  readonly beside: string;
  readonly catalogue: string;
  readonly mirror: string;
  /** The scenario's name. */
  readonly name: string;
  /** The step at which the process is killed; null lets it end. */
  readonly at: number | null;
}

/** Runs the act; answers the steps it took, or null when it was killed. */
export async function runAct(script: string, job: ActJob): Promise<number | null> {
  const child = spawn(process.execPath, [actScript(script), JSON.stringify(job)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  child.stdout.on("data", (data) => {
    out += data;
  });
  child.stderr.on("data", (data) => {
    err += data;
  });
  const ended = await new Promise<{ status: number | null; signal: string | null }>((resolve) => {
    child.on("close", (status, signal) => resolve({ status, signal }));
  });
  if (ended.signal === "SIGKILL") return null;
  if (ended.status !== 0) throw new Error(`${job.name} ended with ${ended.status}: ${err}`);
  return (JSON.parse(out) as { steps: number }).steps;
}

/** Starts a process that resolves `names` in order and prints each answer. */
export function startChild(
  script: string,
  job: {
    readonly root: string;
    readonly catalogue: string;
    readonly names: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    /** Runs it as this user. */
    readonly uid?: number;
  },
): StoreChild {
  const { root, catalogue, names, env = {}, uid } = job;
  const child = spawn(process.execPath, [script, JSON.stringify({ root, catalogue, names })], {
    env: { ...process.env, REDLINE_OFFLINE: "", REDLINE_MIRROR: "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    ...(uid === undefined ? {} : { uid }),
  });
  const lines: ChildAnswer[] = [];
  const waiting = new Set<() => void>();
  let rest = "";
  let stderr = "";
  child.stderr.on("data", (data) => {
    stderr += data;
  });
  child.stdout.on("data", (data) => {
    const parts = (rest + data).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts.map((part) => JSON.parse(part) as ChildAnswer));
    for (const look of waiting) look();
  });
  const ended = new Promise<{ status: number | null; stderr: string }>((resolve) => {
    child.on("close", (status) => resolve({ status, stderr }));
  });
  const until = (wanted: (line: ChildAnswer) => boolean) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (lines.some(wanted)) resolve();
      };
      waiting.add(look);
      look();
      ended.then(() => reject(new Error(`the process ended first: ${stderr}`)));
    });
  return { process: child, lines, until, ended };
}

/** The answers of a child that has ended, by name. */
export function answersOf(child: StoreChild): Record<string, ChildAnswer> {
  const answers = child.lines.filter((line) => line.name !== undefined);
  return Object.fromEntries(answers.map((line) => [line.name, line]));
}
