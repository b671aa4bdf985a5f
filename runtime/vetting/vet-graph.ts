// Owns the exercise of one graph in processes of its own: several opens, golden vectors, the optimised graph.
// Knows no cache. Invariant: the bytes it answers are the ones that were opened and run there.

import path from "node:path";
import type { OrtOptions } from "../bindings/addon.js";
import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import { isRuntimeFormat } from "../graphs/model-file.js";
import { closeShapes, type StatedShapes } from "../providers/stated-shapes.js";
import { checkGolden, type GoldenCase, goldenInputs, zeroInputs } from "./golden.js";
import { type HashedBytes, readHashed } from "./model-bytes.js";
import type { Trial, TrialGraph, TrialInput, TrialOutputs, TrialSession, TrialStart } from "./trial.js";
import { type ReadMemory, type TrialLimits, withinLimits } from "./trial-limits.js";

// The known crash of ONNX Runtime 1.30 (a branch inlined into its parent: Silero v5 with a constant sample rate and fixed
// shapes) hangs on where the process's memory lies: 2 to 3 of 4 processes die, the others say no at every open. So each
// open has a process of its own; four pass by luck at most once in 81. A graph that takes long gets fewer, never below two.
const MOST_OPENS = 4;
const LEAST_OPENS = 2;
const OPENS_MS = 1500;
/** The optimised graph is opened with the optimiser off, which is where the crashes are. */
const GRAPH_OPENS = 2;

export interface VetRequest {
  /** For messages: `road-seg@int8-320`, or a path. */
  readonly label: string;
  readonly bytes: Uint8Array;
  /** Where the file lies, when it needs the files beside it. */
  readonly path: string | null;
  readonly ort: OrtOptions;
  readonly statedShapes: StatedShapes;
  readonly golden: readonly GoldenCase[];
  /** A folder that exists, for the optimised graph. */
  readonly folder: string;
  readonly start: TrialStart;
  readonly limits: TrialLimits;
  readonly readMemory: ReadMemory;
}

export interface Vetted {
  /** The optimised graph; null when the model itself is to be opened. */
  readonly graph: HashedBytes | null;
  readonly by: Trial["kind"];
  readonly opens: number;
  readonly goldenCases: number;
}

/**
 * Opens and runs a graph until it is believed, or throws what is wrong with it.
 *
 * @throws RedlineError `MODEL_*`, `MANIFEST_INVALID`, `PROVIDER_OPTION`, `PROVIDER_UNAVAILABLE` or `PROVIDER_LOST`
 */
export async function vetGraph(request: VetRequest): Promise<Vetted> {
  const ort = trialOptions(request.ort);
  const source: TrialGraph = request.path === null ? { bytes: request.bytes } : { path: request.path };
  const original = await openSeveralTimes(request, { source, ort });
  const written = original.hasWritten ? await readHashed(graphFile(request)).catch(() => null) : null;
  if (written !== null) {
    try {
      await exercise(request, {
        source: { bytes: written.bytes },
        ort: { ...ort, graphOptimization: "disabled" },
        bytes: written.bytes.length,
      });
      return { graph: written, by: original.by, opens: original.opens, goldenCases: request.golden.length };
    } catch (error) {
      // A graph that is refused in good order may still be sound as it came: then that one is exercised and opened.
      if (!(error instanceof RedlineError) || !isOrderly(error)) throw error;
    }
  }
  await exercise(request, { source, ort, bytes: request.bytes.length });
  return { graph: null, by: original.by, opens: original.opens, goldenCases: request.golden.length };
}

async function openSeveralTimes(
  request: VetRequest,
  { source, ort }: { source: TrialGraph; ort: OrtOptions },
): Promise<{ by: Trial["kind"]; opens: number; hasWritten: boolean }> {
  const startedMs = performance.now();
  let by: Trial["kind"] = "child";
  let hasWritten = isWritable(request);
  let opens = 0;
  while (opens < LEAST_OPENS || (opens < MOST_OPENS && performance.now() - startedMs < OPENS_MS)) {
    const isFirst = opens === 0 && hasWritten;
    const options = isFirst ? { ...ort, optimizedModelPath: graphFile(request) } : ort;
    const trial = await request.start({ bytes: request.bytes.length });
    by = trial.kind;
    try {
      await close(request, trial, await open(request, trial, { source, ort: options }));
      opens += 1;
    } catch (error) {
      // A graph too large for one file, or with nodes that have no written form, still opens without being written.
      if (!isFirst || !(error instanceof RedlineError) || error.code !== "MODEL_LOAD_FAILED") throw error;
      hasWritten = false;
    } finally {
      trial.kill();
    }
  }
  return { by, opens, hasWritten };
}

/** Opens what the host will open, and runs it. */
async function exercise(
  request: VetRequest,
  given: { source: TrialGraph; ort: OrtOptions; bytes: number },
): Promise<void> {
  const trial = await request.start({ bytes: given.bytes + LIMITS.trialTensorBytes });
  try {
    for (let count = 1; count < GRAPH_OPENS; count += 1) {
      await close(request, trial, await open(request, trial, given));
    }
    const session = await open(request, trial, given);
    const inputs = closeShapes(session.inputs, request.statedShapes);
    for (const [index, one] of request.golden.entries()) {
      const outputs = await run(request, trial, { session, inputs: goldenInputs(one, inputs) });
      checkGolden(one, { outputs, label: `${request.label}, golden case ${index + 1}` });
    }
    const zeros = request.golden.length === 0 ? zeroInputs(inputs) : undefined;
    if (zeros === undefined) return;
    await run(request, trial, { session, inputs: zeros }).catch((error: unknown) => {
      // Zeros may be no input for this graph; that it says so in good order is all that is asked of it.
      if (!(error instanceof RedlineError) || error.code !== "PROVIDER_FAILED") throw error;
    });
  } finally {
    trial.kill();
  }
}

function open(
  request: VetRequest,
  trial: Trial,
  { source, ort }: { source: TrialGraph; ort: OrtOptions },
): Promise<TrialSession> {
  const { label, limits, readMemory } = request;
  const { openMs: limitMs, memoryBytes } = limits;
  const act = async (): Promise<TrialSession> => {
    try {
      return await trial.open(source, ort);
    } catch (error) {
      if (
        !(error instanceof RedlineError) ||
        !["MODEL_LOAD_FAILED", "MODEL_FILE_MISSING"].includes(error.code)
      )
        throw error;
      throw new RedlineError(error.code, { what: `${label}: ${error.what}`, cause: error });
    }
  };
  return withinLimits(trial, { doing: `opening ${label}`, limitMs, memoryBytes, readMemory, act });
}

function close(request: VetRequest, trial: Trial, session: TrialSession): Promise<void> {
  const { label, limits, readMemory } = request;
  const { openMs: limitMs, memoryBytes } = limits;
  const act = () => trial.close(session);
  return withinLimits(trial, { doing: `closing ${label}`, limitMs, memoryBytes, readMemory, act });
}

function run(
  request: VetRequest,
  trial: Trial,
  { session, inputs }: { session: TrialSession; inputs: readonly TrialInput[] },
): Promise<TrialOutputs> {
  const { label, limits, readMemory } = request;
  const { runMs: limitMs, memoryBytes } = limits;
  // The child stops a run at its limit by itself, between two nodes; past it the process is killed.
  const act = () => trial.run(session, { inputs, limitUs: limitMs * 1000 });
  return withinLimits(trial, {
    doing: `running ${label}`,
    limitMs: limitMs + 250,
    memoryBytes,
    readMemory,
    act,
  });
}

/** The user's options but for where files are written: those are for the host's own open. */
function trialOptions({ profilePrefix: _, optimizedModelPath: __, ...ort }: OrtOptions): OrtOptions {
  return ort;
}

function graphFile({ folder }: VetRequest): string {
  return path.join(folder, "graph.onnx");
}

/** A model in ONNX Runtime's own format is optimised already, and one to be saved in that format is no ONNX file. */
function isWritable({ bytes, ort }: VetRequest): boolean {
  return !isRuntimeFormat(bytes) && ort.configEntries?.["session.save_model_format"] === undefined;
}

/** Whether the library or the golden vectors said no, and the process lives. */
function isOrderly({ code }: RedlineError): boolean {
  return ["MODEL_LOAD_FAILED", "MODEL_GOLDEN", "PROVIDER_FAILED"].includes(code);
}
