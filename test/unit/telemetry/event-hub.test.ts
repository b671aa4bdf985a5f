import { expect, test } from "vitest";
import { eventOf } from "../../../runtime/core/events.js";
import { EventHub } from "../../../runtime/telemetry/event-hub.js";

const event = (jobId: number) => eventOf({ kind: "job.settle", atUs: jobId, jobId });

test("a reader that throws never reaches the emitter and is told nothing more", () => {
  const hub = new EventHub();
  const told: number[] = [];
  hub.subscribe(() => {
    throw new Error("reader's own bug");
  });
  hub.subscribe(({ jobId }) => told.push(jobId));

  hub.emit(event(1));
  hub.emit(event(2));

  expect(told).toEqual([1, 2]);
});

test("a slow poller learns how many events it lost and gets the newest", () => {
  const hub = new EventHub(4);
  const { cursor } = hub.read(0);
  for (let jobId = 1; jobId <= 10; jobId += 1) hub.emit(event(jobId));

  const batch = hub.read(cursor);

  expect(batch.lost).toBe(6);
  expect(batch.events.map(({ jobId }) => jobId)).toEqual([7, 8, 9, 10]);
  expect(hub.read(batch.cursor)).toEqual({ events: [], cursor: 10, lost: 0 });
});
