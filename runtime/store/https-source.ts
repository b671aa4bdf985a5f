// Owns https: sources: one file from a web server. Knows no hash and no disk.
// Invariant: no byte is ever taken over a connection that is not https, redirects included.

import type { Deliver } from "./blobs.js";
import type { HttpsSource } from "./source.js";

/** Enough for a release page's hops to its storage; more is a loop. */
const REDIRECTS = 5;
/** A server that has not answered by then is down. */
const ANSWER_TIMEOUT_MS = 30_000;
/** A transfer without one byte for this long has stalled. */
const STALL_TIMEOUT_MS = 60_000;

/**
 * Streams the file to `deliver`.
 *
 * @throws Error with the HTTP status, the refused redirect or the network's reason
 */
export async function readHttps(
  source: HttpsSource,
  options: { readonly bytes: number; readonly deliver: Deliver; readonly signal: AbortSignal },
): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const watchdog = watch(stop);
  try {
    const response = await follow(source.url, { signal, onHop: () => watchdog.restart(ANSWER_TIMEOUT_MS) });
    const lengthText = response.headers.get("content-length");
    if (
      lengthText !== null &&
      !response.headers.has("content-encoding") &&
      Number(lengthText) !== options.bytes
    ) {
      throw new Error(`the server offers ${lengthText} bytes, expected ${options.bytes}`);
    }
    if (response.body === null) throw new Error("the server sent no content");
    await options.deliver(restarting(response.body, () => watchdog.restart(STALL_TIMEOUT_MS)));
  } finally {
    watchdog.end();
    stop.abort();
  }
}

async function follow(
  start: string,
  { signal, onHop }: { signal: AbortSignal; onHop: () => void },
): Promise<Response> {
  let url = start;
  for (let hop = 0; hop <= REDIRECTS; hop++) {
    onHop();
    const response = await fetch(url, {
      redirect: "manual",
      headers: { "accept-encoding": "identity" },
      signal,
    });
    if (response.ok) return response;
    await response.body?.cancel();
    const location = response.headers.get("location");
    if (response.status < 300 || response.status >= 400 || location === null) {
      throw new Error(`HTTP ${response.status} ${response.statusText}`.trimEnd());
    }
    const next = new URL(location, url);
    if (next.protocol !== "https:")
      throw new Error(`HTTP ${response.status} to ${next.protocol}, which is refused`);
    url = next.href;
  }
  throw new Error(`more than ${REDIRECTS} redirects`);
}

async function* restarting(
  body: ReadableStream<Uint8Array>,
  onChunk: () => void,
): AsyncGenerator<Uint8Array> {
  onChunk();
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    onChunk();
    yield chunk;
  }
}

function watch(stop: AbortController): { restart(timeoutMs: number): void; end(): void } {
  let timer: NodeJS.Timeout | undefined;
  return {
    restart(timeoutMs) {
      clearTimeout(timer);
      timer = setTimeout(() => stop.abort(new Error(`no answer for ${timeoutMs} ms`)), timeoutMs);
    },
    end() {
      clearTimeout(timer);
    },
  };
}
