// Owns reading what modules export with the TypeScript compiler, and the rules about the public door's names.
// Invariant: rules and build use the same compiler options, so they never disagree.

import { join } from "node:path";
import ts from "typescript";
import { lineAt, listTree, REPO_ROOT, type SourceText, type Violation } from "./source-tree.js";

export interface PublicName {
  readonly name: string;
  readonly kind: "class" | "function" | "value" | "type";
  readonly documentation: string;
  readonly file: string;
  readonly line: number;
}

/** The compiler options of the project itself, so that a rule and a build never disagree. */
export function compilerOptions(): ts.CompilerOptions {
  const read = ts.readConfigFile(join(REPO_ROOT, "tsconfig.json"), ts.sys.readFile);
  const parsed = ts.parseJsonConfigFileContent(read.config, ts.sys, REPO_ROOT);
  return { ...parsed.options, noEmit: true, noUnusedLocals: false, noUnusedParameters: false };
}

let runtimeProgram: ts.Program | undefined;

/** One program over the whole runtime and the bench's door: building one per question costs a second each. */
function programOfRuntime(): ts.Program {
  const files = [...listTree(["runtime"]).filter((path) => path.endsWith(".ts")), "bench/index.ts"];
  runtimeProgram ??= ts.createProgram(
    files.map((path) => join(REPO_ROOT, path)),
    compilerOptions(),
  );
  return runtimeProgram;
}

/** Every name exported by a module of the runtime or by the bench's door, sorted. */
export function exportsOf(modulePath: string): PublicName[] {
  const program = programOfRuntime();
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(join(REPO_ROOT, modulePath));
  const module = source === undefined ? undefined : checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`${modulePath} is not a module`);
  return checker
    .getExportsOfModule(module)
    .map((exported) => {
      const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0;
      const symbol = isAlias ? checker.getAliasedSymbol(exported) : exported;
      const declared = symbol.declarations?.[0];
      const file = declared?.getSourceFile();
      return {
        name: exported.name,
        kind: kindOf(symbol),
        documentation: ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim(),
        file: file === undefined ? modulePath : file.fileName.slice(REPO_ROOT.length + 1),
        line: file === undefined || declared === undefined ? 1 : lineAt(file.text, declared.getStart(file)),
      } satisfies PublicName;
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function kindOf(symbol: ts.Symbol): PublicName["kind"] {
  if ((symbol.flags & ts.SymbolFlags.Class) !== 0) return "class";
  if ((symbol.flags & ts.SymbolFlags.Function) !== 0) return "function";
  return (symbol.flags & ts.SymbolFlags.Value) !== 0 ? "value" : "type";
}

/** The committed list has exactly the names the door has. */
export function checkPublicNames(given: { names: readonly PublicName[]; list: SourceText }): Violation[] {
  const lines = given.list.text.split("\n");
  const listed = lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
  const actual = given.names.map(({ name, kind }) => `${kind} ${name}`);
  const added = given.names
    .filter(({ name, kind }) => !listed.includes(`${kind} ${name}`))
    .map(({ name, kind, file, line }) => ({
      file,
      line,
      rule: "public-names",
      detail: `"${kind} ${name}" is exported but not in ${given.list.path}`,
    }));
  const removed = listed
    .filter((entry) => !actual.includes(entry))
    .map((entry) => ({
      file: given.list.path,
      line: lines.indexOf(entry) + 1,
      rule: "public-names",
      detail: `"${entry}" is listed but not exported`,
    }));
  return [...added, ...removed];
}

/** Every public name says what it is. */
export function checkDocumented(names: readonly PublicName[]): Violation[] {
  return names
    .filter(({ documentation }) => documentation === "")
    .map(({ name, file, line }) => ({ file, line, rule: "docstring", detail: `${name} has no docstring` }));
}
