// Owns how a caller asks for a session, and what a provider is then asked to open. Opens nothing.

import type { NullOptions, OrtOptions } from "./bindings/addon.js";
import type { Contract, FrozenContract } from "./core/contract.js";
import { RedlineError } from "./core/errors.js";
import { LIMITS } from "./core/limits.js";
import type { LadderStep } from "./core/rung.js";
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

/** How a model is opened. Everything has a default. */
export interface OpenOptions {
  /** What the session promises. Default: no hurry (see DEFAULT_CONTRACT). */
  readonly contract?: Contract;
  /**
   * What the session falls back to, step by step, when the machine cannot give everybody everything: another variant of
   * the model (its id, or `model@id`), another device, a share of the jobs, or none. All variants are opened at once.
   */
  readonly ladder?: readonly LadderStep[];
  /** The session's name in events and statistics. Default: the model's name. */
  readonly name?: string;
  /** Jobs in flight plus outcomes not yet released. Default 3, at most 64. */
  readonly slots?: number;
  /**
   * `true` adds `runSync` on the caller's thread, for jobs under about 100 us. `when-short` lets `run` itself stay on the
   * caller's thread while the median of recent runs is under a millisecond, as waking a lane and hearing of its end
   * costs more than such a job; where there is no addon it means `false`. Default false.
   */
  readonly inline?: boolean | "when-short";
  /**
   * Threads of one job, its lane's own included. `auto` measures a few runs on zeros before it opens the session, and
   * takes more than one while one leaves the deadline too little room; it answers 1 for a graph that cannot be run so.
   * Default 1: least energy, and nothing of the job but its lane can be preempted.
   */
  readonly threads?: number | "auto";
  /** Options of ONNX Runtime. `threads` takes the place of its `intraOpThreads`. */
  readonly ort?: OrtOptions;
  /** `null` runs no model at all: it measures Redline's own overhead. `null` options then say what it pretends. */
  readonly provider?: "null";
  readonly null?: NullOptions;
  /** Stops a download that the open would need. */
  readonly signal?: AbortSignal;
}

/** What a session is opened with, but for who is told of its settlements. */
export type SessionRequest = Omit<OpenRequest, "onSettle">;

/** The request for a resolved model. */
export function requestOf(
  options: OpenOptions,
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
