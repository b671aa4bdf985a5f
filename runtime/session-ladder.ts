// Owns what a session's ladder stands on: the variants of its model, their sizes, and whether it carries state.
// Knows no provider and no cost. Invariant: a ladder that cannot be stood on is refused before anything is opened.

import { RedlineError } from "./core/errors.js";
import { freezeLadder, type LadderStep, type Rung } from "./core/rung.js";
import { elementCount, type TensorSpec } from "./core/tensor.js";
import type { ResolvedModel } from "./open-request.js";

/** Devices a rung may name: graphs run on the processor until a provider offers another. */
const DEVICES = ["cpu"] as const;

/** The steps with `model@variant` as `variant`. */
export function stepsFor(model: string, steps: readonly LadderStep[]): readonly LadderStep[] {
  const prefix = `${model}@`;
  return steps.map((step) =>
    typeof step === "string" && step.startsWith(prefix) ? step.slice(prefix.length) : step,
  );
}

/** The variants besides the plan's that a ladder names, each once. */
export function variantsBelow({ model, variant }: ResolvedModel, steps: readonly LadderStep[]): string[] {
  const named = stepsFor(model, steps).filter((step) => typeof step === "string" && step !== "off");
  return [...new Set(named as string[])].filter((name) => name !== variant);
}

/** Each rung below the plan in words, with the share of jobs that run and the variant where it names another. */
export function rungsAsked(
  { model }: ResolvedModel,
  steps: readonly LadderStep[],
): { readonly rung: string; readonly rate: number; readonly variant?: string }[] {
  let rate = 1;
  return stepsFor(model, steps).map((step) => {
    if (step === "off") return { rung: step, rate: 0 };
    if (typeof step === "string") return { rung: `${model}@${step}`, rate, variant: step };
    if ("device" in step) return { rung: `on ${step.device}`, rate };
    rate = step.rate;
    return { rung: `rate ${Number(rate.toFixed(3))}`, rate };
  });
}

/** Whether the model carries state from one run to the next: none of its jobs is left out on purpose. */
export function isTemporal({ manifest }: ResolvedModel): boolean {
  return manifest?.outputs.some(({ feeds }) => feeds !== undefined) === true;
}

/**
 * Refuses a ladder before anything of it is opened.
 *
 * @throws RedlineError `MODEL_VARIANT_UNKNOWN` or `CONTRACT_INVALID`
 */
export function checkLadder(resolved: ResolvedModel, steps: readonly LadderStep[]): void {
  const known = resolved.manifest?.variants.map(({ id }) => id) ?? [resolved.variant];
  layOut(resolved, { steps, variants: known.map((id) => ({ id, inputElements: 1 })) });
  const rate = steps.find((step) => typeof step === "object" && "rate" in step);
  if (rate === undefined || !isTemporal(resolved)) return;
  throw new RedlineError("CONTRACT_INVALID", {
    what: `ladder of ${resolved.model}`,
    expected: "no lower rate for a model that carries state from job to job",
    received: JSON.stringify(rate),
  });
}

/** The rungs over the variants that are open. */
export function ladderOf(
  resolved: ResolvedModel,
  given: {
    readonly steps: readonly LadderStep[];
    readonly opened: readonly { readonly variant: string; readonly inputs: readonly TensorSpec[] }[];
  },
): readonly Rung[] {
  const variants = given.opened.map(({ variant, inputs }) => ({
    id: variant,
    inputElements: inputs.reduce((sum, { shape }) => sum + elementsOf(shape), 0),
  }));
  return layOut(resolved, { steps: given.steps, variants });
}

function layOut(
  { model, variant }: ResolvedModel,
  given: {
    readonly steps: readonly LadderStep[];
    readonly variants: readonly { readonly id: string; readonly inputElements: number }[];
  },
): readonly Rung[] {
  const plan = { variant, device: DEVICES[0] };
  return freezeLadder(stepsFor(model, given.steps), { plan, variants: given.variants, devices: DEVICES });
}

/** Open dimensions count as one. */
function elementsOf(shape: TensorSpec["shape"]): number {
  return elementCount(shape.map((size) => (typeof size === "number" ? size : 1)));
}
