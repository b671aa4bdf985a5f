// Owns what a provider is asked to open: the request made of options, contract and a resolved model. Opens nothing.

import type { NullOptions, OrtOptions } from "./bindings/addon.js";
import type { FrozenContract } from "./core/contract.js";
import { RedlineError } from "./core/errors.js";
import { LIMITS } from "./core/limits.js";
import type { GraphOrigin, OpenRequest } from "./providers/provider.js";
import type { StatedShapes } from "./providers/stated-shapes.js";
import type { Manifest } from "./store/manifest.js";

/** What is to be opened, once the store has answered. */
export interface ResolvedModel {
  readonly model: string;
  readonly variant: string;
  readonly graph: string | Uint8Array | null;
  readonly manifest: Manifest | null;
  readonly origin?: GraphOrigin;
}

/** The options of an open that reach the provider as they are. */
interface RequestOptions {
  readonly inline?: boolean | "when-short";
  readonly ort?: OrtOptions;
  readonly null?: NullOptions;
}

/** What a session is opened with, but for who is told of its settlements. */
export type SessionRequest = Omit<OpenRequest, "onSettle">;

/** The request for a resolved model. */
export function requestOf(
  options: RequestOptions,
  given: { resolved: ResolvedModel; contract: FrozenContract; slots: number; laneIndex: number },
): SessionRequest {
  const { resolved, contract, slots, laneIndex } = given;
  return {
    graph: resolved.graph,
    ...(resolved.origin ? { origin: resolved.origin } : {}),
    criticality: contract.criticality,
    laneIndex,
    slots,
    statedShapes: statedShapesOf(resolved.manifest),
    isInline: options.inline === true,
    ...(options.ort ? { ort: options.ort } : {}),
    ...(options.null ? { null: options.null } : {}),
  };
}

/** The same request with so many threads a job. */
export function withThreads<Request extends { readonly ort?: OrtOptions }>(
  request: Request,
  threads: number,
): Request {
  return { ...request, ort: { ...request.ort, intraOpThreads: threads } };
}

function statedShapesOf(manifest: Manifest | null): StatedShapes {
  const tensors = manifest === null ? [] : [...manifest.inputs, ...manifest.outputs];
  return Object.fromEntries(tensors.map(({ name, shape }) => [name, shape]));
}

/**
 * Answers the number of slots if there may be so many.
 *
 * @throws RedlineError `PROVIDER_OPTION`.
 */
export function checkSlots(slots: number): number {
  if (Number.isInteger(slots) && slots >= 1 && slots <= LIMITS.slotsPerSession) return slots;
  throw new RedlineError("PROVIDER_OPTION", {
    what: "slots",
    expected: `a whole number from 1 to ${LIMITS.slotsPerSession}`,
    received: String(slots),
  });
}
