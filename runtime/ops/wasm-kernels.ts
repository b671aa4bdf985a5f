// Owns the ops in WebAssembly: what a call reads is copied into linear memory, what it writes is copied out. Knows no choice.
// Invariant: a form's second call allocates nothing; at most the views of the call are copied, each once; a form that linear
// memory cannot hold is left to the reference, which writes the same bits.

import type { Kernels } from "../bindings/kernels.js";
import type { GainPlan } from "./gain-plan.js";
import type { ImagePlan } from "./image-plan.js";
import { type OpKernels, REFERENCE_KERNELS } from "./kernels.js";
import { LEVEL_FIELDS, type LevelPlan } from "./level-plan.js";
import type { MarginsPlan } from "./margins-plan.js";
import type { MaskPlan } from "./mask-plan.js";
import { refusal } from "./op-argument.js";
import type { ImageElements } from "./reference/image.js";
import type { ResampleCursor } from "./reference/resample.js";
import type { SpectrumSamples } from "./reference/stft.js";
import type { ResamplePlan } from "./resample-plan.js";
import { RUN_FIELDS, type RunsPlan } from "./runs-plan.js";
import type { SpectrumPlan } from "./spectrum-plan.js";
import { WasmMemory } from "./wasm-memory.js";

/**
 * The ops of one instance; those that the kernels have not are the reference's. All of them use the same memory: one call at a
 * time, as JavaScript has it.
 */
export function kernelsIn(kernels: Kernels, { name }: { readonly name: string }): OpKernels {
  const calls = new WasmCalls(kernels);
  return Object.freeze<OpKernels>({
    ...REFERENCE_KERNELS,
    name,
    image: (plan, source, target) => calls.image(plan, source, target),
    margins: (plan, scores, out) => calls.margins(plan, scores, out),
    mask: (plan, margins, out) => calls.mask(plan, margins, out),
    runs: (plan, margins, out) => calls.runs(plan, margins, out),
    resample: (plan, given) => calls.resample(plan, given),
    level: (plan, given) => calls.level(plan, given),
    stft: (plan, samples, out) => calls.spectrum(plan, samples, out),
    logMel: (plan, samples, out) => calls.spectrum(plan, samples, out),
    gain: (plan, samples, out) => calls.gain(plan, samples, out),
  });
}

class WasmCalls {
  readonly #kernels: Kernels;
  readonly #memory: WasmMemory;

  constructor(kernels: Kernels) {
    this.#kernels = kernels;
    this.#memory = new WasmMemory(kernels);
  }

  image(plan: ImagePlan, source: Uint8Array, target: ImageElements): void {
    const { words, sourceBytes, scratch } = plan;
    const memory = this.#memory;
    const places =
      memory.kept(plan) ??
      memory.lay(plan, {
        bytes: [words.byteLength, sourceBytes, target.byteLength, scratch.byteLength],
        out: { place: 2, as: plan.targetArray },
      });
    if (places === undefined) {
      REFERENCE_KERNELS.image(plan, source, target);
      return;
    }
    const [block, from, to, rows] = places.at as [number, number, number, number];
    memory.i32.set(words, block / 4);
    memory.u8.set(source.length === sourceBytes ? source : source.subarray(0, sourceBytes), from);
    settle(this.#kernels.image(block, words.length, from, sourceBytes, to, target.byteLength, rows));
    target.set(places.out);
  }

  margins(
    plan: MarginsPlan,
    scores: Float32Array,
    out: { readonly margins: Float32Array; readonly totals: Float64Array },
  ): void {
    const memory = this.#memory;
    const places =
      memory.kept(plan) ??
      memory.lay(plan, {
        bytes: [scores.byteLength, out.margins.byteLength, out.totals.byteLength],
        out: { place: 1, as: "Float32Array" },
      });
    if (places === undefined) {
      REFERENCE_KERNELS.margins(plan, scores, out);
      return;
    }
    const [from, to, totals] = places.at as [number, number, number];
    memory.f32.set(scores, from / 4);
    this.#kernels.margins(from, plan.pixels, to, totals, plan.values === "logits" ? 1 : 0);
    out.margins.set(places.out);
    this.#copyNumbers(totals, out.totals, out.totals.length);
  }

  mask(plan: MaskPlan, margins: Float32Array, out: Uint8Array): void {
    const { words } = plan;
    const memory = this.#memory;
    const places =
      memory.kept(plan) ??
      memory.lay(plan, {
        bytes: [words.byteLength, margins.byteLength, out.byteLength],
        out: { place: 2, as: "Uint8Array" },
      });
    if (places === undefined) {
      REFERENCE_KERNELS.mask(plan, margins, out);
      return;
    }
    const [block, from, to] = places.at as [number, number, number];
    memory.i32.set(words, block / 4);
    memory.f32.set(margins, from / 4);
    settle(this.#kernels.mask(block, words.length, from, margins.length, to, out.length));
    out.set(places.out);
  }

  runs(plan: RunsPlan, margins: Float32Array, out: Float64Array): number {
    const { width, height } = plan;
    const memory = this.#memory;
    // A row has no more runs than every other pixel.
    const capacity = Math.min(Math.floor(out.length / RUN_FIELDS), height * Math.ceil(width / 2));
    const bytes = capacity * RUN_FIELDS * out.BYTES_PER_ELEMENT;
    const kept = memory.kept(plan);
    const places =
      kept !== undefined && kept.bytes[1]! >= bytes
        ? kept
        : memory.lay(plan, { bytes: [margins.byteLength, bytes], out: { place: 1, as: "Uint8Array" } });
    if (places === undefined) return REFERENCE_KERNELS.runs(plan, margins, out);
    const [from, to] = places.at as [number, number];
    memory.f32.set(margins, from / 4);
    const count = this.#kernels.runs(from, width, height, to, capacity);
    this.#copyNumbers(to, out, RUN_FIELDS * Math.min(count, capacity));
    return count;
  }

  resample(
    plan: ResamplePlan,
    given: { readonly input: Float32Array; readonly at: ResampleCursor; readonly output: Float32Array },
  ): void {
    const { table, taps, phases, up, down } = plan;
    const { input, at, output } = given;
    const memory = this.#memory;
    const kept = memory.kept(plan);
    const places =
      kept !== undefined && kept.bytes[1]! >= input.byteLength && kept.bytes[2]! >= output.byteLength
        ? kept
        : memory.lay(plan, {
            bytes: [table.byteLength, input.byteLength, output.byteLength],
            out: { place: 2, as: "Float32Array" },
          });
    if (places === undefined) {
      REFERENCE_KERNELS.resample(plan, given);
      return;
    }
    const [rows, from, to] = places.at as [number, number, number];
    memory.f32.set(table, rows / 4);
    memory.f32.set(input, from / 4);
    const { length } = output;
    const { start, fraction } = at;
    settle(
      // biome-ignore format: addresses and counts, then the filter
      this.#kernels.resample(
        rows, table.length, from, input.length, to, length,
        taps, phases, up, down, start, fraction,
      ),
    );
    // From chunk to chunk the output's length changes by one: a view of it would be another each time.
    const { f32 } = memory;
    for (let k = 0; k < length; k++) output[k] = f32[to / 4 + k]!;
  }

  level(
    plan: LevelPlan,
    given: { readonly samples: Float32Array; readonly previous: number; readonly stats: Float64Array },
  ): void {
    const { samples, previous, stats } = given;
    const memory = this.#memory;
    const places =
      memory.kept(plan) ??
      memory.lay(plan, {
        bytes: [samples.byteLength, stats.byteLength],
        out: { place: 1, as: "Uint8Array" },
      });
    if (places === undefined) {
      REFERENCE_KERNELS.level(plan, given);
      return;
    }
    const [from, to] = places.at as [number, number];
    memory.f32.set(samples, from / 4);
    this.#kernels.level(from, plan.samples, to, plan.preEmphasis, previous, plan.clipsAt);
    this.#copyNumbers(to, stats, LEVEL_FIELDS.count);
  }

  /** Bins or bands, as the plan says. */
  spectrum(plan: SpectrumPlan, samples: SpectrumSamples, out: Float32Array): void {
    const { words, op, samplesArray } = plan;
    const memory = this.#memory;
    const places =
      memory.kept(plan) ??
      memory.lay(plan, {
        bytes: [words.byteLength, samples.byteLength, out.byteLength],
        out: { place: 2, as: "Float32Array" },
      });
    if (places === undefined) {
      REFERENCE_KERNELS[op === "stft" ? "stft" : "logMel"](plan, samples, out);
      return;
    }
    const [block, from, to] = places.at as [number, number, number];
    memory.i32.set(words, block / 4);
    if (samplesArray === "Int16Array") memory.i16.set(samples, from / 2);
    else memory.f32.set(samples, from / 4);
    const run = op === "stft" ? this.#kernels.stft : this.#kernels.log_mel;
    settle(run(block, words.length, from, samples.length, to, out.length));
    out.set(places.out);
  }

  gain(plan: GainPlan, samples: Float32Array, out: Float32Array): number {
    const memory = this.#memory;
    const places =
      memory.kept(plan) ??
      memory.lay(plan, {
        bytes: [samples.byteLength, out.byteLength],
        out: { place: 1, as: "Float32Array" },
      });
    if (places === undefined) return REFERENCE_KERNELS.gain(plan, samples, out);
    const [from, to] = places.at as [number, number];
    memory.f32.set(samples, from / 4);
    const held = this.#kernels.gain(from, plan.samples, to, plan.gain, plan.limit);
    out.set(places.out);
    return held;
  }

  /** A handful of numbers: a view to copy them by would cost more than they do. */
  #copyNumbers(from: number, to: Float64Array, count: number): void {
    const { f64 } = this.#memory;
    for (let at = 0; at < count; at++) to[at] = f64[from / 8 + at]!;
  }
}

/** Plans are checked where they are made, and views before a call: a block that is refused here was changed since. */
function settle(status: number): void {
  if (status !== 0) throw refusal("plan", "one that stays inside its views", "one that leads out of them");
}
