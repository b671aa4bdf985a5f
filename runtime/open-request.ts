// Owns how a caller asks for a session, and what a provider is then asked to open. Opens nothing.

import type { NullOptions, OrtOptions } from "./bindings/addon.js";
import type { Contract } from "./core/contract.js";
import { RedlineError } from "./core/errors.js";
import { LIMITS } from "./core/limits.js";
import type { LadderStep } from "./core/rung.js";
import type { Promising } from "./plans/open-plan.js";
import { profiledVariant } from "./plans/profile-book.js";
import type { GraphOrigin, OpenRequest } from "./providers/provider.js";
import type { StatedShapes } from "./providers/stated-shapes.js";
import type { OpenAsk, PlannedSession } from "./runtime-admission.js";
import type { Manifest } from "./store/manifest.js";

/** What is to be opened, once the store has answered. */
export interface ResolvedModel {
  readonly model: string;
  readonly variant: string;
  readonly graph: string | Uint8Array | null;
  /** Size of the model's file. */
  readonly bytes: number;
  readonly manifest: Manifest | null;
  readonly origin?: GraphOrigin;
}

/** How a model is opened. Everything has a default. */
export interface OpenOptions {
  /** What the session promises. Default: no hurry (see DEFAULT_CONTRACT). */
  readonly contract?: Contract;
  /**
   * `promised`: the session opens only if it is shown that its contract and every other one can be kept, power included; what
   * a model costs is then taken from its profile, or measured shortly at its first open. `best-effort`: it opens without a
   * promise, as `background` where it would disturb one. Default: `promised` with a contract, `best-effort` without one.
   */
  readonly admit?: Promising;
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
   * Threads of one job, its lane's own included. `auto` takes the fewest that leave the deadline room, by profiles or by a
   * few runs on zeros before it opens the session; 1 for a graph that cannot be run so. Default: 1, or under a promise
   * what the plan chooses among the profiles there are.
   */
  readonly threads?: number | "auto";
  /** Options of ONNX Runtime. `threads` takes the place of its `intraOpThreads`. */
  readonly ort?: OrtOptions;
  /**
   * Who runs the model. `program`: fused ops in place of ONNX Runtime, for small models whose ops all have one and that keep
   * to their golden vectors; refused where that is not so. `ort`: ONNX Runtime, whatever else could. `null` runs no model
   * at all: it measures Redline's own overhead, and `null` options say what it pretends. Default: a program for a model that
   * is always on, where options of ONNX Runtime are not given; the `session.load` event says which it is, and why.
   */
  readonly provider?: "ort" | "program" | "null";
  readonly null?: NullOptions;
  /**
   * What becomes of a file that an accuracy gate has refused (`redline eval --gate`): `refuse` throws `MODEL_QUARANTINED`,
   * `open` opens it all the same. Default `refuse`.
   */
  readonly quarantined?: "refuse" | "open";
  /** Stops a download that the open would need. */
  readonly signal?: AbortSignal;
}

/** What a session is opened with, but for who is told of its settlements. */
export type SessionRequest = Omit<OpenRequest, "onSettle">;

/** The request for a resolved model, but for its lane. */
export function requestOf(
  options: OpenOptions,
  given: { resolved: ResolvedModel; slots: number },
): Omit<SessionRequest, "criticality" | "laneIndex"> {
  const { resolved, slots } = given;
  return {
    graph: resolved.graph,
    ...(resolved.origin ? { origin: resolved.origin } : {}),
    slots,
    statedShapes: statedShapesOf(resolved.manifest),
    isInline: options.inline === true,
    ...(options.ort ? { ort: options.ort } : {}),
    ...(options.null ? { null: options.null } : {}),
    ...(options.provider === "ort" || options.provider === "program" ? { only: options.provider } : {}),
  };
}

/** The request on the lane and with the threads that were planned. */
export function asPlanned(
  request: Omit<SessionRequest, "criticality" | "laneIndex">,
  planned: Pick<PlannedSession, "laneClass" | "laneIndex" | "threads" | "spin">,
): SessionRequest {
  const { laneClass, laneIndex, threads, spin } = planned;
  const ort = { ...request.ort, intraOpThreads: threads, spin };
  return { ...request, criticality: laneClass, laneIndex, ort };
}

/** The variant of a resolved model, and which others a plan may open in its place: those of a model named without one. */
export function variantsOf(
  { model, variant, manifest }: ResolvedModel,
  { isNamed }: { readonly isNamed: boolean },
): Pick<OpenAsk, "variant" | "others"> {
  const all = manifest === null ? [] : manifest.variants.map((one) => profiledVariant(manifest, one));
  const label = `${model}@${variant}`;
  const own = all.find(({ id }) => id === variant) ?? { id: variant, label, accuracy: "unknown" as const };
  return { variant: own, others: isNamed ? [] : all.filter((one) => one !== own) };
}

/**
 * What an open asks of admission: without a contract there is nothing to promise.
 *
 * @throws RedlineError `CONTRACT_INVALID`
 */
export function wantsOf(options: {
  readonly contract?: unknown;
  readonly admit?: Promising;
}): OpenAsk["wants"] {
  const { contract, admit = contract === undefined ? "best-effort" : "promised" } = options;
  if (admit !== "promised" && admit !== "best-effort") {
    const received = String(admit);
    throw new RedlineError("CONTRACT_INVALID", {
      what: "admit",
      expected: "promised, best-effort",
      received,
    });
  }
  if (contract !== undefined) return admit;
  if (admit === "best-effort") return "nothing";
  throw new RedlineError("CONTRACT_INVALID", {
    what: "admit",
    expected: "a contract to promise",
    received: "promised, without a contract",
    hint: "give the session a contract, or leave admit out",
  });
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
