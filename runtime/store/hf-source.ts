// Owns hf: sources: one file of one revision of a model repository, through the hub's own client. Knows no hash of ours.
// Invariant: what is read is named by a commit, a branch or tag being turned into one first; the token goes to the hub alone.

import { LIMITS } from "../core/limits.js";
import type { Receiver } from "./receive.js";
import { type HfSource, spellSource } from "./source.js";
import { openWeb, refusalOf } from "./web-fetch.js";

const COMMIT = /^[0-9a-f]{40}$/;
const PUBLIC_HUB = "https://huggingface.co";
/** What of a refusal's body is read: the hub's own words fit well within. */
const WORDS_BYTES = 4096;

/**
 * Streams the file, or what is missing of it, to the receiver. The hub is $HF_ENDPOINT, else the public one; $HF_TOKEN
 * goes to it, over https or to this machine only.
 *
 * @returns the source with its revision as a commit
 * @throws Error with the hub's or the network's reason
 */
export async function readHf(
  source: HfSource,
  given: { readonly bytes: number; readonly receiver: Receiver; readonly signal: AbortSignal },
): Promise<string> {
  const { bytes, receiver, signal } = given;
  const { downloadFile, modelInfo } = await import("@huggingface/hub");
  const web = openWeb(signal);
  const { hubUrl, ...credentials } = hubOf(process.env);
  const ask = async (url: string, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers);
    // The client hands the token on to the address a content network answered from.
    if (new URL(url).origin !== new URL(hubUrl).origin) headers.delete("authorization");
    const response = await web.fetch(url, { ...init, headers });
    const isAbsent = response.status === 404 && response.headers.get("x-error-code") === "EntryNotFound";
    if (!response.ok && !isAbsent) throw await refused(response, source);
    if (headers.get("range") === "bytes=0-0" && !tellsSize(response)) {
      await response.body?.cancel();
      throw new Error(`${hubUrl} answers no ranges: the hub's client cannot read from it`);
    }
    return bounded(url, response);
  };
  const hub = {
    hubUrl,
    ...credentials,
    fetch: ((url, init = {}) => ask(String(url), init)) as typeof fetch,
  };
  try {
    const revision = COMMIT.test(source.revision)
      ? source.revision
      : (
          await modelInfo({
            name: source.repository,
            revision: source.revision,
            additionalFields: ["sha"],
            ...hub,
          })
        ).sha;
    if (!COMMIT.test(revision)) throw new Error(`the hub answers no commit for ${source.revision}`);
    const { repository, file } = source;
    // The xet protocol asks further servers and assembles in memory; plain ranges resume and stay within one server.
    const blob = await downloadFile({ repo: repository, path: file, revision, xet: false, ...hub });
    if (blob === null) throw new Error(`${repository} holds no file ${file} at ${revision}`);
    if (blob.size !== bytes) throw new Error(`the hub offers ${blob.size} bytes, expected ${bytes}`);
    const fromByte = receiver.heldBytes;
    const rest = fromByte > 0 ? blob.slice(fromByte) : blob;
    await receiver.deliver(rest.stream() as unknown as AsyncIterable<Uint8Array>, { fromByte });
    return spellSource({ ...source, revision });
  } finally {
    web.end();
  }
}

/** A file is bounded by its manifest's size; what the hub says about a model is read whole, and bounded here. */
function bounded(url: string, response: Response): Response {
  if (response.body === null || !/\/api\//.test(new URL(url).pathname)) return response;
  let receivedBytes = 0;
  const counting = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      receivedBytes += chunk.length;
      if (receivedBytes <= LIMITS.hubAnswerBytes) controller.enqueue(chunk);
      else controller.error(new Error(`the hub's answer is over ${LIMITS.hubAnswerBytes} bytes`));
    },
  });
  const { status, statusText, headers } = response;
  return new Response(response.body.pipeThrough(counting), { status, statusText, headers: [...headers] });
}

function hubOf(env: Readonly<Record<string, string | undefined>>): { hubUrl: string; accessToken?: string } {
  const { HF_ENDPOINT, HF_TOKEN } = env;
  const hubUrl = HF_ENDPOINT?.replace(/\/+$/, "") || PUBLIC_HUB;
  if (!URL.canParse(hubUrl) || !/^https?:$/.test(new URL(hubUrl).protocol)) {
    throw new Error(`HF_ENDPOINT is no http or https address: ${hubUrl}`);
  }
  return { hubUrl, ...(HF_TOKEN && mayCarryToken(hubUrl) ? { accessToken: HF_TOKEN } : {}) };
}

/** Whether nobody on the way can read what is sent: over https, or to this machine. */
function mayCarryToken(hubUrl: string): boolean {
  const { protocol, hostname } = new URL(hubUrl);
  return (
    protocol === "https:" ||
    hostname === "localhost" ||
    hostname === "[::1]" ||
    /^127\.[\d.]+$/.test(hostname)
  );
}

/** The client learns a file's size from the answer to a range of one byte, or from the words of the xet protocol. */
function tellsSize({ status, headers }: Response): boolean {
  return status === 404 || headers.has("content-range") || headers.has("x-linked-size");
}

/** What the hub says when it refuses, and what can be done about it. */
async function refused(response: Response, { repository }: HfSource): Promise<Error> {
  const { status } = response;
  const words = response.headers.get("x-error-message") ?? (await ownWords(response));
  const { HF_TOKEN, HF_ENDPOINT } = process.env;
  const isWithheld = HF_TOKEN && HF_ENDPOINT && !mayCarryToken(HF_ENDPOINT);
  const advice =
    status === 401 && isWithheld
      ? "HF_TOKEN is not sent over plain http to another machine"
      : status === 401
        ? `set HF_TOKEN to a token that may read ${repository}`
        : status === 403
          ? `${repository} may ask its readers to accept its terms, on its page, with the account of HF_TOKEN`
          : undefined;
  const parts = [`${refusalOf(response)}${words === "" ? "" : `: ${words}`}`, ...(advice ? [advice] : [])];
  return new Error(parts.join("; "));
}

/** The reason in a refusal's body, which is JSON when it is the hub's own; empty when there is none. */
async function ownWords(response: Response): Promise<string> {
  const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
  if (!isJson) await response.body?.cancel();
  if (!isJson || response.body === null) return "";
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    parts.push(chunk);
    bytes += chunk.length;
    if (bytes > WORDS_BYTES) return "";
  }
  try {
    const { error } = JSON.parse(Buffer.concat(parts).toString("utf8")) as { error?: unknown };
    return typeof error === "string" ? error : "";
  } catch {
    return "";
  }
}
