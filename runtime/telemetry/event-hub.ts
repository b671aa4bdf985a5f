// Owns the one sink of events: a bounded ring for readers that poll and a list of readers that are told.
// Knows nothing of what events mean. Invariant: `emit` returns at once and never throws.

import type { EventSink, RedlineEvent } from "../core/events.js";
import { LIMITS } from "../core/limits.js";

/** Told of every event, in order, on the emitting thread. Must return quickly. */
export type EventReader = (event: RedlineEvent) => void;

/** What a poll answers: the events since the cursor, and how many were overwritten before they were read. */
export interface EventBatch {
  readonly events: readonly RedlineEvent[];
  readonly cursor: number;
  readonly lost: number;
}

/**
 * The sink the runtime emits into.
 *
 * @example
 * const hub = new EventHub();
 * let { cursor } = hub.read(0);
 * setInterval(() => ({ cursor } = hub.read(cursor)), 250);
 */
export class EventHub implements EventSink {
  private readonly ring: (RedlineEvent | undefined)[] = [];
  private readonly readers = new Set<EventReader>();
  private emitted = 0;

  constructor(private readonly capacity: number = LIMITS.eventRing) {}

  emit(event: RedlineEvent): void {
    this.ring[this.emitted % this.capacity] = event;
    this.emitted += 1;
    for (const reader of this.readers) {
      try {
        reader(event);
      } catch {
        // A reader that throws would otherwise decide whether a job settles. It is told nothing more.
        this.readers.delete(reader);
      }
    }
  }

  /** Tells `reader` of every later event. Answers a function that stops it. */
  subscribe(reader: EventReader): () => void {
    this.readers.add(reader);
    return () => this.readers.delete(reader);
  }

  /** The events emitted since `cursor` (0 at first) that the ring still holds. */
  read(cursor: number): EventBatch {
    const oldest = Math.max(0, this.emitted - this.capacity);
    const from = Math.max(cursor, oldest);
    const events: RedlineEvent[] = [];
    for (let index = from; index < this.emitted; index += 1) events.push(this.ring[index % this.capacity]!);
    return { events, cursor: this.emitted, lost: from - cursor };
  }
}
