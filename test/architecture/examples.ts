// Owns the examples of docstrings and documents: finds them and type-checks each as a reader would write it.
// Invariant: an example sees the public door, its own module and the few words at hand, and nothing else.

import { readFileSync } from "node:fs";
import ts from "typescript";
import { compilerOptions, exportsOf, type PublicName } from "./public-door.js";
import { lineAt, REPO_ROOT, type SourceText, type Violation } from "./source-tree.js";

/** One piece of code from a docstring or a document, and where it begins. */
export interface Example {
  readonly file: string;
  readonly line: number;
  readonly code: string;
  /** The module whose exports the example may use without importing them; the door's are always there. */
  readonly beside: string | undefined;
}

/** The code after every `@example` of a TypeScript file. */
export function docstringExamples(file: SourceText): Example[] {
  return [...file.text.matchAll(/\/\*\*[\s\S]*?\*\//g)].flatMap((comment) => {
    const at = comment[0].indexOf("@example");
    if (at < 0) return [];
    const body = comment[0].slice(at + "@example".length, -2).split(/\n\s*\*\s*@\w+/)[0] as string;
    const code = body
      .split("\n")
      .map((line) => line.replace(/^\s*\* ?/, ""))
      .filter((line) => !line.startsWith("```"))
      .join("\n");
    return [{ file: file.path, line: lineAt(file.text, comment.index + at), code, beside: file.path }];
  });
}

/** The code of every fenced `ts` block of a Markdown file. */
export function markdownExamples(file: SourceText): Example[] {
  return [...file.text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map((block) => ({
    file: file.path,
    line: lineAt(file.text, block.index) + 1,
    code: block[1] as string,
    beside: undefined,
  }));
}

/** Things every reader of an example has at hand: the words of the documentation. */
const AT_HAND = `
declare const runtime: import("DOOR").Runtime;
declare const session: import("DOOR").Session;
declare const clock: import("DOOR").Clock;
declare const signal: AbortSignal;
declare const image: Float32Array;
declare const capturedUs: number;
declare const path: string;
declare function use(value: unknown): void;
`;

/** Type-checks each example on its own, in one program; a fault names the example's file and line. */
export function checkExamples(given: { examples: readonly Example[]; door: string }): Violation[] {
  const sources = new Map<string, { text: string; example: Example; offset: number }>();
  given.examples.forEach((example, index) => {
    const folder = `${REPO_ROOT}/test/architecture`;
    sources.set(`${folder}/example-${index}.ts`, { example, ...wrap({ example, door: given.door }) });
  });
  const host = ts.createCompilerHost(compilerOptions());
  const readSource = host.getSourceFile.bind(host);
  host.getSourceFile = (name, options) => {
    const made = sources.get(name);
    return made === undefined ? readSource(name, options) : ts.createSourceFile(name, made.text, options);
  };
  const exists = host.fileExists.bind(host);
  host.fileExists = (name) => sources.has(name) || exists(name);
  host.readFile = (name) => sources.get(name)?.text ?? readFileSync(name, "utf8");
  const program = ts.createProgram([...sources.keys()], compilerOptions(), host);
  return [...sources].flatMap(([name, { example, offset }]) => {
    const source = program.getSourceFile(name);
    if (source === undefined) throw new Error(`${name} was not compiled`);
    const faults = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return faults
      .filter((fault) => !isReadersOwn(fault, source))
      .map((fault) => ({
        file: example.file,
        line: example.line + lineAt(source.text, fault.start ?? 0) - offset,
        rule: "example",
        detail: ts.flattenDiagnosticMessageText(fault.messageText, " "),
      }));
  });
}

/** "Cannot find name" and "no value in scope for the shorthand property". */
const UNKNOWN_NAME = [2304, 18004];

/** A free noun (`frame`, `chunk`) is the reader's own value; a free verb or type would be a name that does not exist. */
function isReadersOwn(fault: ts.Diagnostic, source: ts.SourceFile): boolean {
  if (!UNKNOWN_NAME.includes(fault.code)) return false;
  const name = source.text.slice(fault.start, (fault.start ?? 0) + (fault.length ?? 0));
  const after = source.text.slice((fault.start ?? 0) + (fault.length ?? 0));
  return /^[a-z]/.test(name) && !/^\s*[(<`]/.test(after);
}

/** An example's imports go to the top; the rest runs inside one async function, so that `await` and names are free. */
function wrap({ example, door }: { example: Example; door: string }): { text: string; offset: number } {
  const lines = example.code.split("\n");
  const imports = lines.filter((line) => line.startsWith("import "));
  const body = lines.map((line) => (line.startsWith("import ") ? "" : line.replace(/^export /, "")));
  const own = example.beside === undefined || imports.length > 0 ? [] : exportsOf(example.beside);
  const ownNames = new Set(own.map(({ name }) => name));
  const fromDoor = imports.length > 0 ? [] : exportsOf(door).filter(({ name }) => !ownNames.has(name));
  const doorUrl = moduleUrl(door);
  const head = [
    ...imports.map((line) => line.replace(/(["'])redline-rt\1/, JSON.stringify(doorUrl))),
    importLine(fromDoor, doorUrl),
    importLine(own, moduleUrl(example.beside ?? door)),
    ...AT_HAND.trim().replaceAll("DOOR", doorUrl).split("\n"),
    "async function example(): Promise<void> {",
  ];
  return { text: `${[...head, ...body].join("\n")}\n}\nvoid example;\n`, offset: head.length + 1 };
}

function moduleUrl(path: string): string {
  return `${REPO_ROOT}/${path}`.replace(/\.ts$/, ".js");
}

function importLine(names: readonly PublicName[], from: string): string {
  if (names.length === 0) return "";
  const list = names.map(({ name, kind }) => (kind === "type" ? `type ${name}` : name)).join(", ");
  return `import { ${list} } from ${JSON.stringify(from)};`;
}
