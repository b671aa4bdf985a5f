// Owns finding the Silero models for tests: in the store, fetched there once like a user's.

import { openStore, type ResolvedModel } from "../../runtime/store/store.js";

/** A Silero model's checked file and manifest. */
export async function findSilero(
  model: "silero-vad" | "silero-vad-v6" = "silero-vad",
): Promise<ResolvedModel> {
  const store = openStore();
  try {
    return await store.resolve(model);
  } finally {
    await store.close();
  }
}
