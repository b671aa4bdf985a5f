// Owns what a session in a browser runs: a graph with tensors by name, and a program in WebAssembly as one.
// Knows no contract and no caller. Invariant: one run at a time; its outputs stand until the next.

import { freshKernels } from "../bindings/kernels.js";
import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import type { Tensor, TensorSpec } from "../core/tensor.js";
import { lowerProgram } from "../programs/program.js";
import { WasmProgram } from "../programs/wasm-program.js";
import { checkGolden, type GoldenCase, goldenInputs } from "../vetting/golden.js";

/** An opened model, ready to run. */
export interface BrowserGraph {
  readonly provider: "program" | "ort-web";
  readonly device: string;
  /** What it is, or why it is not something better. */
  readonly detail: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  run(inputs: Readonly<Record<string, Tensor>>): TensorsByName | Promise<TensorsByName>;
  close(): Promise<void>;
}

export type TensorsByName = Readonly<Record<string, Tensor>>;

/** What is certain of a model besides its bytes. */
export interface CertainTensors {
  readonly constants: Readonly<Record<string, number>>;
  readonly shapes: Readonly<Record<string, readonly (number | string)[]>>;
  readonly feeds: Readonly<Record<string, string>>;
}

/** The largest difference of any output from its golden value, as natively. */
const TOLERANCE = 1e-4;

/**
 * A model as a program in an instance of the kernels of its own.
 *
 * @throws RedlineError `MODEL_UNSUITABLE` naming what programs lack, `PROVIDER_UNAVAILABLE` without WASM SIMD
 */
export async function openProgramGraph(bytes: Uint8Array, certain: CertainTensors): Promise<BrowserGraph> {
  if (bytes.length > LIMITS.programModelBytes)
    throw new RedlineError("MODEL_UNSUITABLE", {
      what: "a program",
      expected: `at most ${LIMITS.programModelBytes} bytes`,
      received: `${bytes.length} bytes`,
    });
  const lowered = await lowerProgram(bytes, certain);
  const { kernels, passed, ...rest } = await freshKernels();
  if (kernels === null)
    throw new RedlineError("PROVIDER_UNAVAILABLE", {
      what: "a program in WebAssembly",
      received: passed.map(({ flavour, reason }) => `${flavour}: ${reason}`).join("; "),
    });
  const program = new WasmProgram(kernels, lowered);
  const flavour = "flavour" in rest ? rest.flavour : "";
  const shapes = new Map(lowered.outputs.map(({ name, shape }) => [name, shape]));
  const outputs = Object.fromEntries(
    Object.entries(program.outputs).map(([name, data]) => [name, { data, shape: shapes.get(name)! }]),
  );
  const floats = lowered.inputs.filter(({ place }) => place >= 0);
  return {
    provider: "program",
    device: `wasm ${flavour}`,
    detail: `${lowered.steps.length} ops, arena ${4 * lowered.arenaFloats} bytes, weights ${lowered.weights.byteLength} bytes`,
    inputs: lowered.inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    outputs: lowered.outputs.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    run: (inputs) => {
      program.run(Object.fromEntries(floats.map(({ name }) => [name, inputs[name]!.data as Float32Array])));
      return outputs;
    },
    close: async () => {},
  };
}

/**
 * Holds a graph against golden vectors, by their own tolerance or that of programs, whichever is stricter.
 *
 * @throws RedlineError `MODEL_GOLDEN` naming output, expected and received
 */
export async function holdAgainst(
  graph: BrowserGraph,
  { cases, label }: { readonly cases: readonly GoldenCase[]; readonly label: string },
): Promise<void> {
  for (const one of cases) {
    const inputs = goldenInputs(one, graph.inputs).map((input, index) => [graph.inputs[index]!.name, input]);
    const outputs = await graph.run(Object.fromEntries(inputs) as Record<string, Tensor>);
    const capped = Object.entries(one.outputs).map(([name, output]) => [
      name,
      graph.provider === "program"
        ? { ...output, tolerance: Math.min(output.tolerance, TOLERANCE), finite: true }
        : output,
    ]);
    checkGolden({ ...one, outputs: Object.fromEntries(capped) }, { outputs, label });
  }
}
