// Owns the ladder of a session: the ordered fallbacks a caller writes, checked and laid out as rungs. Knows no cost and no
// provider. Invariant: rung 0 is the plan; each lower rung differs from the one above in one thing; nothing comes after off.

import { RedlineError } from "./errors.js";
import { LIMITS } from "./limits.js";

/**
 * One step of a ladder as a caller writes it: another variant of the model, another device, a share of the jobs, or none.
 *
 * @example
 * const ladder: LadderStep[] = ["int8-320", { device: "cpu" }, "int8-256", { rate: 1 / 2 }, "off"];
 */
export type LadderStep = string | { readonly device: string } | { readonly rate: number } | "off";

/** What a rung changes. `input`: a variant with a smaller input; `variant`: one whose input is as large. */
export const RUNG_KINDS = ["full", "variant", "device", "input", "rate", "off"] as const;
/** One of `RUNG_KINDS`. */
export type RungKind = (typeof RUNG_KINDS)[number];

/** A rung: how the session runs while it stands on it, whole, not as a difference. */
export interface Rung {
  /** 0 is the plan, larger is lower. */
  readonly index: number;
  readonly kind: RungKind;
  readonly variant: string;
  readonly device: string;
  /** The share of arriving jobs that run; 1 for all, 0 when off. */
  readonly rate: number;
}

/** What a ladder may name: the variants of the model, the devices of the machine, and where the plan stands. */
export interface LadderGround {
  readonly plan: { readonly variant: string; readonly device: string };
  /** Every variant that could be opened, with the number of elements of its inputs. */
  readonly variants: readonly { readonly id: string; readonly inputElements: number }[];
  readonly devices: readonly string[];
}

/**
 * Checks a ladder and lays it out, rung 0 first.
 *
 * @throws RedlineError `MODEL_VARIANT_UNKNOWN` for a variant that cannot be opened, `CONTRACT_INVALID` for an unknown device,
 * a rate that does not fall, a step after `off` or too many steps
 */
export function freezeLadder(steps: readonly LadderStep[], ground: LadderGround): readonly Rung[] {
  if (steps.length >= LIMITS.rungsPerSession) {
    refuse(`${steps.length} steps`, `at most ${LIMITS.rungsPerSession - 1}`);
  }
  const rungs: Rung[] = [planRung(ground.plan)];
  for (const step of steps) {
    const above = rungs.at(-1)!;
    if (above.kind === "off") refuse(wordsOf(step), "nothing after off");
    rungs.push(stepDown(above, { step, ground }));
  }
  return Object.freeze(rungs.map((rung) => Object.freeze(rung)));
}

/** Rung 0: everything as planned. */
export function planRung({ variant, device }: LadderGround["plan"]): Rung {
  return Object.freeze({ index: 0, kind: "full", variant, device, rate: 1 });
}

/** A rung in a few words, for tables and events. */
export function describeRung(rung: Rung): string {
  switch (rung.kind) {
    case "full":
      return "as planned";
    case "variant":
    case "input":
      return rung.variant;
    case "device":
      return `on ${rung.device}`;
    case "rate":
      return `rate ${Number(rung.rate.toFixed(3))}`;
    case "off":
      return "off";
  }
}

function stepDown(above: Rung, { step, ground }: { step: LadderStep; ground: LadderGround }): Rung {
  const index = above.index + 1;
  if (step === "off") return { ...above, index, kind: "off", rate: 0 };
  if (typeof step === "string") {
    const elementsOf = (id: string): number | undefined =>
      ground.variants.find((variant) => variant.id === id)?.inputElements;
    const elements = elementsOf(step);
    if (elements === undefined) {
      throw new RedlineError("MODEL_VARIANT_UNKNOWN", {
        what: `ladder step "${step}"`,
        expected: ground.variants.map(({ id }) => id).join(", "),
        received: step,
      });
    }
    const isSmaller = elements < (elementsOf(above.variant) ?? elements);
    return { ...above, index, kind: isSmaller ? "input" : "variant", variant: step };
  }
  if ("device" in step) {
    if (!ground.devices.includes(step.device))
      refuse(wordsOf(step), `a device of ${ground.devices.join(", ")}`);
    return { ...above, index, kind: "device", device: step.device };
  }
  if (!(step.rate > 0 && step.rate < above.rate)) {
    refuse(wordsOf(step), `a rate above 0 and below ${above.rate}, that of the rung above`);
  }
  return { ...above, index, kind: "rate", rate: step.rate };
}

function wordsOf(step: LadderStep): string {
  if (typeof step === "string") return step;
  return "device" in step ? `device ${step.device}` : `rate ${step.rate}`;
}

function refuse(received: string, expected: string): never {
  throw new RedlineError("CONTRACT_INVALID", { what: "ladder", expected, received });
}
