// Opens that are under way while their runtime closes: all are waited for, none leaves a session behind, each says why.

import { expect, test } from "vitest";
import { OpensUnderWay } from "../../../runtime/sessions/opens-under-way.js";
import type { Session } from "../../../runtime/sessions/session.js";

interface Opening {
  readonly promise: Promise<Session>;
  readonly open: () => void;
  readonly fail: (error: Error) => void;
  readonly closes: () => number;
}

/** An open that settles when the test says so, and how often its session was closed. */
function opening(): Opening {
  let closes = 0;
  const session = { close: async () => void closes++ } as unknown as Session;
  let open = (): void => {};
  let fail = (_error: Error): void => {};
  const promise = new Promise<Session>((resolve, reject) => {
    open = () => resolve(session);
    fail = reject;
  });
  return { promise, open, fail, closes: () => closes };
}

const hasSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  let settled = false;
  const note = (): void => {
    settled = true;
  };
  promise.then(note, note);
  await new Promise(setImmediate);
  return settled;
};

test("an open that is done before the close keeps its session", async () => {
  const opens = new OpensUnderWay();
  const one = opening();

  const opened = opens.run("a model", () => one.promise);
  one.open();
  await opened;
  await opens.end();

  expect(one.closes()).toBe(0);
});

test("the end waits for every open, and closes the session of one that opened all the same", async () => {
  const opens = new OpensUnderWay();
  const [one, other] = [opening(), opening()];
  const opened = opens.run("one", () => one.promise);
  const failed = opens.run("other", () => other.promise);

  const ended = opens.end();

  expect(await hasSettled(ended)).toBe(false);
  one.open();
  await expect(opened).rejects.toMatchObject({ code: "RUNTIME_CLOSED" });
  expect(one.closes()).toBe(1);
  expect(await hasSettled(ended)).toBe(false);
  other.fail(new Error("aborted"));
  await expect(failed).rejects.toMatchObject({ code: "RUNTIME_CLOSED", cause: { message: "aborted" } });
  expect(await hasSettled(ended)).toBe(true);
});

test("what fails before the close is told as it is", async () => {
  const opens = new OpensUnderWay();

  const failed = opens.run("a model", () => Promise.reject(new Error("not there")));

  await expect(failed).rejects.toThrow("not there");
});

test("after the close nothing is opened any more, and the signal says so", async () => {
  const opens = new OpensUnderWay();
  await opens.end();
  let begun = false;

  const refused = opens.run("a model", () => {
    begun = true;
    return opening().promise;
  });

  await expect(refused).rejects.toMatchObject({ code: "RUNTIME_CLOSED" });
  expect([begun, opens.signal.aborted]).toEqual([false, true]);
});
