// Owns what is to happen later in virtual time. Knows no clock but the order of instants.
// Invariant: equal instants ring in the order in which they were set.

interface Timer {
  readonly atUs: number;
  readonly order: number;
  readonly ring: () => void;
}

/** A binary heap of timers. */
export class Timers {
  private readonly heap: Timer[] = [];
  private order = 0;

  /** The next instant; Infinity when there is none. */
  get nextUs(): number {
    return this.heap[0]?.atUs ?? Number.POSITIVE_INFINITY;
  }

  set(atUs: number, ring: () => void): void {
    const timer = { atUs, order: this.order++, ring };
    let place = this.heap.push(timer) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(timer, this.heap[parent]!)) break;
      this.heap[place] = this.heap[parent]!;
      place = parent;
    }
    this.heap[place] = timer;
  }

  /** Rings everything that is due. */
  ring(nowUs: number): void {
    while (this.nextUs <= nowUs) this.pop().ring();
  }

  private pop(): Timer {
    const { heap } = this;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = last;
    return first;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atUs < b.atUs || (a.atUs === b.atUs && a.order < b.order);
}
