// Owns hf: sources: one file of one revision of a model repository, through the hub's own client. Knows no hash of ours.
// Invariant: what is read is named by a commit; a branch or tag is turned into one before the first byte.

import { LIMITS } from "../core/limits.js";
import type { Receiver } from "./receive.js";
import { type HfSource, spellSource } from "./source.js";
import { openWeb, type WebFetch } from "./web-fetch.js";

const COMMIT = /^[0-9a-f]{40}$/;

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
  const hub = {
    ...hubOf(process.env),
    fetch: ((url, init = {}) => answer(web, String(url), init)) as typeof fetch,
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
async function answer(web: WebFetch, url: string, init: RequestInit): Promise<Response> {
  const response = await web.fetch(url, init);
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

function hubOf(env: Readonly<Record<string, string | undefined>>): { hubUrl?: string; accessToken?: string } {
  const { HF_ENDPOINT, HF_TOKEN } = env;
  const endpoint = HF_ENDPOINT?.replace(/\/+$/, "");
  if (endpoint && !/^https?:\/\//.test(endpoint)) {
    throw new Error(`HF_ENDPOINT is no http or https address: ${endpoint}`);
  }
  const isPrivate =
    !endpoint || endpoint.startsWith("https:") || /^http:\/\/(127\.|localhost[:/]?|\[::1\])/.test(endpoint);
  return {
    ...(endpoint ? { hubUrl: endpoint } : {}),
    ...(HF_TOKEN && isPrivate ? { accessToken: HF_TOKEN } : {}),
  };
}
