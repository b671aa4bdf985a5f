// Owns the thread a hosted runtime lives in: it composes one, and does what it is asked. Knows no policy.
// Invariant: every question is answered once; what it holds for the other side it holds until that side lets go.

import { setTimeout } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { LIMITS } from "../core/limits.js";
import { composeRuntime, type Runtime } from "../runtime.js";
import type { Outcome, Session } from "../sessions/session.js";
import {
  type HostTask,
  type OutcomeFacts,
  type Question,
  recordOfError,
  type SessionFace,
} from "./messages.js";
import type { HostedWork } from "./work.js";

/** Four times a second reads as live, and costs the other thread one message. */
const STATE_MS = 250;

/** How long a work may take to end once it is asked to. */
const WORK_END_MS = 2000;

const port = parentPort!;
const { options } = workerData as HostTask;

class Host {
  private readonly sessions = new Map<string, Session>();
  private readonly outcomes = new Map<number, Outcome>();
  /** What can be stopped from afar: opens, runs and works under way, by question. */
  private readonly stops = new Map<number, AbortController>();
  private readonly works = new Set<Promise<unknown>>();
  private cursor = 0;

  constructor(private readonly runtime: Runtime) {
    setInterval(() => this.tellStats(), STATE_MS).unref();
  }

  async answer(question: Question): Promise<void> {
    if (question.ask === "release") return this.release(question.outcome);
    if (question.ask === "stop") return this.stops.get(question.question)?.abort();
    if (question.ask === "package-watts") return this.runtime.setPackageWatts(question.watts);
    const { id } = question;
    try {
      const value = await this.perform(question);
      this.tellWhatHappened(question);
      port.postMessage({ say: "answer", id, value });
    } catch (error) {
      this.tellWhatHappened(question);
      port.postMessage({ say: "failure", id, error: recordOfError(error) });
    } finally {
      this.stops.delete(id);
    }
  }

  private perform(question: Extract<Question, { readonly id: number }>): Promise<unknown> {
    switch (question.ask) {
      case "open":
        return this.open(question);
      case "run":
        return this.run(question);
      case "close-session":
        return this.sessions.get(question.session)?.close() ?? Promise.resolve();
      case "work":
        return this.work(question);
      case "close":
        return this.close();
    }
  }

  private async open({ id, model, options }: Extract<Question, { ask: "open" }>): Promise<SessionFace> {
    const session = await this.runtime.open(model, { ...options, signal: this.stopOf(id).signal });
    this.sessions.set(session.name, session);
    const { name, variant, device, rung, threads, manifest, contract, inputs, outputs, plan } = session;
    const slots = options.slots ?? LIMITS.defaultSlots;
    return {
      name,
      model: session.model,
      variant,
      device,
      rung,
      threads,
      manifest,
      contract,
      inputs,
      outputs,
      plan,
      slots,
    };
  }

  private async run({
    id,
    session: name,
    inputs,
    capturedUs,
    frame,
  }: Extract<Question, { ask: "run" }>): Promise<OutcomeFacts> {
    const { signal } = this.stopOf(id);
    const numbered = frame === undefined ? {} : { frame };
    const outcome = await this.sessions.get(name)!.run(inputs, { capturedUs, signal, ...numbered });
    const { status, reason, jobId, rung, isConsecutive } = outcome;
    const { startedUs, settledUs, deadlineUs, cpuUs, message, outputs } = outcome;
    const times = { capturedUs, startedUs, settledUs, deadlineUs, cpuUs };
    if (status === "done" || status === "late") this.outcomes.set(id, outcome);
    return { status, reason, jobId, rung, isConsecutive, ...times, message, outputs };
  }

  private async work({ id, module, data }: Extract<Question, { ask: "work" }>): Promise<unknown> {
    const { default: work } = (await import(module)) as { default: HostedWork };
    const post = (message: unknown): void => port.postMessage({ say: "message", id, message });
    const working = work(this.runtime, { data, post, signal: this.stopOf(id).signal });
    this.works.add(working);
    return working.finally(() => this.works.delete(working));
  }

  /** Works are asked to end and waited for, so that their own answers arrive; one that does not listen is not. */
  private async close(): Promise<void> {
    for (const stop of this.stops.values()) stop.abort();
    await Promise.race([Promise.allSettled(this.works), setTimeout(WORK_END_MS, undefined, { ref: false })]);
    await this.runtime.close();
  }

  private release(outcome: number): void {
    this.outcomes.get(outcome)?.release();
    this.outcomes.delete(outcome);
  }

  private stopOf(id: number): AbortController {
    const stop = new AbortController();
    this.stops.set(id, stop);
    return stop;
  }

  /** Before the answer itself, so that whoever hears it finds its events there. */
  private tellWhatHappened({ ask }: Question): void {
    if (ask === "run") this.tellEvents();
    else this.tellStats();
  }

  private tellEvents(): void {
    const { events, cursor } = this.runtime.events.read(this.cursor);
    this.cursor = cursor;
    if (events.length > 0) port.postMessage({ say: "events", events });
  }

  private tellStats(): void {
    this.tellEvents();
    port.postMessage({ say: "stats", stats: this.runtime.stats() });
  }
}

function compose(): Promise<Runtime> {
  const { store, ...others } = options;
  return composeRuntime({
    ...others,
    store: {
      ...store,
      onProgress: (progress) => port.postMessage({ say: "progress", progress }),
      onLicence: (notice) => port.postMessage({ say: "licence", notice }),
    },
  });
}

// Questions may arrive before the runtime is there; they wait for it.
const host = compose().then((runtime) => {
  port.postMessage({ say: "ready", provider: runtime.provider });
  return new Host(runtime);
});
host.catch((error) => port.postMessage({ say: "unready", error: recordOfError(error) }));
port.on("message", async (question: Question) => (await host).answer(question));
