// Owns models on onnxruntime-web, where a user has installed it: which of its devices are there and right, and the quickest of
// them. Knows no program. Invariant: a device is used only after its answers agreed with those of `wasm` on this very model.

import { RedlineError, reasonOf } from "../core/errors.js";
import {
  DTYPE_BYTES,
  type Dtype,
  elementCount,
  isStaticShape,
  type Tensor,
  type TensorData,
  type TensorSpec,
  viewOf,
} from "../core/tensor.js";
import type { BrowserGraph, TensorsByName } from "./browser-graph.js";

/** Where onnxruntime-web can run a model. */
export const ORT_WEB_DEVICES = ["wasm", "webgpu", "webnn"] as const;
/** One of `ORT_WEB_DEVICES`. */
export type OrtWebDevice = (typeof ORT_WEB_DEVICES)[number];

/** The part of `onnxruntime-web` that is used: pass `() => import("onnxruntime-web")`, or one of its other builds. */
export interface OrtWeb {
  readonly InferenceSession: {
    create(bytes: Uint8Array, options: { executionProviders: string[] }): Promise<OrtWebSession>;
  };
  readonly Tensor: new (type: never, data: never, dims: readonly number[]) => OrtWebTensor;
}

/** A session of onnxruntime-web. */
export interface OrtWebSession {
  readonly inputMetadata: readonly OrtWebTensorFacts[];
  readonly outputMetadata: readonly OrtWebTensorFacts[];
  run(feeds: never): Promise<Readonly<Record<string, OrtWebTensor>>>;
  release(): Promise<void>;
}

/** A tensor of onnxruntime-web. */
export interface OrtWebTensor {
  readonly type: string;
  readonly data: unknown;
  readonly dims: readonly number[];
}

interface OrtWebTensorFacts {
  readonly name: string;
  readonly isTensor: boolean;
  readonly type?: string;
  readonly shape?: readonly (number | string)[];
}

/** Runs of the answer check, on inputs that differ; the last ones are timed. */
const CHECK_RUNS = 6;
const TIMED_RUNS = 3;
/** A graphics card may round half floats: what a wrong one gives is farther away by far. */
const AGREEMENT = 2e-2;

interface Candidate {
  readonly device: OrtWebDevice;
  readonly graph: BrowserGraph;
  readonly answers: readonly (readonly number[])[];
  readonly bestMs: number;
}

/**
 * Opens a model on the quickest device that is there and right. `shapes` close what the graph leaves open, for the check.
 *
 * @throws RedlineError `PROVIDER_UNAVAILABLE` with every reason
 */
export async function openOrtWebGraph(
  ort: OrtWeb,
  given: {
    readonly bytes: Uint8Array;
    readonly devices: readonly OrtWebDevice[];
    readonly shapes: Readonly<Record<string, readonly (number | string)[]>>;
    readonly constants: Readonly<Record<string, number>>;
  },
): Promise<BrowserGraph> {
  const passed: string[] = [];
  const candidates: Candidate[] = [];
  // First, because the others are held against it.
  const devices = ORT_WEB_DEVICES.filter((device) => device === "wasm" || given.devices.includes(device));
  for (const device of devices) {
    try {
      const absence = await absenceOf(device);
      if (absence !== undefined) throw new Error(absence);
      candidates.push(await tried(ort, { ...given, device, reference: candidates[0] }));
    } catch (error) {
      passed.push(`${device}: ${reasonOf(error)}`);
    }
  }
  const asked = candidates.filter(({ device }) => given.devices.includes(device));
  const chosen = asked.reduce<Candidate | undefined>(
    (best, one) => (best === undefined || one.bestMs < best.bestMs ? one : best),
    undefined,
  );
  for (const { graph } of candidates) if (graph !== chosen?.graph) await graph.close();
  if (chosen === undefined)
    throw new RedlineError("PROVIDER_UNAVAILABLE", { what: "onnxruntime-web", received: passed.join("; ") });
  return { ...chosen.graph, detail: ["onnxruntime-web", ...passed.map((why) => `not ${why}`)].join("; ") };
}

/** Why a browser cannot have a device at all. */
async function absenceOf(device: OrtWebDevice): Promise<string | undefined> {
  const { navigator } = globalThis as {
    readonly navigator?: {
      readonly gpu?: { requestAdapter(): Promise<object | null> };
      readonly ml?: object;
    };
  };
  if (device === "webnn") return navigator?.ml === undefined ? "this browser has no WebNN" : undefined;
  if (device === "wasm") return undefined;
  if (navigator?.gpu === undefined) return "this browser has no WebGPU";
  return (await navigator.gpu.requestAdapter()) === null ? "WebGPU gives no adapter" : undefined;
}

async function tried(
  ort: OrtWeb,
  given: Parameters<typeof openOrtWebGraph>[1] & {
    readonly device: OrtWebDevice;
    readonly reference: Candidate | undefined;
  },
): Promise<Candidate> {
  const { bytes, device, reference, shapes, constants } = given;
  const session = await ort.InferenceSession.create(bytes, { executionProviders: [device] });
  const graph = graphOf(ort, { session, device, shapes });
  try {
    const answers: (readonly number[])[] = [];
    let bestMs = Number.POSITIVE_INFINITY;
    for (let run = 0; run < CHECK_RUNS; run++) {
      const inputs = waves(graph.inputs, { run, constants });
      if (inputs === undefined) break;
      const startMs = performance.now();
      const outputs = await graph.run(inputs);
      if (run >= CHECK_RUNS - TIMED_RUNS) bestMs = Math.min(bestMs, performance.now() - startMs);
      answers.push(graph.outputs.flatMap(({ name }) => numbersOf(outputs[name])));
    }
    if (device !== "wasm") agree(answers, reference?.answers ?? []);
    return { device, graph, answers, bestMs };
  } catch (error) {
    await graph.close();
    throw error;
  }
}

function agree(received: readonly (readonly number[])[], wanted: readonly (readonly number[])[]): void {
  if (received.length === 0 || received.length !== wanted.length)
    throw new Error("its answers cannot be checked");
  for (const [run, answers] of received.entries()) {
    for (const [at, value] of answers.entries()) {
      const expected = wanted[run]![at]!;
      if (Math.abs(value - expected) <= AGREEMENT * (1 + Math.abs(expected))) continue;
      throw new Error(`answers ${value} where wasm answers ${expected}`);
    }
  }
}

/** Waves for every input, other ones at each run; undefined where a shape is open or an input is of strings. */
function waves(
  specs: readonly TensorSpec[],
  { run, constants }: { readonly run: number; readonly constants: Readonly<Record<string, number>> },
): Record<string, Tensor> | undefined {
  const inputs: Record<string, Tensor> = {};
  for (const [index, { name, dtype, shape }] of specs.entries()) {
    if (dtype === "string" || !isStaticShape(shape)) return undefined;
    const count = elementCount(shape);
    const data = viewOf(dtype, new ArrayBuffer(DTYPE_BYTES[dtype] * count), { byteOffset: 0, length: count });
    const constant = constants[name];
    for (let at = 0; at < count; at++) {
      const wave = constant ?? (dtype === "float32" ? Math.sin(at * (0.05 + 0.11 * run) + index) : 0);
      data[at] = data instanceof BigInt64Array ? BigInt(Math.trunc(wave)) : wave;
    }
    inputs[name] = { data, shape };
  }
  return inputs;
}

function numbersOf(tensor: Tensor | undefined): number[] {
  return tensor === undefined ? [] : Array.from(tensor.data as ArrayLike<unknown>, Number);
}

const DTYPES: Readonly<Record<string, Dtype>> = {
  float32: "float32",
  float16: "float16",
  int8: "int8",
  uint8: "uint8",
  int32: "int32",
  int64: "int64",
  bool: "bool",
  string: "string",
};

function graphOf(
  ort: OrtWeb,
  given: {
    readonly session: OrtWebSession;
    readonly device: OrtWebDevice;
    readonly shapes: Readonly<Record<string, readonly (number | string)[]>>;
  },
): BrowserGraph {
  const { session, device, shapes } = given;
  const specs = (facts: readonly OrtWebTensorFacts[]): TensorSpec[] =>
    facts.map(({ name, isTensor, type = "", shape = [] }) => {
      const dtype = isTensor ? DTYPES[type] : undefined;
      if (dtype === undefined)
        throw new RedlineError("MODEL_UNSUITABLE", { what: name, expected: Object.keys(DTYPES).join(", ") });
      const stated = shapes[name];
      return {
        name,
        dtype,
        shape: shape.map((size, axis) => (typeof size === "number" ? size : (stated?.[axis] ?? size))),
      };
    });
  const inputs = specs(session.inputMetadata);
  return {
    provider: "ort-web",
    device,
    detail: "onnxruntime-web",
    inputs,
    outputs: specs(session.outputMetadata),
    run: async (tensors): Promise<TensorsByName> => {
      const feeds = inputs.map(({ name, dtype }) => {
        const { data, shape } = tensors[name]!;
        return [name, new ort.Tensor(dtype as never, data as never, shape)];
      });
      const results = await session.run(Object.fromEntries(feeds) as never);
      return Object.fromEntries(
        Object.entries(results).map(([name, { data, dims }]) => [
          name,
          { data: data as TensorData, shape: dims },
        ]),
      );
    },
    close: () => session.release(),
  };
}
