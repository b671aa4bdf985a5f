// Owns arms in processes of their own: a parent that asks, a child that answers. Knows nothing of what is asked.
// Invariant: a child that ends early rejects every question that is open; none is left waiting.

import { fork } from "node:child_process";
import { once } from "node:events";

/** What an arm's process is started with, and the questions it answers. */
export interface ArmProcess {
  readonly pid: number;
  /** How it ended before it was told to; undefined while it lives. */
  readonly ended: string | undefined;
  /** Asks the child and resolves with its answer, or rejects with its error. One question at a time. */
  ask<Answer>(question: string, payload?: unknown): Promise<Answer>;
  /** Lets the child end by itself, by force after five seconds. */
  close(): Promise<void>;
}

interface Question {
  readonly question: string;
  readonly payload: unknown;
}
type Answer = { readonly answer: unknown } | { readonly error: string };

/** Starts a compiled module of the bench as a child and waits until it serves. `env` is added to the parent's. */
export async function startArm(
  module: string,
  { env = {} }: { readonly env?: Readonly<Record<string, string>> } = {},
): Promise<ArmProcess> {
  const child = fork(new URL(`../${module}`, import.meta.url), {
    serialization: "advanced",
    env: { ...process.env, ...env },
  });
  let settle: { resolve(value: unknown): void; reject(error: Error): void } | undefined;
  let end: string | undefined;
  const ended = once(child, "exit").then(([code, signal]) => {
    end = `${module} ended with ${signal ?? `status ${code}`}`;
    settle?.reject(new Error(end));
  });
  child.on("message", (message: Answer) => {
    if ("error" in message) settle?.reject(new Error(`${module}: ${message.error}`));
    else settle?.resolve(message.answer);
  });
  const next = <T>(): Promise<T> =>
    new Promise((resolve, reject) => {
      settle = { resolve: resolve as (value: unknown) => void, reject };
    });
  await next();
  return {
    pid: child.pid ?? -1,
    get ended() {
      return end;
    },
    ask: <T>(question: string, payload?: unknown) => {
      if (end !== undefined) return Promise.reject(new Error(end));
      const answer = next<T>();
      // A channel that closes under the question is told by the child's end.
      child.send({ question, payload } satisfies Question, () => {});
      return answer;
    },
    close: async () => {
      settle = undefined;
      if (child.connected) child.disconnect();
      const force = setTimeout(() => child.kill("SIGKILL"), 5000);
      await ended;
      clearTimeout(force);
    },
  };
}

/**
 * The child's side: answers questions until the parent hangs up, then cleans up and ends.
 * A handler's error goes to the parent; the child lives on.
 */
export function serveArm(
  handlers: Readonly<Record<string, (payload: never) => Promise<unknown>>>,
  cleanUp: () => Promise<void> = async () => {},
): void {
  const reply = (message: Answer): void => void process.send?.(message);
  process.on("message", async ({ question, payload }: Question) => {
    try {
      const handler = handlers[question];
      if (handler === undefined) throw new Error(`no such question: ${question}`);
      reply({ answer: await handler(payload as never) });
    } catch (error) {
      reply({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  process.once("disconnect", () => {
    void cleanUp().finally(() => process.exit(0));
  });
  reply({ answer: "ready" });
}
