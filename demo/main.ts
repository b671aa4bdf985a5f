// Owns the demo page: buttons, and what they start. `?play=sample,drive` starts both at once and leaves `results` when they end.
// Knows no arithmetic: voice.ts, driving.ts and latency-plot.ts have it.

import { createRuntime } from "../runtime/browser.js";
import { playDrive } from "./driving.js";
import { LatencyPlot } from "./latency-plot.js";
import { hearMicrophone, hearSample } from "./voice.js";

const runtime = await createRuntime({ ort: () => import("onnxruntime-web") });
const plot = new LatencyPlot(element("latency"), element("quantiles"));
const query = new URLSearchParams(location.search);
const frames = Number(query.get("frames") ?? 120);
const pace = query.get("pace") === "file" ? "file" : "live";
const stage = { runtime, plot, speech: canvas("speech"), voice: element("voice"), list: element("segments") };

const plays = {
  sample: () => hearSample(stage, { pace }),
  microphone: () => hearMicrophone(stage),
  drive: () => playDrive({ runtime, plot, road: canvas("road"), note: element("driving") }, { frames }),
};

for (const [name, play] of Object.entries(plays)) {
  const button = element(name) as HTMLButtonElement;
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await play();
    } catch (error) {
      element(name === "drive" ? "driving" : "voice").textContent = String(error);
    }
    button.disabled = false;
  });
}

const asked = query.get("play")?.split(",") ?? [];
if (asked.length > 0) {
  const results: Record<string, unknown> = {};
  for (const name of asked) results[name] = await plays[name as keyof typeof plays]();
  Object.assign(globalThis, { results });
}

function element(id: string): HTMLElement {
  return document.getElementById(id)!;
}

function canvas(id: string): HTMLCanvasElement {
  return element(id) as HTMLCanvasElement;
}
