// Owns the line to a host thread: questions and their answers, and what becomes of them when the thread ends.
// Knows no session. Invariant: an answered question is forgotten; none outlives the thread it was asked of.

import type { Worker } from "node:worker_threads";
import { RedlineError, reasonOf } from "../core/errors.js";
import { type Answer, errorOfRecord, type Question } from "./messages.js";

type Identified = Extract<Question, { readonly id: number }>;
type WithoutId<Q> = Q extends unknown ? Omit<Q, "id"> : never;

interface Waiting {
  readonly answer: (value: unknown) => void;
  readonly fail: (error: unknown) => void;
}

/** A host thread that can be asked. */
export class HostLink {
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;
  private lost: RedlineError | undefined;

  /** @param hear told of everything that is no answer to a question */
  constructor(
    private readonly thread: Worker,
    hear: (answer: Exclude<Answer, { readonly say: "answer" | "failure" }>) => void,
  ) {
    thread.on("message", (answer: Answer) => {
      if (answer.say === "answer") this.take(answer.id)?.answer(answer.value);
      else if (answer.say === "failure") this.take(answer.id)?.fail(errorOfRecord(answer.error));
      else hear(answer);
    });
    thread.on("error", (error) => this.lose(lostBecause(error)));
    thread.on("exit", () => this.lose(lostBecause(undefined)));
  }

  /** Asks; `answered` rejects with the host's own error, or `PROVIDER_LOST` when the thread ends first. */
  ask<Value>(
    question: WithoutId<Identified>,
    transfer: readonly ArrayBuffer[] = [],
  ): { readonly id: number; readonly answered: Promise<Value> } {
    this.lastId += 1;
    const id = this.lastId;
    if (this.lost !== undefined) return { id, answered: Promise.reject(this.lost) };
    const answered = new Promise<unknown>((answer, fail) => this.waiting.set(id, { answer, fail }));
    try {
      this.thread.postMessage({ ...question, id } as Question, [...transfer]);
      this.holdProcess();
    } catch (cause) {
      // What no message can hold is no tensor and no option: a function, a socket.
      this.take(id)?.fail(
        new RedlineError("INPUT_DTYPE", { what: reasonOf(cause), expected: "plain data", cause }),
      );
    }
    return { id, answered: answered as Promise<Value> };
  }

  /** Says what needs no answer; into a line that is gone it says nothing. */
  tell(question: Exclude<Question, Identified>): void {
    if (this.lost === undefined) this.thread.postMessage(question);
  }

  /** Nothing is asked any more: what still is answers `RUNTIME_CLOSED`. */
  close(): void {
    this.lose(new RedlineError("RUNTIME_CLOSED", { what: "the hosted runtime", hint: "create it again" }));
  }

  private take(id: number): Waiting | undefined {
    const found = this.waiting.get(id);
    this.waiting.delete(id);
    this.holdProcess();
    return found;
  }

  /** Like a runtime on this thread: the process stays while something is under way, and not a moment longer. */
  private holdProcess(): void {
    if (this.waiting.size > 0) this.thread.ref();
    else this.thread.unref();
  }

  private lose(error: RedlineError): void {
    this.lost ??= error;
    for (const { fail } of this.waiting.values()) fail(this.lost);
    this.waiting.clear();
  }
}

function lostBecause(cause: unknown): RedlineError {
  return new RedlineError("PROVIDER_LOST", {
    what: "the thread of the hosted runtime",
    ...(cause === undefined ? {} : { cause, received: reasonOf(cause) }),
    hint: "create the runtime again",
  });
}
