// Owns a web server of blobs that a test can throttle, cut and make forget ranges, and that counts what it sent.
// Knows no store.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

export interface BlobServer {
  readonly url: string;
  /** Every request, oldest first. */
  readonly requests: readonly {
    readonly path: string;
    readonly range: string | undefined;
    sentBytes: number;
  }[];
  /** What the next answers do. */
  behave(how: Behaviour): void;
  close(): Promise<void>;
}

export interface Behaviour {
  /** Stops after this many bytes of the file, counted from its start: by a reset, an early end, or silence. */
  readonly cutAt?: number;
  readonly cutBy?: "reset" | "end" | "silence";
  /** Serves the whole file whatever range was asked for. */
  readonly forgetsRanges?: boolean;
  /** Answers a range with bytes of another place. */
  readonly shiftsRanges?: boolean;
  /** Pause after each piece, in milliseconds. */
  readonly pieceMs?: number;
}

const PIECE_BYTES = 8192;

/** Serves `files` by path. */
export async function startBlobServer(files: ReadonlyMap<string, Uint8Array>): Promise<BlobServer> {
  let behaviour: Behaviour = {};
  const requests: { path: string; range: string | undefined; sentBytes: number }[] = [];
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = request.url ?? "";
    const note = { path: at, range: request.headers.range, sentBytes: 0 };
    requests.push(note);
    const file = files.get(at);
    if (file === undefined) {
      response.writeHead(404).end();
      return;
    }
    const { cutAt = Number.POSITIVE_INFINITY, cutBy, forgetsRanges, shiftsRanges, pieceMs = 0 } = behaviour;
    const asked = forgetsRanges ? undefined : /^bytes=(\d+)-(\d*)$/.exec(note.range ?? "");
    const from = asked ? Math.max(0, Number(asked[1]) - (shiftsRanges ? 100 : 0)) : 0;
    const to = asked?.[2] ? Math.min(file.length, Number(asked[2]) + 1) : file.length;
    const range = { "content-range": `bytes ${from}-${to - 1}/${file.length}` };
    response.writeHead(asked ? 206 : 200, {
      "content-length": to - from,
      "accept-ranges": "bytes",
      etag: '"fixed"',
      ...(asked ? range : {}),
    });
    response.flushHeaders();
    for (let position = from; position < to && !response.destroyed; ) {
      const end = Math.min(position + PIECE_BYTES, to, Math.max(cutAt, position));
      if (end > position) {
        await new Promise((sent) => response.write(file.subarray(position, end), sent));
        note.sentBytes += end - position;
      }
      position = end;
      if (position >= cutAt && position < to) return cut(response, cutBy ?? "reset");
      if (pieceMs > 0) await new Promise((resolve) => setTimeout(resolve, pieceMs));
    }
    response.end();
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    behave(how) {
      behaviour = how;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function cut(response: ServerResponse, how: "reset" | "end" | "silence"): void {
  const socket = response.socket as Socket | null;
  // What was written must arrive before the reset does, or the offset would be another one.
  if (how === "reset") setTimeout(() => socket?.resetAndDestroy(), 5);
  else if (how === "end") socket?.end();
}
