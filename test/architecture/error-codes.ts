// Owns the rules that tie error codes and outcomes in the code to their closed tables. Reads no file itself.

import ts from "typescript";
import { lineAt, type SourceText, type Violation } from "./source-tree.js";

/** Codes whose users come with a later part of the design; each says which. */
export const RESERVED_CODES: Readonly<Record<string, string>> = {};

/** Every string in TypeScript or C++ that looks like a code of our families, with its place. */
export function codesIn(file: SourceText, families: ReadonlySet<string>): { code: string; line: number }[] {
  const found: { code: string; line: number }[] = [];
  for (const match of file.text.matchAll(/["'`]([A-Z]+(?:_[A-Z]+)+)["'`]/g)) {
    const code = match[1] as string;
    if (families.has(code.split("_")[0] as string))
      found.push({ code, line: lineAt(file.text, match.index) });
  }
  return found;
}

/** A code that code mentions exists in the table. */
export function checkCodesExist(files: readonly SourceText[], codes: readonly string[]): Violation[] {
  const families = new Set(codes.map((code) => code.split("_")[0] as string));
  return files.flatMap((file) =>
    codesIn(file, families)
      .filter(({ code }) => !codes.includes(code))
      .map(({ code, line }) => breach({ file: file.path, line, detail: `${code} is not in ERROR_TABLE` })),
  );
}

/** A code of the table is raised somewhere, or is reserved with a reason; a reserved one is not raised. */
export function checkCodesUsed(given: {
  files: readonly SourceText[];
  codes: readonly string[];
  table: string;
  reserved?: Readonly<Record<string, string>>;
}): Violation[] {
  const { reserved = RESERVED_CODES } = given;
  const elsewhere = given.files.filter((file) => file.path !== given.table);
  return given.codes.flatMap((code) => {
    const isUsed = elsewhere.some((file) => file.text.includes(`"${code}"`));
    if (!isUsed && !(code in reserved)) {
      return [breach({ file: given.table, line: 1, detail: `nothing raises ${code}` })];
    }
    if (isUsed && code in reserved) {
      return [
        breach({ file: given.table, line: 1, detail: `${code} is raised: take it off the reserved list` }),
      ];
    }
    return [];
  });
}

/** Every literal pair of status and reason is a pair of the outcome table. */
export function checkOutcomePairs(
  files: readonly SourceText[],
  reasons: Readonly<Record<string, readonly string[]>>,
): Violation[] {
  return files.flatMap((file) => {
    const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2022, true);
    const found: Violation[] = [];
    const visit = (node: ts.Node): void => {
      if (ts.isObjectLiteralExpression(node)) {
        const status = literalOf(node, "status");
        const reason = literalOf(node, "reason");
        const isPair = status !== undefined && reason !== undefined && status in reasons;
        if (isPair && !reasons[status]?.includes(reason)) {
          const line = lineAt(file.text, node.getStart(source));
          found.push({
            file: file.path,
            line,
            rule: "outcome",
            detail: `${status} / ${reason} is no outcome`,
          });
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
    return found;
  });
}

function literalOf(object: ts.ObjectLiteralExpression, name: string): string | undefined {
  for (const property of object.properties) {
    if (!ts.isPropertyAssignment(property) || property.name.getText() !== name) continue;
    return ts.isStringLiteralLike(property.initializer) ? property.initializer.text : undefined;
  }
  return undefined;
}

function breach(given: { file: string; line: number; detail: string }): Violation {
  return { ...given, rule: "error-code" };
}
