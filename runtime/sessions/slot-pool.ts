// Owns which of a session's slots are free. Knows no memory.
// Invariant: a slot is held by at most one owner; giving one back twice has no effect.

/** Hands out slot indices, the most recently used first: its memory is the warmest. */
export class SlotPool {
  private readonly free: number[];
  private readonly held: boolean[];
  private leaver: (() => void) | undefined;

  constructor(count: number) {
    this.free = Array.from({ length: count }, (_, index) => count - 1 - index);
    this.held = new Array<boolean>(count).fill(false);
  }

  /** A free slot's index, or -1 when every slot is held. */
  take(): number {
    const index = this.free.pop();
    if (index === undefined) return -1;
    this.held[index] = true;
    return index;
  }

  /** Whether nobody holds a slot. */
  get isFree(): boolean {
    return this.free.length === this.held.length;
  }

  giveBack(index: number): void {
    if (!this.held[index]) return;
    this.held[index] = false;
    this.free.push(index);
    if (this.isFree) this.leave();
  }

  /** Calls `leave` once, as soon as nobody holds a slot. For a pool out of which nothing is taken any more. */
  whenFree(leave: () => void): void {
    this.leaver = leave;
    if (this.isFree) this.leave();
  }

  private leave(): void {
    const leaver = this.leaver;
    this.leaver = undefined;
    leaver?.();
  }
}
