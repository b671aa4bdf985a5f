// Owns one child program: its start, its lines, its shared memory, its death. Knows no verdict and no store.
// Invariant: a request is answered once; a child that dies, falls silent or talks nonsense rejects what is open.

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { setPriority } from "node:os";
import type { Readable, Writable } from "node:stream";
import {
  CHILD_INTERFACE,
  type NativeAddon,
  ORT_API_VERSION,
  type OrtOptions,
  type SharedSlots,
} from "../bindings/addon.js";
import { ERROR_TABLE, type ErrorCode, RedlineError } from "../core/errors.js";
import {
  DTYPE_BYTES,
  type Dtype,
  type Tensor,
  type TensorData,
  type TensorSpec,
  viewOf,
} from "../core/tensor.js";
import {
  fieldOf,
  fieldsOf,
  formatLine,
  joinList,
  LINE_BYTES,
  type Line,
  parseLine,
  splitList,
} from "./line.js";
import {
  describeEnd,
  type Trial,
  type TrialEnd,
  type TrialGraph,
  type TrialInput,
  type TrialSession,
} from "./trial.js";

/** A child beats every 500 ms; without a beat for this long, on however busy a machine, it is stopped or stuck. */
const SILENCE_MS = 15_000;
/** The child inherits its memory as this descriptor. */
const MEMORY_DESCRIPTOR = 3;
/** Below lanes of every class but the background, so that a first open disturbs no running session. */
const NICENESS = 5;
const ALIGNMENT_BYTES = 64;
/** As much of what a dying library prints as helps to understand it. */
const LAST_WORDS_BYTES = 2000;

interface Waiting {
  resolve(line: Line): void;
  reject(error: RedlineError): void;
}

export interface ChildTrialOptions {
  readonly addon: NativeAddon;
  readonly program: string;
  readonly library: string;
  /** Of shared memory: the graph and every tensor of one run. */
  readonly bytes: number;
}

export class ChildTrial implements Trial {
  readonly kind = "child" as const;
  readonly pid: number;
  end: TrialEnd | undefined;
  private readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  private readonly waiting = new Map<number, Waiting>();
  private readonly watch: NodeJS.Timeout;
  private nextId = 0;
  private heardMs = performance.now();
  private unread = "";
  private lastWords = "";
  private graphBytes = 0;

  private constructor(
    private readonly memory: SharedSlots,
    program: string,
  ) {
    const inherited = memory.descriptor >= 0 ? [memory.descriptor] : [];
    this.child = spawn(program, [], {
      stdio: ["pipe", "pipe", "pipe", ...inherited],
      windowsHide: true,
    }) as ChildProcessByStdio<Writable, Readable, Readable>;
    this.pid = this.child.pid ?? -1;
    // A pipe of a child that has died is told by `exit`; its own error adds nothing.
    this.child.stdin.on("error", () => {});
    this.child.stdout.setEncoding("latin1").on("data", (text: string) => this.take(text));
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.lastWords = (this.lastWords + text).slice(-LAST_WORDS_BYTES);
    });
    this.child.on("error", ({ message }) => this.finish({ how: message, isCrash: false }));
    // `close` and not `exit`: by then everything the child has said is read.
    this.child.on("close", (status, signal) => this.finish(describeEnd(status, signal)));
    this.watch = setInterval(() => {
      if (performance.now() - this.heardMs > SILENCE_MS) this.giveUp(`silent for ${SILENCE_MS} ms`);
    }, 1000);
    if (this.pid > 0) lowerPriority(this.pid);
  }

  /**
   * Starts the program and waits until it has loaded the library.
   *
   * @throws RedlineError `PROVIDER_UNAVAILABLE` when it cannot be started or is of another version.
   */
  static async start({ addon, program, library, bytes }: ChildTrialOptions): Promise<ChildTrial> {
    const trial = new ChildTrial(addon.createShared(bytes), program);
    const { descriptor, name } = trial.memory;
    try {
      const ready = await trial.ask("start", [
        ["memory", descriptor >= 0 ? String(MEMORY_DESCRIPTOR) : name],
        ["bytes", String(bytes)],
        ["library", library],
        ["api", String(ORT_API_VERSION)],
      ]);
      if (fieldOf(ready, "interface") === String(CHILD_INTERFACE)) return trial;
      throw new RedlineError("PROVIDER_UNAVAILABLE", {
        what: program,
        expected: `interface version ${CHILD_INTERFACE}`,
        received: fieldOf(ready, "interface"),
        hint: "npm run build:native",
      });
    } catch (error) {
      trial.kill();
      if (!(error instanceof RedlineError) || error.code !== "PROVIDER_LOST") throw error;
      throw new RedlineError("PROVIDER_UNAVAILABLE", {
        what: program,
        expected: "a program that starts",
        received: trial.end?.how ?? "nothing",
        hint: "npm run build:native",
        cause: error,
      });
    }
  }

  async open(graph: TrialGraph, ort: OrtOptions): Promise<TrialSession> {
    if ("bytes" in graph && graph.bytes.length !== this.graphBytes) {
      this.memory.write(0, graph.bytes);
      this.graphBytes = graph.bytes.length;
    }
    const source: [string, string] =
      "bytes" in graph ? ["bytes", joinList([0, graph.bytes.length])] : ["path", graph.path];
    const reply = await this.ask("open", [source, ...optionFields(ort)]);
    return {
      id: Number(fieldOf(reply, "session")),
      inputs: fieldsOf(reply, "input").map(specOf),
      outputs: fieldsOf(reply, "output").map(specOf),
    };
  }

  async run(
    session: TrialSession,
    { inputs, limitUs }: { inputs: readonly TrialInput[]; limitUs: number },
  ): Promise<Record<string, Tensor>> {
    let offset = aligned(this.graphBytes);
    const fields: [string, string][] = [["session", String(session.id)]];
    for (const { dtype, data, shape } of inputs) {
      if (Array.isArray(data)) throw new RedlineError("INTERNAL", { what: "a trial on strings" });
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      if (offset + bytes.length > this.memory.bytes) throw this.tooLarge(offset + bytes.length);
      this.memory.write(offset, bytes);
      fields.push(["input", joinList([dtype, offset, bytes.length, ...shape])]);
      offset = aligned(offset + bytes.length);
    }
    fields.push(["outputs", String(offset)], ["limitUs", String(limitUs)]);
    const reply = await this.ask("run", fields);
    const outputs = fieldsOf(reply, "output").map((text) => this.readOutput(text));
    return Object.fromEntries(session.outputs.map(({ name }, index) => [name, outputs[index] as Tensor]));
  }

  async close(session: TrialSession): Promise<void> {
    await this.ask("close", [["session", String(session.id)]]);
  }

  kill(): void {
    this.child.kill("SIGKILL");
    this.memory.close();
  }

  private readOutput(text: string): Tensor {
    const [dtype = "", offset = "", bytes = "", ...shape] = splitList(text);
    if (dtype === "string") return { data: [], shape: shape.map(Number) };
    const copy = this.memory.read(Number(offset), Number(bytes));
    const length = copy.length / DTYPE_BYTES[dtype as Dtype];
    const data: TensorData = viewOf(dtype as Exclude<Dtype, "string">, copy.buffer, {
      byteOffset: 0,
      length,
    });
    return { data, shape: shape.map(Number) };
  }

  private tooLarge(received: number): RedlineError {
    return new RedlineError("MODEL_MEMORY", {
      what: "the tensors of one run",
      expected: `at most ${this.memory.bytes} bytes with the graph`,
      received: `${received} bytes`,
    });
  }

  private ask(verb: string, fields: Line["fields"]): Promise<Line> {
    if (this.end) return Promise.reject(this.lost(this.end));
    this.nextId += 1;
    const id = this.nextId;
    const text = formatLine({ verb, id, fields });
    if (text.length > LINE_BYTES) {
      return Promise.reject(
        new RedlineError("PROVIDER_OPTION", {
          what: "session options",
          expected: `at most ${LINE_BYTES} characters`,
          received: String(text.length),
        }),
      );
    }
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.child.stdin.write(text);
    });
  }

  private take(text: string): void {
    this.heardMs = performance.now();
    const lines = (this.unread + text).split("\n");
    this.unread = lines.pop() ?? "";
    if (this.unread.length > LINE_BYTES) {
      this.giveUp("a line without an end");
      return;
    }
    for (const line of lines) {
      try {
        this.settle(parseLine(line));
      } catch {
        this.giveUp(`not a reply: ${line.slice(0, 80)}`);
        return;
      }
    }
  }

  private settle(line: Line): void {
    const waiting = this.waiting.get(line.id);
    if (line.verb === "beat" || waiting === undefined) return;
    this.waiting.delete(line.id);
    if (line.verb !== "failed") {
      waiting.resolve(line);
      return;
    }
    const code = fieldOf(line, "code");
    const known = code in ERROR_TABLE ? (code as ErrorCode) : "PROVIDER_FAILED";
    waiting.reject(new RedlineError(known, { what: fieldOf(line, "message") }));
  }

  private giveUp(how: string): void {
    this.finish({ how, isCrash: false });
    this.kill();
  }

  private finish(end: TrialEnd): void {
    if (this.end) return;
    clearInterval(this.watch);
    this.end = end;
    for (const { reject } of this.waiting.values()) reject(this.lost(end));
    this.waiting.clear();
    this.memory.close();
  }

  private lost({ how }: TrialEnd): RedlineError {
    const words = this.lastWords.trim();
    const received = words === "" ? {} : { received: words };
    return new RedlineError("PROVIDER_LOST", { what: `the child program ended: ${how}`, ...received });
  }
}

function optionFields(ort: OrtOptions): [string, string][] {
  const fields: [string, string][] = [["level", ort.graphOptimization ?? "all"]];
  const flag = (name: string, value: boolean | undefined): void => {
    if (value !== undefined) fields.push([name, value ? "1" : "0"]);
  };
  fields.push(["threads", String(ort.intraOpThreads ?? 1)]);
  flag("spin", ort.spin);
  flag("arena", ort.cpuMemArena);
  flag("pattern", ort.memPattern);
  for (const [name, size] of Object.entries(ort.freeDimensions ?? {}))
    fields.push(["dimension", joinList([name, size])]);
  for (const [key, value] of Object.entries(ort.configEntries ?? {}))
    fields.push(["entry", joinList([key, value])]);
  if (ort.optimizedModelPath !== undefined) fields.push(["optimized", ort.optimizedModelPath]);
  return fields;
}

function specOf(text: string): TensorSpec {
  const [name = "", dtype = "", ...shape] = splitList(text);
  const sizes = shape.map((size) => (size.startsWith("~") ? size.slice(1) : Number(size)));
  return { name, dtype: dtype as Dtype, shape: sizes };
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, NICENESS);
  } catch {
    // The process may have died already, which `close` reports.
  }
}
