// Owns one file from a web server: an https: source, or a mirror's address. Knows no hash and no disk.
// Invariant: bytes held from an earlier attempt are only added to when the server says that its bytes follow them.

import type { Receiver } from "./receive.js";
import { openWeb, refusalOf } from "./web-fetch.js";

/**
 * Streams the file, or what is missing of it, to the receiver.
 *
 * @throws Error with the HTTP status, the refused redirect or the network's reason
 */
export async function readWeb(
  url: string,
  options: { readonly bytes: number; readonly receiver: Receiver; readonly signal: AbortSignal },
): Promise<void> {
  const { bytes, receiver, signal } = options;
  const web = openWeb(signal);
  try {
    const response = await request(url, { fromByte: receiver.heldBytes, ...web });
    const fromByte = startOf(response, { heldBytes: receiver.heldBytes, bytes });
    if (fromByte === undefined) {
      // The server cannot go on from there, or its file is another one: the whole of it.
      await response.body?.cancel();
      await take(await request(url, { fromByte: 0, ...web }), { fromByte: 0, bytes, receiver });
    } else {
      await take(response, { fromByte, bytes, receiver });
    }
  } finally {
    web.end();
  }
}

async function request(
  url: string,
  { fromByte, fetch }: { fromByte: number; fetch: ReturnType<typeof openWeb>["fetch"] },
): Promise<Response> {
  const range: Record<string, string> = fromByte > 0 ? { range: `bytes=${fromByte}-` } : {};
  const response = await fetch(url, { headers: { "accept-encoding": "identity", ...range } });
  if (response.ok || (fromByte > 0 && response.status === 416)) return response;
  await response.body?.cancel();
  throw new Error(refusalOf(response));
}

/** The byte a response starts at: `heldBytes` when the server goes on, 0 when it sends all, undefined when it does neither. */
function startOf(response: Response, want: { heldBytes: number; bytes: number }): number | undefined {
  if (response.status === 200) return 0;
  const [, first, last, total] =
    /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get("content-range") ?? "") ?? [];
  const isRest =
    Number(first) === want.heldBytes && Number(last) === want.bytes - 1 && Number(total) === want.bytes;
  return response.status === 206 && isRest ? want.heldBytes : undefined;
}

async function take(
  response: Response,
  { fromByte, bytes, receiver }: { fromByte: number; bytes: number; receiver: Receiver },
): Promise<void> {
  const lengthText = response.headers.get("content-length");
  if (
    fromByte === 0 &&
    lengthText !== null &&
    !response.headers.has("content-encoding") &&
    Number(lengthText) !== bytes
  ) {
    throw new Error(`the server offers ${lengthText} bytes, expected ${bytes}`);
  }
  if (response.body === null) throw new Error("the server sent no content");
  await receiver.deliver(response.body as unknown as AsyncIterable<Uint8Array>, { fromByte });
}
