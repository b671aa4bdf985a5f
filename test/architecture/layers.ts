// Owns the layer table of the house and the rules about who may import whom. Reads no file itself.
// Invariant: every file under runtime/ has exactly one layer; an unknown folder is a violation, not a free pass.

import { posix } from "node:path";
import ts from "typescript";
import { lineAt, type SourceText, type Violation } from "./source-tree.js";

/** Folder or top-level file of runtime/ -> layer. A file imports only lower layers, and its own folder. */
export const LAYERS: Readonly<Record<string, number>> = {
  core: 0,
  bindings: 1,
  store: 1,
  power: 1,
  telemetry: 1,
  sources: 1,
  scheduler: 2,
  graphs: 2,
  ops: 2,
  programs: 3,
  providers: 4,
  vetting: 5,
  plans: 6,
  sessions: 7,
  driving: 8,
  voice: 8,
  assistant: 9,
  "remedies.ts": 9,
  "contract-record.ts": 9,
  "runtime.ts": 10,
  "doctor.ts": 10,
  "live-run.ts": 10,
  "open-promise-first.ts": 10,
  "live-power.ts": 10,
  "power-check.ts": 9,
  "runtime-power.ts": 9,
  "open-request.ts": 7,
  "runtime-scheduler.ts": 8,
  "scheduler-seat.ts": 8,
  "session-ladder.ts": 8,
  "session-opener.ts": 9,
  "runtime-admission.ts": 7,
  "profiling.ts": 10,
  hosting: 11,
  browser: 11,
  "index.ts": 12,
  "browser.ts": 12,
  eval: 13,
  workshop: 13,
  server: 13,
  cli: 14,
};

/** Equal layers that may meet, each with its reason. */
export const NAMED_EXCEPTIONS: Readonly<Record<string, string>> = {
  "open-request.ts -> runtime-admission.ts":
    "a request is made for the lane and the threads that were planned",
  "runtime-scheduler.ts -> scheduler-seat.ts": "the scheduler of a runtime keeps a seat for every session",
  "open-promise-first.ts -> runtime.ts": "a promise is asked of a runtime",
  "live-run.ts -> open-promise-first.ts":
    "the main job asks for promises, and runs without them where it must",
  "live-run.ts -> runtime.ts": "the live run is handed a runtime and opens its two sessions on it",
  "live-power.ts -> runtime.ts": "the power of a live run is read from, and set on, the runtime it is handed",
  "live-run.ts -> live-power.ts": "the live run has the budget followed while it lasts",
  "profiling.ts -> runtime.ts": "a profile is measured on a runtime opened the way a user would",
  "doctor.ts -> runtime.ts": "the doctor opens a runtime the way a user would",
};

interface Import {
  readonly specifier: string;
  readonly line: number;
}

/** Every import, re-export, dynamic import, import type and require of a literal in a file. */
export function importsOf(file: SourceText): Import[] {
  const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2022, true);
  const found: Import[] = [];
  const note = (literal: ts.Node | undefined): void => {
    if (literal !== undefined && ts.isStringLiteralLike(literal)) {
      found.push({ specifier: literal.text, line: lineAt(file.text, literal.getStart(source)) });
    }
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) note(node.moduleSpecifier);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) note(node.argument.literal);
    else if (ts.isCallExpression(node)) {
      const callee = node.expression;
      const isImport = callee.kind === ts.SyntaxKind.ImportKeyword;
      const isRequire = ts.isIdentifier(callee) && callee.text === "require";
      if (isImport || isRequire) note(node.arguments[0]);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The bench's door, published as `redline-rt/bench`: of the runtime the command line alone goes through it. */
export const BENCH_DOOR = "bench/index.ts";

/** Imports go to lower layers only; nothing in runtime reaches test, nor bench but its door from cli; core reaches nothing. */
export function checkLayers(files: readonly SourceText[]): Violation[] {
  return files.flatMap((file) => {
    const from = roomOf(file.path);
    if (from === undefined || LAYERS[from] === undefined) {
      return [{ file: file.path, line: 1, rule: "layer", detail: "no layer is drawn for this place" }];
    }
    return importsOf(file).flatMap((imported) => {
      const detail = faultOf({ file, from, specifier: imported.specifier });
      return detail === undefined ? [] : [{ file: file.path, line: imported.line, rule: "layer", detail }];
    });
  });
}

function faultOf(given: { file: SourceText; from: string; specifier: string }): string | undefined {
  const { file, from, specifier } = given;
  if (!specifier.startsWith(".")) {
    return from === "core" ? `core imports nothing outside core, not even ${specifier}` : undefined;
  }
  const target = posix.join(posix.dirname(file.path), specifier).replace(/\.js$/, ".ts");
  if (target === BENCH_DOOR && from === "cli") return undefined;
  if (!target.startsWith("runtime/")) {
    return target.endsWith(".json") ? undefined : `runtime does not import ${target}`;
  }
  const to = roomOf(target);
  const toLayer = to === undefined ? undefined : LAYERS[to];
  if (to === undefined || toLayer === undefined) return `imports ${target}, which has no layer`;
  if (to === from || `${from} -> ${to}` in NAMED_EXCEPTIONS) return undefined;
  const fromLayer = LAYERS[from] as number;
  if (toLayer < fromLayer) return undefined;
  return `${from} (layer ${fromLayer}) imports ${to} (layer ${toLayer}): imports go to lower layers only`;
}

const CLI_DOORS = ["../index.js", "../eval/index.js", `../../${BENCH_DOOR.replace(".ts", ".js")}`];

/** The command line goes through public doors, so that a program can do whatever it can. */
export function checkCommandLineDoor(files: readonly SourceText[]): Violation[] {
  return files
    .filter((file) => file.path.startsWith("runtime/cli/"))
    .flatMap((file) =>
      importsOf(file)
        .filter(({ specifier }) => specifier.startsWith("..") && !CLI_DOORS.includes(specifier))
        .map(({ specifier, line }) => ({
          file: file.path,
          line,
          rule: "command-line-door",
          detail: `${specifier}: the command line imports public doors only`,
        })),
    );
}

/** The folder under runtime/, or the file name of a file directly in it. */
function roomOf(path: string): string | undefined {
  const [root, room] = path.split("/");
  return root === "runtime" ? room : undefined;
}

/** Only runtime/bindings loads machine code: no `.node` path, no dlopen and no WASM anywhere else. */
export function checkMachineCodeDoor(files: readonly SourceText[]): Violation[] {
  return files
    .filter((file) => !file.path.startsWith("runtime/bindings/"))
    .flatMap((file) => {
      const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2022, true);
      const found: Violation[] = [];
      const visit = (node: ts.Node): void => {
        const isCodePath = ts.isStringLiteralLike(node) && /\.(node|wasm)$|^#kernels$/.test(node.text);
        const isDlopen = ts.isPropertyAccessExpression(node) && node.name.text === "dlopen";
        if (isCodePath || isDlopen) {
          const line = lineAt(file.text, node.getStart(source));
          const detail = `${node.getText(source)}: only runtime/bindings loads machine code`;
          found.push({ file: file.path, line, rule: "machine-code-door", detail });
        }
        ts.forEachChild(node, visit);
      };
      visit(source);
      return found;
    });
}

/** Node's C API appears in native/napi only, so that the host builds and runs without Node. */
export function checkNapiDoor(files: readonly SourceText[]): Violation[] {
  return files
    .filter((file) => !file.path.startsWith("native/napi/"))
    .flatMap((file) =>
      file.text.split("\n").flatMap((line, index) =>
        /^\s*#\s*include\s*[<"](napi|node_api|node|v8|uv)\.h[>"]/.test(line)
          ? [
              {
                file: file.path,
                line: index + 1,
                rule: "napi-door",
                detail: `${line.trim()} belongs in native/napi`,
              },
            ]
          : [],
      ),
    );
}
