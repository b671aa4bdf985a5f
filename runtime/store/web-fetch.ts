// Owns one request to the web as the store makes it: the user's proxy, refused downgrades, no wait without an end.
// Knows no hash and no disk. Invariant: a request that began over https never goes on over anything else.

import { RedlineError } from "../core/errors.js";

/** Enough for a release page's hops to its storage; more is a loop. */
const REDIRECTS = 5;
/** A server that has not answered by then is down. */
const ANSWER_TIMEOUT_MS = 30_000;
/** A transfer without one byte for this long has stalled. */
const STALL_TIMEOUT_MS = 60_000;

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Makes requests until it is ended; then nothing of them is left open. */
export interface WebFetch {
  /** As the platform's own, with the rules above. */
  readonly fetch: Fetch;
  end(): void;
}

/** @param signal ends every request */
export function openWeb(signal: AbortSignal): WebFetch {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const watchdog = watch(stop);
  let line: Promise<Line> | undefined;
  return {
    fetch: async (url, init) => {
      line ??= openLine();
      const { request } = await line;
      const onHop = () => watchdog.restart(ANSWER_TIMEOUT_MS);
      const response = await follow(url, { ...init, signal: both }, { request, onHop });
      watchdog.restart(STALL_TIMEOUT_MS);
      return watched(response, () => watchdog.restart(STALL_TIMEOUT_MS));
    },
    end() {
      watchdog.end();
      stop.abort();
      line?.then(({ end }) => end()).catch(() => {});
    },
  };
}

/** A way to the web, and its end. */
interface Line {
  readonly request: Fetch;
  readonly end: () => void;
}

/** What `fetch` threw, with the network's own reason: it says only "fetch failed" and keeps the reason as the cause. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof RedlineError || !(error.cause instanceof Error)) return error.message;
  const code = "code" in error.cause && !error.cause.message ? String(error.cause.code) : "";
  return `${error.message}: ${error.cause.message || code}`;
}

/** A refusal in words: its status, and for how long the server asks to wait. */
export function refusalOf({ status, statusText, headers }: Response): string {
  const words = `HTTP ${status} ${statusText}`.trimEnd();
  const after = headers.get("retry-after") ?? "";
  // A number of seconds, or a date.
  const seconds = /^\d+$/.test(after) ? Number(after) : Math.ceil((Date.parse(after) - Date.now()) / 1000);
  return seconds > 0 ? `${words}, try again in ${seconds} s` : words;
}

async function follow(
  start: string,
  init: RequestInit,
  { request, onHop }: { request: Fetch; onHop: () => void },
): Promise<Response> {
  const headers = new Headers(init.headers);
  let url = start;
  for (let hop = 0; hop <= REDIRECTS; hop++) {
    onHop();
    const response = await request(url, { ...init, headers, redirect: "manual" });
    const location = response.headers.get("location");
    if (response.status < 300 || response.status >= 400 || location === null) return response;
    await response.body?.cancel();
    const next = new URL(location, url);
    if (next.protocol !== "https:" && !(next.protocol === "http:" && url.startsWith("http:")))
      throw new Error(`HTTP ${response.status} to ${next.protocol}, which is refused`);
    // What was meant for one server is not for another.
    if (next.origin !== new URL(url).origin) headers.delete("authorization");
    url = next.href;
  }
  throw new Error(`more than ${REDIRECTS} redirects`);
}

/**
 * The platform's fetch, or undici's own behind the proxy of HTTPS_PROXY, HTTP_PROXY and NO_PROXY: the platform honours
 * them only from Node 24 on, and only when told to.
 */
async function openLine(): Promise<Line> {
  const { HTTPS_PROXY, https_proxy, HTTP_PROXY, http_proxy, NO_PROXY, no_proxy } = process.env;
  // An empty variable is one that is not set; undici takes it for an answer.
  const httpProxy = http_proxy || HTTP_PROXY || "";
  const httpsProxy = https_proxy || HTTPS_PROXY || "";
  if (httpProxy === "" && httpsProxy === "") return { request: fetch, end: () => {} };
  const { EnvHttpProxyAgent, fetch: proxied } = await import("undici");
  const dispatcher = new EnvHttpProxyAgent({ httpProxy, httpsProxy, noProxy: no_proxy || NO_PROXY || "" });
  return {
    request: (url, init) =>
      (proxied as unknown as Fetch)(url, { ...init, dispatcher } as unknown as RequestInit),
    end: () => void dispatcher.destroy(),
  };
}

/** The same response, whose body reports every piece. */
function watched(response: Response, onChunk: () => void): Response {
  const { body, status, statusText, headers, url } = response;
  if (body === null) return response;
  const noting = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      onChunk();
      controller.enqueue(chunk);
    },
  });
  const copy = new Response(body.pipeThrough(noting), { status, statusText, headers: [...headers] });
  Object.defineProperty(copy, "url", { value: url });
  return copy;
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
