// Owns how a breach is told: the law, what broke it, what led to it, and the one command that replays it.

import type { SimulationResult } from "./simulate.js";

/** Everything a reader needs to start. */
export function breachReport(result: SimulationResult, { cycles }: { readonly cycles: number }): string {
  const { seed, breach, led } = result;
  if (breach === undefined) return `seed ${seed}: no invariant broken`;
  const { invariant, atUs, what } = breach;
  return [
    `seed ${seed} breaks invariant ${invariant.number} at ${(atUs / 1e6).toFixed(6)} s: ${invariant.law}`,
    `  ${what}`,
    ...led.map((line) => `    ${line}`),
    `replay: npm run simulate -- --seed ${seed} --cycles ${cycles}`,
  ].join("\n");
}
