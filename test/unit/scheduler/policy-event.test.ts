import { expect, test } from "vitest";
import { EVENT_KINDS } from "../../../runtime/core/events.js";
import { freezeLadder } from "../../../runtime/core/rung.js";
import { laneEvent, modeEvent, moveEvent } from "../../../runtime/scheduler/policy-event.js";

test("a move says from where to where, why, and with which numbers", () => {
  const [from, to] = freezeLadder([{ rate: 0.5 }], {
    plan: { variant: "fp32", device: "cpu" },
    variants: [{ id: "fp32", inputElements: 1 }],
    devices: ["cpu"],
  });

  const event = moveEvent(
    {
      sessionId: 3,
      from: from!,
      to: to!,
      cause: "power",
      because: "1.20 W over 8.00 W (estimated)",
      atUs: 70,
    },
    "road",
  );

  expect(event).toMatchObject({ kind: "ladder.move", atUs: 70, session: "road" });
  expect(event.detail).toBe("rung 0 (as planned) to 1 (rate 0.5): power, 1.20 W over 8.00 W (estimated)");
});

test("a mode and a replaced lane are told in words, under kinds of the event table", () => {
  const hung = laneEvent({ criticality: "interactive", laneIndex: 1, atUs: 3 });
  const events = [modeEvent("protected", 1), modeEvent("normal", 2), hung];

  expect(events.map(({ detail }) => detail)).toEqual([
    "protected: a critical job overran its WCET, lower classes are suspended",
    "normal: critical jobs are within their WCET again",
    "interactive lane 1 did not stop within its grace",
  ]);
  for (const { kind } of events) expect(EVENT_KINDS).toHaveProperty([kind]);
});
