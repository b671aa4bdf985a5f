// Owns the face of the WASM kernels: every function of a module, over its memory by address.
// Invariant: memory from `heap_start()` on is the caller's; what a call writes overlaps nothing else of the call.

/** A build: `relaxed` uses relaxed SIMD for int8 products, `simd128` runs on every engine with WASM SIMD. */
export type Flavour = "relaxed" | "simd128";

/** The builds there are, the faster first. They differ in the int8 product only; all of them compute the same. */
export declare const FLAVOURS: readonly Flavour[];

/** A `WebAssembly.Memory` and a `WebAssembly.Module`, named without the types of the DOM. */
export interface LinearMemory {
  /** Another one after `grow`. */
  readonly buffer: ArrayBuffer;
  /** Adds pages of 65,536 bytes. */
  grow(pages: number): number;
}
export type CompiledModule = object;

/**
 * One instance. Addresses are multiples of the element's size, lengths count elements unless they say bytes. No call allocates
 * or grows the memory. A call that answers a status answers 0 when it is done, and 1 when it refused a block or length that
 * would lead out of what it names; then nothing is written.
 */
export interface Kernels {
  readonly memory: LinearMemory;
  /** The first address that is the caller's; a multiple of 16. */
  heap_start(): number;
  /** With 0 it answers 0 on an engine that computes rightly. */
  self_test(zero: 0): number;
  /** `scratch` has room for 3 floats of each column of the target. */
  image(
    words: number,
    wordCount: number,
    source: number,
    sourceBytes: number,
    target: number,
    targetBytes: number,
    scratch: number,
  ): number;
  /** 2 x pixels scores, room for pixels margins and two doubles. */
  margins(scores: number, pixels: number, margins: number, totals: number, isLogits: 0 | 1): void;
  /** The block's scratch row is written. */
  mask(
    words: number,
    wordCount: number,
    margins: number,
    marginCount: number,
    out: number,
    outBytes: number,
  ): number;
  /** Answers the number of runs; `out` has room for four doubles of each of `capacity`. `width` is above 0. */
  runs(margins: number, width: number, height: number, out: number, capacity: number): number;
  resample(
    table: number,
    tableCount: number,
    input: number,
    inputCount: number,
    output: number,
    outputCount: number,
    taps: number,
    phases: number,
    up: number,
    down: number,
    start: number,
    fraction: number,
  ): number;
  /** Five doubles. `clipsAt` is above 0. */
  level(
    samples: number,
    count: number,
    stats: number,
    preEmphasis: number,
    previous: number,
    clipsAt: number,
  ): void;
  /** A block without bands; its scratch memory is written. Samples are float32 or int16, as the block says. */
  stft(
    words: number,
    wordCount: number,
    samples: number,
    sampleCount: number,
    out: number,
    outCount: number,
  ): number;
  /** The same with bands. */
  log_mel(
    words: number,
    wordCount: number,
    samples: number,
    sampleCount: number,
    out: number,
    outCount: number,
  ): number;
  /** Answers how many samples were held at the limit, which is above 0. */
  gain(samples: number, count: number, out: number, by: number, limit: number): number;
  /** int8 weights by row, activations from 0 to 127: `sum * scale + bias` of each row as float32, exact sums. */
  gemv_i8(
    weights: number,
    activations: number,
    scales: number,
    biases: number,
    output: number,
    rows: number,
    columns: number,
    isRectified: 0 | 1,
  ): void;
  /**
   * Steps of a program as words, constants as `runtime/ops/pack-network.ts` packs them, and the arena, in floats. Every step is held against
   * both before the first one runs.
   */
  network(
    words: number,
    wordCount: number,
    constants: number,
    constantFloats: number,
    arena: number,
    arenaFloats: number,
  ): number;
}

/** Kernels of a module or its bytes. Throws where the engine has not the instructions, or computes them wrongly. */
export declare function initSync(given: {
  readonly module: ArrayBuffer | ArrayBufferView | CompiledModule;
}): Kernels;

/** The same without blocking, of an address, a response, a module or its bytes. */
export default function init(given: {
  readonly module_or_path: string | URL | Response | CompiledModule | Promise<Response | CompiledModule>;
}): Promise<Kernels>;

/** A flavour that was not used, and why. */
export interface Passed {
  readonly flavour: Flavour;
  readonly reason: string;
}

/** The best flavour that works here, or why none does. */
export type Loaded =
  | { readonly kernels: Kernels; readonly flavour: Flavour; readonly passed: readonly Passed[] }
  | { readonly kernels: null; readonly passed: readonly Passed[] };
