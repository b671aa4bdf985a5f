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
  for (const part of ["core", "store"]) {
    const from = path.join(REPOSITORY, "runtime", part);
    await mkdir(path.join(folder, "runtime", part), { recursive: true });
    for (const name of await readdir(from)) {
      if (!name.endsWith(".ts") || name.endsWith(".d.ts")) continue;
      const source = await readFile(path.join(from, name), "utf8");
      const options = {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2022,
        verbatimModuleSyntax: true,
      };
      const { outputText } = ts.transpileModule(source, { compilerOptions: options, fileName: name });
      await writeFile(path.join(folder, "runtime", part, name.replace(/\.ts$/, ".js")), outputText);
    }
  }
  await cp(path.join(REPOSITORY, "package.json"), path.join(folder, "package.json"));
  await symlink(path.join(REPOSITORY, "node_modules"), path.join(folder, "node_modules"), "junction");
  const script = path.join(folder, "resolve.js");
  await writeFile(script, SCRIPT);
  return script;
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
