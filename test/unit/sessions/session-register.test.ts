// The register of a runtime's sessions: names of their own, and a bounded memory of the closed ones.

import { expect, test } from "vitest";
import { LIMITS } from "../../../runtime/core/limits.js";
import type { Session, SessionStats } from "../../../runtime/sessions/session.js";
import { SessionRegister } from "../../../runtime/sessions/session-register.js";

/** A session as far as the register looks at it. */
function sessionNamed(name: string): Session {
  return { name, stats: () => ({ session: name }) as SessionStats } as Session;
}

function openAndClose(register: SessionRegister, wanted: string): string {
  const session = sessionNamed(register.claim(wanted));
  register.add(session);
  register.close(session);
  return session.name;
}

const namesOf = (register: SessionRegister): string[] => register.stats().map(({ session }) => session);

test("sessions of one name are numbered, also while the first is still opening", () => {
  const register = new SessionRegister();

  const names = [register.claim("road"), register.claim("road"), register.claim("road")];

  expect(names).toEqual(["road", "road#2", "road#3"]);
});

test("a number that a caller has used as a name is passed over", () => {
  const register = new SessionRegister();
  register.claim("road#2");

  const names = [register.claim("road"), register.claim("road"), register.claim("road#2")];

  expect(names).toEqual(["road", "road#3", "road#2#2"]);
});

test("a name that did not open may be taken again", () => {
  const register = new SessionRegister();
  register.forget(register.claim("road"));

  expect(register.claim("road")).toBe("road");
});

test("a session that closed without a job is remembered until its name is wanted again", () => {
  const register = new SessionRegister();
  const idle = { name: register.claim("road"), stats: () => ({ session: "road", n: 0 }) };
  register.add(idle as unknown as Session);

  register.close(idle as unknown as Session);

  expect(namesOf(register)).toEqual(["road"]);
  expect(register.claim("road")).toBe("road");
  expect(namesOf(register)).toEqual([]);
  expect(register.claim("road")).toBe("road#2");
});

test("statistics list the last closed sessions, then the open ones, and no more than the limit", () => {
  const register = new SessionRegister(2);
  const open = sessionNamed(register.claim("voice"));
  register.add(open);

  for (let count = 0; count < 4; count += 1) openAndClose(register, "road");

  expect(namesOf(register)).toEqual(["road#3", "road#4", "voice"]);
});

test("a closed session's statistics are those of its close", () => {
  const register = new SessionRegister();
  const session = { name: register.claim("road"), n: 1, stats: () => ({ n: session.n }) };
  register.add(session as unknown as Session);

  register.close(session as unknown as Session);
  session.n = 2;

  expect(register.stats()).toEqual([{ n: 1 }]);
});

test("a name is not given again while a session that had it is remembered", () => {
  const register = new SessionRegister(3);

  const names = Array.from({ length: 1000 }, () => openAndClose(register, "road"));

  expect(new Set(names).size).toBe(1000);
  expect(namesOf(register)).toEqual(["road#998", "road#999", "road#1000"]);
});

test("nothing grows with the sessions that have come and gone", () => {
  const register = new SessionRegister();

  for (let count = 0; count < 5000; count += 1)
    openAndClose(register, count % 2 === 0 ? "road" : `n${count}`);

  const { closedStats, names, series } = register as unknown as Record<string, Iterable<unknown>>;
  const sizes = [closedStats, names, series].map((kept) => [...kept!].length);
  for (const size of sizes) expect(size).toBeLessThanOrEqual(LIMITS.closedSessions);
});
