// Owns the rule that the browser's door reaches no module of Node: every module it loads, and what each of them asks for.
// Reads no file itself. Invariant: what is imported for its types alone is not loaded, and not followed.

import { posix } from "node:path";
import ts from "typescript";
import { lineAt, type SourceText, type Violation } from "./source-tree.js";

export const BROWSER_DOOR = "runtime/browser.ts";

/** What the door's modules may load from outside: the kernels, whose browser build is chosen by condition, and plain arithmetic. */
const ALLOWED = ["#kernels", "@bufbuild/protobuf/wire"];
/** Globals of Node that no browser has. */
const NODE_GLOBALS = ["Buffer", "process", "require", "__dirname", "__filename", "setImmediate", "global"];

interface Loaded {
  readonly specifier: string;
  readonly line: number;
}

/** The modules a file loads when it runs; types are erased. */
export function loadedBy(file: SourceText): Loaded[] {
  const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2022, true);
  const found: Loaded[] = [];
  const note = (literal: ts.Node | undefined): void => {
    if (literal !== undefined && ts.isStringLiteralLike(literal))
      found.push({ specifier: literal.text, line: lineAt(file.text, literal.getStart(source)) });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && node.importClause?.isTypeOnly !== true) note(node.moduleSpecifier);
    else if (ts.isExportDeclaration(node) && !node.isTypeOnly) note(node.moduleSpecifier);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      note(node.arguments[0]);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Follows the door through every module it loads; answers them, and whatever a browser could not give. */
export function checkBrowserClosure(files: readonly SourceText[]): {
  readonly reached: readonly string[];
  readonly violations: readonly Violation[];
} {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const reached = new Set<string>([BROWSER_DOOR]);
  const violations: Violation[] = [];
  for (const path of reached) {
    const file = byPath.get(path);
    if (file === undefined) {
      violations.push({ file: path, line: 1, rule: "browser-door", detail: "is not there" });
      continue;
    }
    violations.push(...nodeGlobalsIn(file));
    for (const { specifier, line } of loadedBy(file)) {
      if (specifier.startsWith("."))
        reached.add(posix.join(posix.dirname(path), specifier).replace(/\.js$/, ".ts"));
      else if (!ALLOWED.includes(specifier))
        violations.push({
          file: path,
          line,
          rule: "browser-door",
          detail: `loads ${specifier}, and ${BROWSER_DOOR} reaches it`,
        });
    }
  }
  return { reached: [...reached], violations };
}

function nodeGlobalsIn(file: SourceText): Violation[] {
  const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2022, true);
  const found: Violation[] = [];
  const own = new Set<string>();
  const bind = (node: ts.Node): void => {
    if ((ts.isImportSpecifier(node) || ts.isClassDeclaration(node)) && node.name !== undefined)
      own.add(node.name.text);
    ts.forEachChild(node, bind);
  };
  bind(source);
  const visit = (node: ts.Node): void => {
    const isGlobal =
      ts.isIdentifier(node) &&
      NODE_GLOBALS.includes(node.text) &&
      !own.has(node.text) &&
      ts.isExpression(node.parent) &&
      !(ts.isPropertyAccessExpression(node.parent) && node.parent.name === node);
    if (isGlobal)
      found.push({
        file: file.path,
        line: lineAt(file.text, node.getStart(source)),
        rule: "browser-door",
        detail: `uses ${(node as ts.Identifier).text}, and ${BROWSER_DOOR} reaches it`,
      });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}
