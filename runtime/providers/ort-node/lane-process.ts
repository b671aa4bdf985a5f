// Owns one forked lane process of the fallback: its messages, its priority, its death. Knows no deadline.
// Invariant: a request is answered once; when the process dies every open request is answered with PROVIDER_LOST.

import { type ChildProcess, fork } from "node:child_process";
import { setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import { builtScript } from "../../bindings/package-root.js";
import type { Criticality } from "../../core/contract.js";
import { RedlineError } from "../../core/errors.js";
import type { LaneReply, LaneRequest } from "./protocol.js";

/** Niceness of a lane process: the same order as the native lanes' classes, without needing any privilege. */
const NICENESS: Readonly<Record<Criticality, number>> = { critical: 0, interactive: 5, background: 19 };

type Waiting = { resolve: (reply: LaneReply) => void; reject: (error: RedlineError) => void };
/** A request before it has its id. */
type Unsent<T> = T extends LaneRequest ? Omit<T, "id"> : never;

/** A process that runs onnxruntime-node for one lane. */
export class LaneProcess {
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 0;
  private lost: RedlineError | undefined;
  /** How the process ended, once it has. */
  end: { readonly status: number | null; readonly signal: string | null } | undefined;

  constructor(criticality: Criticality) {
    this.child = fork(childPath(), {
      serialization: "advanced",
      execArgv: [],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      // ONNX Runtime 1.30 on Linux reports usage to its maker unless this is set (docs/decisions/0063).
      env: { ORT_DISABLE_TELEMETRY: "1", ...process.env },
    });
    if (this.child.pid !== undefined) setNiceness(this.child.pid, NICENESS[criticality]);
    this.child.on("message", (reply: LaneReply) => {
      const waiting = this.waiting.get(reply.id);
      this.waiting.delete(reply.id);
      this.keepAliveWhileWaiting();
      waiting?.resolve(reply);
    });
    this.child.on("error", (cause) => this.fail(`could not be used: ${cause.message}`));
    this.child.on("exit", (code, signal) => {
      this.end = { status: code, signal };
      this.fail(`ended with ${signal ?? `status ${code}`}`);
    });
    this.keepAliveWhileWaiting();
  }

  /** The process's id; -1 when it could not be started. */
  get pid(): number {
    return this.child.pid ?? -1;
  }

  /** Whether the process has ended: it will answer nothing any more. */
  get isLost(): boolean {
    return this.lost !== undefined;
  }

  /** Sends a request and answers the reply. Rejects with PROVIDER_LOST if the process dies first. */
  ask(request: Unsent<LaneRequest>): Promise<LaneReply> {
    if (this.lost) return Promise.reject(this.lost);
    this.nextId += 1;
    const id = this.nextId;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.keepAliveWhileWaiting();
      this.child.send({ ...request, id });
    });
  }

  /** Ends the process. What it was doing is answered with PROVIDER_LOST. */
  kill(): void {
    this.child.kill("SIGKILL");
  }

  private fail(how: string): void {
    if (this.lost) return;
    this.lost = new RedlineError("PROVIDER_LOST", {
      what: `the lane process ${how}`,
      hint: "open the session again: the next open starts a new process",
    });
    for (const { reject } of this.waiting.values()) reject(this.lost);
    this.waiting.clear();
  }

  /** An idle lane must not keep a finished program alive. */
  private keepAliveWhileWaiting(): void {
    if (this.waiting.size > 0) {
      this.child.ref();
      this.child.channel?.ref();
    } else {
      this.child.unref();
      this.child.channel?.unref();
    }
  }
}

function childPath(): string {
  const beside = new URL("./lane-child.js", import.meta.url);
  const built = builtScript(beside);
  if (built !== undefined) return built;
  throw new RedlineError("PROVIDER_UNAVAILABLE", {
    what: "the lane process's script",
    expected: "a built package",
    received: `no ${fileURLToPath(beside)}`,
    hint: "run: npm run build",
  });
}

function setNiceness(pid: number, niceness: number): void {
  try {
    setPriority(pid, niceness);
  } catch {
    // The process may have died already, which `exit` reports; an unprivileged user may always raise niceness.
  }
}
