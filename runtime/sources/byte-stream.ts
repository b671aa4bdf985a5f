// Owns reading bytes piece by piece from any stream of buffers. Knows no format.
// Invariant: memory holds at most one incoming buffer and the bytes of one request.

/** A pull reader over a stream of buffers. */
export class ByteStream {
  readonly #buffers: AsyncIterator<Uint8Array>;
  #current: Uint8Array = new Uint8Array(0);
  #isEnded = false;

  constructor(buffers: AsyncIterable<Uint8Array>) {
    this.#buffers = buffers[Symbol.asyncIterator]();
  }

  /** Bytes that have arrived and were not asked for yet. */
  get waitingBytes(): number {
    return this.#current.length;
  }

  /** The next `bytes` bytes, or fewer at the end of the stream. */
  async read(bytes: number): Promise<Uint8Array> {
    if (this.#current.length >= bytes) return this.#take(bytes);
    const parts: Uint8Array[] = [];
    let missing = bytes;
    while (missing > 0 && (await this.#arrive())) {
      const part = this.#take(Math.min(missing, this.#current.length));
      parts.push(part);
      missing -= part.length;
    }
    return parts.length === 1 ? parts[0]! : concatenate(parts, bytes - missing);
  }

  /** Fills `target` and answers how many bytes were read: fewer than its length only at the end of the stream. */
  async fill(target: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < target.length && (await this.#arrive())) {
      const part = this.#take(Math.min(target.length - filled, this.#current.length));
      target.set(part, filled);
      filled += part.length;
    }
    return filled;
  }

  /**
   * The next line as Latin-1 text, without its newline. `isWhole` is false when the stream ended, or `maxBytes` were
   * read, before a newline came.
   */
  async line(maxBytes: number): Promise<{ readonly text: string; readonly isWhole: boolean }> {
    let text = "";
    while (text.length < maxBytes && (await this.#arrive())) {
      const seen = this.#current.subarray(0, maxBytes - text.length);
      const newline = seen.indexOf(0x0a);
      const isWhole = newline >= 0;
      text += latin1(this.#take(isWhole ? newline : seen.length));
      if (!isWhole) continue;
      this.#take(1);
      return { text, isWhole };
    }
    return { text, isWhole: false };
  }

  /** What has arrived, at most `bytes`, waiting only when there is nothing. Empty at the end of the stream. */
  async readArrived(bytes: number): Promise<Uint8Array> {
    await this.#arrive();
    return this.#take(Math.min(bytes, this.#current.length));
  }

  /** The next `bytes` bytes without taking them, or fewer at the end of the stream. */
  async peek(bytes: number): Promise<Uint8Array> {
    const seen = await this.read(bytes);
    this.#current = concatenate([seen, this.#current], seen.length + this.#current.length);
    return seen;
  }

  /** Passes over `bytes` bytes and answers how many there were. */
  async skip(bytes: number): Promise<number> {
    let missing = bytes;
    while (missing > 0 && (await this.#arrive())) {
      missing -= this.#take(Math.min(missing, this.#current.length)).length;
    }
    return bytes - missing;
  }

  /** Lets go of the stream. */
  async close(): Promise<void> {
    this.#current = new Uint8Array(0);
    this.#isEnded = true;
    await this.#buffers.return?.();
  }

  async #arrive(): Promise<boolean> {
    while (this.#current.length === 0 && !this.#isEnded) {
      const next = await this.#buffers.next();
      if (next.done === true) this.#isEnded = true;
      else this.#current = next.value;
    }
    return this.#current.length > 0;
  }

  #take(bytes: number): Uint8Array {
    const taken = this.#current.subarray(0, bytes);
    this.#current = this.#current.subarray(bytes);
    return taken;
  }
}

function latin1({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString("latin1");
}

function concatenate(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
