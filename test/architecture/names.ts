// Owns the rules about names: banned words, kebab-case for TypeScript, snake_case for C++ and Rust. Reads no file itself.

import type { Violation } from "./source-tree.js";

/** Words that say nothing about what is inside. */
export const BANNED_WORDS: ReadonlySet<string> = new Set([
  "utils",
  "util",
  "helpers",
  "helper",
  "common",
  "misc",
  "manager",
  "service",
  "base",
  "impl",
  "types",
]);

/** No folder or file of the project carries a banned word. */
export function checkBannedWords(paths: readonly string[]): Violation[] {
  return paths.flatMap((path) =>
    path
      .split("/")
      .flatMap((part) => part.split(/[-_.]/))
      .filter((word) => BANNED_WORDS.has(word.toLowerCase()))
      .map((word) => ({
        file: path,
        line: 1,
        rule: "banned-name",
        detail: `"${word}" names nothing: name what it owns`,
      })),
  );
}

const FOLDER = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const TYPESCRIPT = /^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.bench|\.d)?\.(m?ts|mjs)$/;
const SNAKE = /^[a-z0-9]+(_[a-z0-9]+)*\.(cc|h|rs)$/;

/** Folders and TypeScript files are kebab-case, C++ and Rust files snake_case. */
export function checkCase(paths: readonly string[]): Violation[] {
  return paths.flatMap((path) => {
    const parts = path.split("/");
    const name = parts.pop() as string;
    const folder = parts.find((part) => !FOLDER.test(part));
    if (folder !== undefined) return [breach(path, `folder "${folder}" is not a kebab-case noun`)];
    if (/\.(m?ts|mjs)$/.test(name) && !TYPESCRIPT.test(name)) return [breach(path, "file is not kebab-case")];
    if (/\.(cc|cpp|h|hpp|rs)$/.test(name) && !SNAKE.test(name))
      return [breach(path, "file is not snake_case.cc, .h or .rs")];
    return [];
  });
}

function breach(file: string, detail: string): Violation {
  return { file, line: 1, rule: "name-case", detail };
}
