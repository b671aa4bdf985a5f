// Owns streams that remember what was written to them, standing in for stdout and stderr.

import { Writable } from "node:stream";

export class MemoryStream extends Writable {
  text = "";

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }

  /** Each line as the object it holds. */
  get objects(): Record<string, unknown>[] {
    return this.text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}

export function memoryStreams(): { out: MemoryStream; err: MemoryStream } {
  return { out: new MemoryStream(), err: new MemoryStream() };
}
