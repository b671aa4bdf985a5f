// Owns the scenario "what does Redline itself cost?": the null provider, which runs no model.
// Controls: a bare promise resolved by setImmediate, and the cost of reading the time.

import { InferenceSession, Tensor } from "onnxruntime-node";
import { createRuntime, type Session } from "../../runtime/index.js";
import { EchoWorker } from "../harness/echo-worker.js";
import { interleave } from "../harness/interleave.js";
import { reluModel } from "../harness/onnx-model.js";
import { quantilesOf } from "../harness/quantiles.js";
import type { Bench, Scenario } from "../harness/scenario.js";
import { atMostTimes, type Verdict } from "../harness/verdict.js";
import { PEER_OPTIONS } from "../peers/ort-options.js";

/** As many as a frame of speech. */
const RELU_ELEMENTS = 512;

export const nullProvider: Scenario = {
  name: "null",
  about: "the cost of a run without a model, and of a lane's round trip",
  options: [
    { name: "rounds", about: "blocks of each arm", full: "40", quick: "5" },
    { name: "calls", about: "calls in a block", full: "1000", quick: "1000" },
    { name: "pause-ms", about: "pause between the calls of the paced blocks", full: "5", quick: "2" },
    { name: "paced-calls", about: "calls in a paced block", full: "100", quick: "20" },
  ],
  run: measure,
};

interface Arm {
  readonly name: string;
  readonly calls: number;
  readonly pauseMs: number;
  readonly call: () => Promise<void> | void;
  readonly us: number[];
}

async function measure(bench: Bench): Promise<Verdict[]> {
  await using runtime = await createRuntime();
  const spec = { dtype: "float32", shape: [1, RELU_ELEMENTS] } as const;
  const contract = { periodMs: 10, deadlineMs: 1000, criticality: "interactive" } as const;
  const options = {
    contract,
    admit: "best-effort",
    provider: "null",
    null: { inputs: [{ name: "x", ...spec }], outputs: [{ name: "y", ...spec }] },
  } as const;
  const inline = await runtime.open("null", { ...options, inline: true });
  const lane = await runtime.open("null", options);
  const relu = await InferenceSession.create(reluModel([1, RELU_ELEMENTS]), PEER_OPTIONS.tuned);
  await checkRelu(relu);
  const echo = new EchoWorker();
  try {
    const arms = armsOf(bench, { inline, lane, relu, echo });
    for (const arm of arms) await block({ ...arm, us: [] });
    await interleave({ arms, rounds: bench.number("rounds"), block, restMs: 20 });
    return judge(bench, arms);
  } finally {
    await echo.close();
    await relu.release();
  }
}

function armsOf(
  bench: Bench,
  given: { inline: Session; lane: Session; relu: InferenceSession; echo: EchoWorker },
): Arm[] {
  const { inline, lane, relu, echo } = given;
  const x = new Float32Array(RELU_ELEMENTS);
  const feeds = { x: new Tensor("float32", x, [1, RELU_ELEMENTS]) };
  const tight = { calls: bench.number("calls"), pauseMs: 0 };
  const paced = { calls: bench.number("paced-calls"), pauseMs: bench.number("pause-ms") };
  const roundTrip = async (): Promise<void> => (await lane.run({ x })).release();
  const echoed = (): Promise<void> => echo.roundTrip();
  return [
    { name: "control: reading the time", ...tight, call: () => {}, us: [] },
    {
      name: "control: setImmediate",
      ...tight,
      call: () => new Promise<void>((done) => setImmediate(done)),
      us: [],
    },
    { name: "redline runSync", ...tight, call: () => inline.runSync({ x }).release(), us: [] },
    { name: "onnxruntime-node Relu", ...tight, call: async () => void (await relu.run(feeds)), us: [] },
    { name: "redline lane", ...tight, call: roundTrip, us: [] },
    { name: "postMessage echo", ...tight, call: echoed, us: [] },
    { name: "redline lane, paced", ...paced, call: roundTrip, us: [] },
    { name: "postMessage echo, paced", ...paced, call: echoed, us: [] },
  ];
}

/** Times one block of calls, one after the other. */
async function block({ calls, pauseMs, call, us }: Arm): Promise<void> {
  for (let index = 0; index < calls; index++) {
    if (pauseMs > 0) await new Promise((resume) => setTimeout(resume, pauseMs));
    const startMs = performance.now();
    const pending = call();
    if (pending !== undefined) await pending;
    us.push((performance.now() - startMs) * 1000);
  }
}

function judge(bench: Bench, arms: readonly Arm[]): Verdict[] {
  const p50 = (name: string): number | null =>
    quantilesOf(arms.find((arm) => arm.name === name)?.us ?? []).p50;
  for (const { name, us } of arms) {
    bench.samples({ arm: name, metric: "call", unit: "us", quantiles: quantilesOf(us) });
  }
  return [
    atMostTimes({
      what: "runSync, p50",
      ours: p50("redline runSync"),
      theirs: p50("onnxruntime-node Relu"),
      factor: 0.5,
      of: "onnxruntime-node's one-node run",
    }),
    atMostTimes({
      what: "round trip through a lane, p50, one after the other",
      ours: p50("redline lane"),
      theirs: p50("postMessage echo"),
      factor: 3,
      of: "a postMessage echo to an idle worker thread",
    }),
    atMostTimes({
      what: `round trip through a lane, p50, ${bench.text("pause-ms")} ms apart`,
      ours: p50("redline lane, paced"),
      theirs: p50("postMessage echo, paced"),
      factor: 3,
      of: "a postMessage echo to an idle worker thread",
    }),
  ];
}

/** The peer's model must compute what it claims, or its time means nothing. */
async function checkRelu(relu: InferenceSession): Promise<void> {
  const data = new Float32Array(RELU_ELEMENTS).fill(-1);
  data[3] = 2;
  const { y } = await relu.run({ x: new Tensor("float32", data, [1, RELU_ELEMENTS]) });
  const isRight =
    y !== undefined && (y.data as Float32Array).every((value, index) => value === (index === 3 ? 2 : 0));
  if (!isRight) throw new Error("the one-node model does not compute a Relu");
}
