// Owns a runtime that lives in a thread of its own, as its program sees it. Knows no provider and no policy.
// Invariant: nothing here waits for this thread: what the host decides it decides there, and this side hears of it.

import { Worker } from "node:worker_threads";
import { builtScript } from "../bindings/package-root.js";
import { monotonicUs, SystemClock } from "../bindings/system-clock.js";
import { RedlineError } from "../core/errors.js";
import type { OpenOptions } from "../open-request.js";
import { checkPackageWatts } from "../power/power-policy.js";
import type { Runtime, RuntimeOptions } from "../runtime.js";
import { withoutPower } from "../runtime-power.js";
import type { Session, SessionStats } from "../sessions/session.js";
import { openStore, type Store, type StoreOptions } from "../store/store.js";
import { EventHub } from "../telemetry/event-hub.js";
import { HostLink } from "./host-link.js";
import { HostedSession } from "./hosted-session.js";
import { type Answer, errorOfRecord, type HostStats, type HostTask, type SessionFace } from "./messages.js";
import type { WorkUnderWay } from "./work.js";

/** What a work is started with. */
export interface HostOptions {
  /** Plain data for the work. */
  readonly data?: unknown;
  /** Told of what the work posts, in order. */
  readonly onMessage?: (message: unknown) => void;
  /** Asks the work to end. */
  readonly signal?: AbortSignal;
}

/**
 * A runtime in a thread of its own. The program's thread may stand still: what runs in the host does not notice. `stats()`
 * is at most a quarter of a second old, `runSync` is refused, and reading a result costs a message each way.
 *
 * @example
 * const runtime = await createRuntime({ hosted: true });
 * const work = runtime.host(new URL("./cockpit.js", import.meta.url), { data: "clip.mp4", onMessage: console.log });
 * await work.finished;
 * await runtime.close();
 */
export class HostedRuntime implements Runtime {
  // Every thread and the native host read the same clock of the operating system.
  readonly clock = new SystemClock(monotonicUs);
  readonly store: Store;
  readonly events = new EventHub();
  private readonly link: HostLink;
  private readonly watchesPower: boolean;
  private readonly works = new Map<number, (message: unknown) => void>();
  private said: Runtime["provider"] | undefined;
  private latest: HostStats = { sessions: [] };
  private closing: Promise<void> | undefined;

  private constructor(
    private readonly thread: Worker,
    private readonly callbacks: Pick<StoreOptions, "onProgress" | "onLicence">,
    given: {
      readonly store: StoreOptions;
      readonly settle: (error: Error | undefined) => void;
      readonly watchesPower: boolean;
    },
  ) {
    this.watchesPower = given.watchesPower;
    this.store = openStore(given.store);
    this.link = new HostLink(thread, (answer) => this.hear(answer, given.settle));
  }

  /** Starts the thread; resolves when its runtime is there, and rejects as `createRuntime` would. */
  static async start({ store = {}, ...options }: RuntimeOptions): Promise<HostedRuntime> {
    const { onProgress, onLicence, ...plain } = store;
    const task: HostTask = { options: { ...options, store: plain } };
    const thread = new Worker(builtScript(new URL("./host-thread.js", import.meta.url))!, {
      workerData: task,
    });
    let runtime: HostedRuntime | undefined;
    await new Promise<void>((resolve, reject) => {
      thread.once("error", reject);
      const settle = (error: Error | undefined): void => (error === undefined ? resolve() : reject(error));
      const callbacks = { ...(onProgress ? { onProgress } : {}), ...(onLicence ? { onLicence } : {}) };
      runtime = new HostedRuntime(thread, callbacks, {
        store,
        settle,
        watchesPower: options.power !== undefined,
      });
    }).catch(async (error) => {
      await thread.terminate();
      throw error;
    });
    thread.unref();
    return runtime!;
  }

  get provider(): Runtime["provider"] {
    return this.said!;
  }

  async open(model: string | Uint8Array, options: OpenOptions = {}): Promise<Session> {
    const { signal, ...plain } = options;
    if (options.inline === true) {
      throw new RedlineError("PROVIDER_OPTION", {
        what: "inline",
        expected: 'false or "when-short" in a hosted runtime, whose jobs never run on the caller\'s thread',
        received: "true",
      });
    }
    const { id, answered } = this.link.ask<SessionFace>({ ask: "open", model, options: plain });
    const stop = (): void => this.link.tell({ ask: "stop", question: id });
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted === true) stop();
    try {
      const face = await answered;
      return new HostedSession(face, {
        link: this.link,
        nowUs: () => this.clock.nowUs(),
        stats: (name) => this.statsOf(name),
      });
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  /**
   * Loads a module in the host thread and runs its default export, a `HostedWork`.
   *
   * @param module the module's address: `new URL("./work.js", import.meta.url)`
   */
  host(module: URL, { data, onMessage, signal }: HostOptions = {}): WorkUnderWay {
    const { id, answered } = this.link.ask<unknown>({ ask: "work", module: module.href, data });
    if (onMessage !== undefined) this.works.set(id, onMessage);
    const stop = (): void => this.link.tell({ ask: "stop", question: id });
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted === true) stop();
    const finished = answered.finally(() => {
      this.works.delete(id);
      signal?.removeEventListener("abort", stop);
    });
    return { finished, stop };
  }

  /** As last heard of: at most a quarter of a second ago. */
  stats(): HostStats {
    return this.latest;
  }

  setPackageWatts(packageWatts: number): void {
    if (!this.watchesPower) throw withoutPower("BUDGET_INVALID", "power.packageWatts");
    checkPackageWatts(packageWatts);
    this.link.tell({ ask: "package-watts", watts: packageWatts });
  }

  close(): Promise<void> {
    this.closing ??= this.closeHost();
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async closeHost(): Promise<void> {
    try {
      await this.link.ask({ ask: "close" }).answered;
    } catch (error) {
      // A thread that is gone has nothing left to close.
      if (!(error instanceof RedlineError && error.code === "PROVIDER_LOST")) throw error;
    } finally {
      this.link.close();
      await this.thread.terminate();
    }
  }

  private statsOf(name: string): SessionStats {
    const found = this.latest.sessions.findLast(({ session }) => session === name);
    if (found !== undefined) return found;
    throw new RedlineError("SESSION_CLOSED", {
      what: name,
      received: "a session so long closed that its statistics are gone",
    });
  }

  private hear(
    answer: Exclude<Answer, { readonly say: "answer" | "failure" }>,
    settle: (error: Error | undefined) => void,
  ): void {
    switch (answer.say) {
      case "ready":
        this.said = answer.provider;
        settle(undefined);
        break;
      case "unready":
        settle(errorOfRecord(answer.error));
        break;
      case "events":
        for (const event of answer.events) this.events.emit(event);
        break;
      case "stats":
        this.latest = answer.stats;
        break;
      case "message":
        this.works.get(answer.id)?.(answer.message);
        break;
      case "progress":
        this.callbacks.onProgress?.(answer.progress);
        break;
      case "licence":
        this.callbacks.onLicence?.(answer.notice);
        break;
    }
  }
}
