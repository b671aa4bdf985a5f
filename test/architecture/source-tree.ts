// Owns reading the repository for the architecture rules: which files exist, and their text.
// Knows no rule. Invariant: a scan that finds no file throws, so no gate can pass by looking at nothing.

import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";

export const REPO_ROOT = resolve(import.meta.dirname, "../..");

/** One file as the rules see it: a path with forward slashes, relative to the repository, and its text. */
export interface SourceText {
  readonly path: string;
  readonly text: string;
}

/** One breach of one rule. */
export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly rule: string;
  readonly detail: string;
}

const SKIPPED_FOLDERS = new Set(["node_modules", "dist", "build", "prebuilds", ".git", "__pycache__"]);

/** Reads every file under the folders (or the files named) that ends in one of `endings`. */
export function readTree({
  under,
  endings,
}: {
  under: readonly string[];
  endings: readonly string[];
}): SourceText[] {
  const paths = listTree(under).filter((path) => endings.some((ending) => path.endsWith(ending)));
  if (paths.length === 0) {
    throw new Error(`no file under ${under.join(", ")} ends in ${endings.join(", ")}: the gate is blind`);
  }
  return paths.map((path) => ({ path, text: readFileSync(join(REPO_ROOT, path), "utf8") }));
}

/** Paths of every file under the folders, sorted, without build output. */
export function listTree(under: readonly string[]): string[] {
  const found: string[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (SKIPPED_FOLDERS.has(entry.name)) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else found.push(relative(REPO_ROOT, path).split(sep).join("/"));
    }
  };
  for (const folder of under) walk(join(REPO_ROOT, folder));
  return found.sort();
}

/** One line per violation: file, line, rule, what is wrong. An empty list is an empty report. */
export function report(violations: readonly Violation[]): string[] {
  return violations.map(({ file, line, rule, detail }) => `${file}:${line} [${rule}] ${detail}`);
}

/** The 1-based line that holds `offset`. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let index = 0; index < offset && index < text.length; index++) if (text[index] === "\n") line++;
  return line;
}
