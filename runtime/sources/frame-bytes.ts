// Owns exact reads from a stream of chunks: "the next n bytes", "the next line". Knows no format.
// Invariant: holds at most one chunk beyond what was asked for, so a stream of any length needs constant memory.

/** Reads whole records from a byte stream, and says how much was there when one is cut short. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #offset = 0;

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** Fills `target` and answers how many bytes were read: fewer than its length only at the end of the stream. */
  async fill(target: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < target.length) {
      if (this.#offset === this.#chunk.length && !(await this.#advance())) break;
      const count = Math.min(target.length - filled, this.#chunk.length - this.#offset);
      target.set(this.#chunk.subarray(this.#offset, this.#offset + count), filled);
      this.#offset += count;
      filled += count;
    }
    return filled;
  }

  /**
   * The next line as Latin-1 text, without its newline. `isWhole` is false when the stream ended, or `maxBytes` were
   * read, before a newline came.
   */
  async line(maxBytes: number): Promise<{ readonly text: string; readonly isWhole: boolean }> {
    let text = "";
    while (text.length < maxBytes) {
      if (this.#offset === this.#chunk.length && !(await this.#advance())) break;
      const byte = this.#chunk[this.#offset++] ?? 0;
      if (byte === 0x0a) return { text, isWhole: true };
      text += String.fromCharCode(byte);
    }
    return { text, isWhole: false };
  }

  /** Lets go of the stream. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #advance(): Promise<boolean> {
    const next = await this.#chunks.next();
    if (next.done) return false;
    this.#chunk = next.value;
    this.#offset = 0;
    return this.#chunk.length > 0 || this.#advance();
  }
}
