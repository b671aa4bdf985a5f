// Owns arms in processes of their own: a parent that asks, a child that answers. Knows nothing of what is asked.
// Invariant: a child that ends early rejects every question that is open; none is left waiting.

import { fork } from "node:child_process";
import { once } from "node:events";

/** What an arm's process is started with, and the questions it answers. */
export interface ArmProcess {
  readonly pid: number;
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

/** Starts a compiled module of the bench as a child and waits until it serves. */
export async function startArm(module: string): Promise<ArmProcess> {
  const child = fork(new URL(`../${module}`, import.meta.url), { serialization: "advanced" });
  let settle: { resolve(value: unknown): void; reject(error: Error): void } | undefined;
  const ended = once(child, "exit").then(([code, signal]) => {
    settle?.reject(new Error(`${module} ended with ${signal ?? `status ${code}`}`));
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
    ask: <T>(question: string, payload?: unknown) => {
      const answer = next<T>();
      child.send({ question, payload } satisfies Question);
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
