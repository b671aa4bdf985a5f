// Owns a page that runs the parity cases of every op in the browser and leaves what it found on `window`.
// Knows no bundler and no test runner.

import { FLAVOURS, load } from "../../../kernels/pkg/browser.js";
import { seededRng } from "../../../runtime/core/rng.js";
import { type OpKernels, REFERENCE_KERNELS } from "../../../runtime/ops/kernels.js";
import { WASM_STEPS } from "../../../runtime/ops/pack-network.js";
import { kernelsIn } from "../../../runtime/ops/wasm-kernels.js";
import { WasmNetwork } from "../../../runtime/ops/wasm-network.js";
import { OP_CASES } from "../../parity/ops/cases.js";
import { faultOf } from "../../parity/ops/fault.js";
import { differsAt } from "../../parity/ops/gemv-i8-cases.js";
import { networkFaultOf } from "../../parity/ops/network-bound.js";
import { networkCase } from "../../parity/ops/network-cases.js";

const CASES = 500;

/** What one flavour did here. */
export interface PageResult {
  readonly flavour: string;
  readonly passed: readonly string[];
  readonly cases: number;
  readonly faults: readonly string[];
}

async function play(flavour: (typeof FLAVOURS)[number]): Promise<PageResult> {
  const { kernels, passed } = await load({ flavours: [flavour] });
  const reasons = passed.map(({ reason }) => reason);
  if (kernels === null) return { flavour, passed: reasons, cases: 0, faults: [] };
  const ops = kernelsIn(kernels, { name: flavour });
  let cases = 0;
  const faults: string[] = [];
  for (const [op, makeCase] of Object.entries(OP_CASES)) {
    // What the kernels have not is the reference itself, and would equal it in vain.
    if (ops[op as keyof OpKernels] === REFERENCE_KERNELS[op as keyof OpKernels]) continue;
    for (let seed = 0; seed < CASES; seed++, cases++) {
      const fault = faultOf(makeCase(seededRng(seed)), ops);
      if (fault !== undefined) faults.push(`${op}, seed ${seed}: ${fault}`);
    }
  }
  for (let seed = 0; seed < CASES; seed++, cases++)
    if (differsAt(kernels, seed)) faults.push(`gemv_i8, seed ${seed}: differs`);
  for (const op of WASM_STEPS) {
    for (let seed = 0; seed < CASES; seed++, cases++) {
      const fault = networkFaultOf(networkCase(op, seededRng(seed)), (step, { weights, arena }) => {
        const network = new WasmNetwork(kernels, { steps: [step], weights, arenaFloats: arena.length });
        network.arena.set(arena);
        network.run();
        arena.set(network.arena);
      });
      if (fault !== undefined) faults.push(`${op}, seed ${seed}: ${fault}`);
    }
  }
  return { flavour, passed: reasons, cases, faults };
}

const results: PageResult[] = [];
for (const flavour of FLAVOURS) results.push(await play(flavour));
Object.assign(globalThis, { results });
