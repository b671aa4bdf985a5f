// Owns waiting for a source's next item, or for the word to stop waiting. Knows no item.
// Invariant: a source that is silent for ever holds nobody whose signal has fired.

/** The next item, or undefined when the signal fires first. The source's answer is then left behind. */
export async function nextUnlessAborted<T>(
  items: AsyncIterator<T>,
  signal: AbortSignal | undefined,
): Promise<IteratorResult<T> | undefined> {
  if (signal === undefined) return items.next();
  if (signal.aborted) return undefined;
  let onAbort = (): void => {};
  const aborted = new Promise<undefined>((resolve) => {
    onAbort = () => resolve(undefined);
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([items.next(), aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
