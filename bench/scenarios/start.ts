// Owns the scenario "how long from process start to the first result?", with a warm cache.
// Control: a Node process that loads nothing.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { monotonicUs } from "../../runtime/bindings/system-clock.js";
import { storedModel } from "../harness/assets.js";
import { interleave } from "../harness/interleave.js";
import { quantilesOf } from "../harness/quantiles.js";
import type { Bench, Scenario } from "../harness/scenario.js";
import { atMost, reported, type Verdict } from "../harness/verdict.js";

const ARMS = [
  { name: "redline", module: "../arms/start-redline.js" },
  { name: "onnxruntime-node", module: "../peers/start-ort-node.js" },
  { name: "node alone", module: "../arms/start-nothing.js" },
] as const;

export const start: Scenario = {
  name: "start",
  about: "process start to the first voice-activity result, warm cache",
  options: [{ name: "n", about: "starts of each arm", full: "30", quick: "5" }],
  run: measure,
};

interface FirstResult {
  readonly atUs: number;
  readonly probability: number;
  readonly provider: string;
}

async function measure(bench: Bench): Promise<Verdict[]> {
  const modelPath = await storedModel("silero-vad");
  const tookMs = new Map<string, number[]>(ARMS.map(({ name }) => [name, []]));
  const probabilities = new Map<string, number>();
  for (const { module } of ARMS) await launch(module, modelPath);
  await interleave({
    arms: ARMS,
    rounds: bench.number("n"),
    restMs: 50,
    block: async ({ name, module }) => {
      const startUs = monotonicUs();
      const { atUs, probability, provider } = await launch(module, modelPath);
      tookMs.get(name)?.push((atUs - startUs) / 1000);
      probabilities.set(name, probability);
      if (name === "redline" && provider !== "ort")
        throw new Error(`Redline ran on ${provider}, not on its native host`);
    },
  });
  const quantiles = new Map([...tookMs].map(([name, ms]) => [name, quantilesOf(ms)]));
  for (const [arm, of] of quantiles)
    bench.samples({ arm, metric: "start to first result", unit: "ms", quantiles: of });
  const apart = Math.abs((probabilities.get("redline") ?? 2) - (probabilities.get("onnxruntime-node") ?? 4));
  return [
    ...ARMS.map(({ name }) =>
      reported({
        what: `${name}: start to first result, p50`,
        measured: quantiles.get(name)?.p50 ?? null,
        unit: "ms",
      }),
    ),
    atMost({
      what: "difference of the first probability",
      bar: "<= 1e-4",
      measured: apart,
      limit: 1e-4,
      unit: "",
    }),
  ];
}

async function launch(module: string, modelPath: string): Promise<FirstResult> {
  const script = fileURLToPath(new URL(module, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, modelPath]);
  return JSON.parse(stdout) as FirstResult;
}
