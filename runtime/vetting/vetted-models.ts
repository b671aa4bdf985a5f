// Owns what the store's verdicts say to people: of each verdict, and of each file that has one, an old one or none.
// Invariant: it tries nothing and changes nothing.

import { loadNative, ortPackageVersion } from "../bindings/load.js";
import type { ErrorCode } from "../core/errors.js";
import type { VariantState } from "../store/store.js";
import { type Found, VerdictStore } from "./verdict-store.js";
import { machineFingerprint, surroundingsOf } from "./vetting-key.js";

/** A verdict as `redline models verify` shows it. */
export interface VettedModel extends Omit<Found, "surroundings"> {
  /** Whether it was found by this version of Redline and of ONNX Runtime on this machine; another is never used. */
  readonly isCurrent: boolean;
}

/** How a file stands with vetting: `outdated` has verdicts, of other bytes, versions or machines; `untried` has none. */
export interface FileVetting {
  readonly state: "passed" | "refused" | "outdated" | "untried";
  /** Of a refusal. */
  readonly code?: ErrorCode;
  /** The file to delete to have a refused model tried again. */
  readonly path?: string;
}

/**
 * Every verdict remembered in a store's folder, its graph hashed now.
 *
 * @example
 * const refused = (await vettedModels({ root: openStore().root })).filter(({ state }) => state === "refused");
 */
export async function vettedModels({ root }: { readonly root: string }): Promise<VettedModel[]> {
  const found = await new VerdictStore(root).list();
  const here = found.length === 0 ? "" : hereAndNow();
  return found.map(({ surroundings, ...verdict }) => ({ ...verdict, isCurrent: surroundings === here }));
}

/**
 * How one of the store's files stands with the verdicts.
 *
 * @example
 * const verdicts = await vettedModels({ root: store.root });
 * for (const file of await store.verify()) console.log(file.path, vettingOf(file, verdicts).state);
 */
export function vettingOf(
  file: Pick<VariantState, "model" | "variantId" | "expectedSha256">,
  verdicts: readonly VettedModel[],
): FileVetting {
  const same = verdicts.filter(({ sha256 }) => sha256 === file.expectedSha256);
  const current = same.filter(({ isCurrent, state }) => isCurrent && state !== "damaged");
  if (current.some(({ state }) => state === "passed")) return { state: "passed" };
  const [refused] = current;
  if (refused?.code !== undefined) return { state: "refused", code: refused.code, path: refused.path };
  const label = `${file.model}@${file.variantId}`;
  const isKnown = same.length > 0 || verdicts.some(({ model }) => model === label);
  return { state: isKnown ? "outdated" : "untried" };
}

function hereAndNow(): string {
  const { addon } = loadNative();
  const provider = addon === null ? "ort-node" : "ort";
  try {
    const ortVersion = ortPackageVersion();
    return surroundingsOf({ ortVersion, provider, machine: machineFingerprint(addon?.simd ?? []) });
  } catch {
    // Without ONNX Runtime nothing can be opened here, and no verdict is of any use.
    return "";
  }
}
