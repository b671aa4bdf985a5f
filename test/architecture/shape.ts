// Owns the rules about the shape of a file: its header, its length, and what a comment may not say.
// Reads no file itself.

import type { SourceText, Violation } from "./source-tree.js";

export const MAX_HEADER_LINES = 5;
export const MAX_FILE_LINES = 400;

/** A file opens with one to five comment lines that say what it owns. */
export function checkHeader(files: readonly SourceText[]): Violation[] {
  return files.flatMap((file) => {
    const lines = file.text.split("\n");
    const start = lines[0]?.startsWith("#!") === true ? 1 : 0;
    let count = 0;
    while (lines[start + count]?.startsWith("//") === true) count++;
    if (count === 0) return [breach({ file, line: start + 1, rule: "header", detail: "no header comment" })];
    if (count <= MAX_HEADER_LINES) return [];
    return [
      breach({
        file,
        line: start + 1,
        rule: "header",
        detail: `${count} lines, at most ${MAX_HEADER_LINES}`,
      }),
    ];
  });
}

/** A file fits in a reader's head. */
export function checkLength(files: readonly SourceText[]): Violation[] {
  return files.flatMap((file) => {
    const count = file.text.replace(/\n$/, "").split("\n").length;
    if (count <= MAX_FILE_LINES) return [];
    return [
      breach({
        file,
        line: MAX_FILE_LINES + 1,
        rule: "length",
        detail: `${count} lines, at most ${MAX_FILE_LINES}`,
      }),
    ];
  });
}

const FORBIDDEN: readonly { readonly pattern: RegExp; readonly why: string }[] = [
  { pattern: /\b(TODO|FIXME|XXX|HACK)\b/, why: "an unfinished thought belongs in an issue" },
  { pattern: /@ts-(ignore|nocheck|expect-error)/, why: "the type checker is not argued with" },
  { pattern: /^\s*\/\/\s*[-=*#]{4,}/, why: "no banners" },
  { pattern: /(^|[\s"'`(])\/(work|tmp|home|root)\//, why: "no machine's own path" },
];

/** No unfinished thoughts, silenced checks, banners or one machine's paths. */
export function checkForbiddenText(files: readonly SourceText[]): Violation[] {
  return files.flatMap((file) =>
    file.text
      .split("\n")
      .flatMap((text, index) =>
        FORBIDDEN.filter(({ pattern }) => pattern.test(text)).map(({ why }) =>
          breach({ file, line: index + 1, rule: "forbidden-text", detail: `${text.trim()}: ${why}` }),
        ),
      ),
  );
}

function breach(given: { file: SourceText; line: number; rule: string; detail: string }): Violation {
  return { ...given, file: given.file.path };
}
