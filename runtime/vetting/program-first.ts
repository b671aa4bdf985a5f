// Owns the choice between a program of fused ops and ONNX Runtime for a model. Knows no contract and no op.
// Invariant: a program is handed out only after its outputs agreed with the model's golden vectors; whatever stands against
// one is said, and the model then runs as it would without programs.

import type { Criticality } from "../core/contract.js";
import { RedlineError } from "../core/errors.js";
import type { RunningJob } from "../core/lane.js";
import { LIMITS } from "../core/limits.js";
import type { Program } from "../programs/program.js";
import type { OpenRequest, Provider, ProviderName, ProviderSession } from "../providers/provider.js";
import { checkGolden, type GoldenCase, goldenInputs } from "./golden.js";
import { hashedModel } from "./hashed-model.js";
import { readGolden } from "./read-golden.js";

/** The largest difference of any output from its golden value: a probability keeps its three digits. */
export const PROGRAM_TOLERANCE = 1e-4;

/**
 * Models that are always on. Others are not tried unless a program is asked for: reading and lowering one costs more than
 * it could save, and their ops are rarely all there.
 */
const ALWAYS_ON: readonly string[] = ["voice-activity", "wake-word", "keyword", "end-of-turn"];

/** A provider that opens a model as a program where it can be one. */
export class ProgramFirst implements Provider {
  readonly name: ProviderName;

  constructor(private readonly providers: { readonly programs: Provider; readonly graphs: Provider }) {
    this.name = providers.graphs.name;
  }

  nowUs(): number {
    return this.providers.graphs.nowUs();
  }

  nextJobId(): number {
    return this.providers.graphs.nextJobId();
  }

  async open(request: OpenRequest): Promise<ProviderSession> {
    const obstacle = obstacleOf(request);
    if (obstacle !== undefined) return this.#asGraph(request, obstacle);
    try {
      return await this.#asProgram(request);
    } catch (error) {
      if (!(error instanceof RedlineError) || error.code === "RUNTIME_CLOSED") throw error;
      if (request.only === "program") throw error;
      return this.#asGraph(request, `no program: ${[error.what, error.received].filter(Boolean).join(", ")}`);
    }
  }

  /** Programs run on the lanes of the same host. */
  runningJobs(): readonly RunningJob[] {
    return this.providers.graphs.runningJobs();
  }

  replaceLane(criticality: Criticality, laneIndex: number): void {
    this.providers.graphs.replaceLane(criticality, laneIndex);
  }

  async close(): Promise<void> {
    await this.providers.programs.close();
    await this.providers.graphs.close();
  }

  async #asGraph(request: OpenRequest, why: string): Promise<ProviderSession> {
    if (request.only === "program")
      throw new RedlineError("PROVIDER_UNAVAILABLE", { what: "a program", received: why });
    const session = await this.providers.graphs.open(request);
    request.onChosen?.({ provider: this.name, detail: why });
    return session;
  }

  async #asProgram(request: OpenRequest): Promise<ProviderSession> {
    const { origin } = request;
    const cases = await readGolden(origin!.golden!, origin!);
    if (cases.length === 0)
      throw new RedlineError("MODEL_UNSUITABLE", { what: "its golden vectors", received: "none" });
    const program = await programOf(request);
    const session = await this.providers.programs.open({ ...request, graph: null, program });
    try {
      for (const one of cases) agree(session, { one, label: `${origin!.model}@${origin!.variant}` });
    } catch (error) {
      await session.close();
      throw error;
    }
    request.onChosen?.({ provider: "program", detail: describeProgram(program) });
    return session;
  }
}

/** In a few words, for events. */
export function describeProgram({ steps, arenaFloats, weights }: Program): string {
  return `${steps.length} ops, arena ${arenaFloats * 4} bytes, weights ${weights.byteLength} bytes`;
}

/** Why a model is not tried as a program at all. */
function obstacleOf({ graph, origin, ort, only }: OpenRequest): string | undefined {
  if (only === "ort") return "asked for";
  if (typeof graph !== "string" || origin?.golden === undefined)
    return "no golden vectors to hold a program against";
  if (only !== "program" && !ALWAYS_ON.includes(origin.task ?? ""))
    return "its task is none that is always on";
  // Whether threads spin means nothing where there is one.
  const { intraOpThreads = 1, spin: _, ...others } = ort ?? {};
  if (intraOpThreads !== 1 || Object.keys(others).length > 0) return "options of ONNX Runtime were given";
  return undefined;
}

async function programOf(request: OpenRequest): Promise<Program> {
  const { bytes, file } = await hashedModel(request);
  if (bytes.length > LIMITS.programModelBytes || file !== null)
    throw new RedlineError("MODEL_UNSUITABLE", {
      what: "a program",
      expected: `one file of at most ${LIMITS.programModelBytes} bytes`,
      received: file === null ? `${bytes.length} bytes` : "files beside it",
    });
  // Loaded here: most models are none, and what lowers one is read only where it is needed.
  const { lowerProgram } = await import("../programs/program.js");
  return lowerProgram(bytes, {
    constants: request.origin?.constants ?? {},
    shapes: request.statedShapes,
    feeds: request.origin?.feeds ?? {},
  });
}

/** Runs a golden case on the session's first slot, here and now: it takes less than a millisecond. */
function agree(session: ProviderSession, { one, label }: { one: GoldenCase; label: string }): void {
  const slot = session.slots[0]!;
  for (const [index, input] of goldenInputs(one, session.inputs).entries()) {
    const { name } = session.inputs[index]!;
    const target = slot.inputs[name] as { set(data: unknown): void };
    target.set(input.data);
  }
  const { status, reason } = session.runInline(0);
  if (status !== "done")
    throw new RedlineError("MODEL_GOLDEN", {
      what: `${label} as a program`,
      received: `${status} / ${reason}`,
    });
  const outputs = Object.fromEntries(session.outputs.map(({ name }) => [name, slot.output(name)]));
  const capped = Object.entries(one.outputs).map(([name, output]) => [
    name,
    { ...output, tolerance: Math.min(output.tolerance, PROGRAM_TOLERANCE), finite: true },
  ]);
  checkGolden({ ...one, outputs: Object.fromEntries(capped) }, { outputs, label: `${label} as a program` });
}
