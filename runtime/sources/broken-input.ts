// Owns the errors that sources of every kind share: an input that is not there, and a stream that ends inside a frame.
// Knows no format.

import { RedlineError, reasonOf } from "../core/errors.js";

/** The error of an input that does not exist or cannot be read, with the system's reason. */
export function missingInput(path: string, cause: unknown): RedlineError {
  return new RedlineError("SOURCE_MISSING", {
    what: path,
    received: reasonOf(cause),
    hint: "check the path and the permissions",
    cause,
  });
}

/** The error of a stream that ends inside frame `id`. */
export function cutFrame(
  name: string,
  facts: { readonly id: number; readonly expectedBytes: number; readonly receivedBytes: number },
): RedlineError {
  return new RedlineError("SOURCE_TRUNCATED", {
    what: `${name}, frame ${facts.id}`,
    expected: `${facts.expectedBytes} bytes`,
    received: `${facts.receivedBytes} bytes`,
    hint: `the ${facts.id} frames before it are whole and were delivered`,
  });
}
