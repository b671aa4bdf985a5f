// Owns the composition in a browser: models opened as programs or on onnxruntime-web, and closed again. Knows no page.
// Invariant: a program is handed out only after its outputs agreed with the model's golden vectors, or was asked for by name.

import type { Clock } from "../core/clock.js";
import { type Contract, DEFAULT_CONTRACT, freezeContract } from "../core/contract.js";
import { RedlineError } from "../core/errors.js";
import type { Ops } from "../ops/ops.js";
import { BROWSER_CLOCK } from "./browser-clock.js";
import { type BrowserGraph, holdAgainst, openProgramGraph } from "./browser-graph.js";
import {
  type BrowserManifest,
  type BrowserModel,
  type ModelSource,
  readBrowserModel,
} from "./browser-model.js";
import { browserOps } from "./browser-ops.js";
import { BrowserSession } from "./browser-session.js";
import { ORT_WEB_DEVICES, type OrtWeb, type OrtWebDevice, openOrtWebGraph } from "./ort-web-graph.js";

/** What a runtime in a browser is made with. */
export interface BrowserRuntimeOptions {
  /** Loads onnxruntime-web where it is installed: `() => import("onnxruntime-web")`. Without it models run as programs or not at all. */
  readonly ort?: () => Promise<OrtWeb>;
}

/** How a model is opened in a browser. */
export interface BrowserOpenOptions {
  /** A model's manifest, or its address: names, shapes, constants and the sha256 that is checked. */
  readonly manifest?: BrowserManifest | URL | string;
  /** One of the manifest's variants. Default: the first. */
  readonly variant?: string;
  /** Its golden vectors, or their address: what runs here is held against them. */
  readonly golden?: object | URL | string;
  /** Default: no hurry. A browser stops no run: `late: "cancel"` leaves out what cannot be in time any more. */
  readonly contract?: Contract;
  /** Asks for one way to run. Default: a program where golden vectors show it right, else onnxruntime-web. */
  readonly provider?: "program" | "ort-web";
  /** Where onnxruntime-web may run it; the quickest that is right is taken. Default: all. */
  readonly devices?: readonly OrtWebDevice[];
  /** Default: the model's name. */
  readonly name?: string;
}

/** Redline in a browser: the same words as in Node, without lanes, admission and power. */
export class BrowserRuntime implements AsyncDisposable {
  readonly clock: Clock = BROWSER_CLOCK;
  /** The fused ops, in WebAssembly where the engine has its vectors. */
  readonly ops: Ops;
  readonly #loadOrt: (() => Promise<OrtWeb>) | undefined;
  readonly #sessions = new Set<BrowserSession>();
  #isOpen = true;

  constructor(ops: Ops, { ort }: BrowserRuntimeOptions) {
    this.ops = ops;
    this.#loadOrt = ort;
  }

  /**
   * Opens a model from its bytes or its address.
   *
   * Errors: `RUNTIME_CLOSED`, `CONTRACT_INVALID`, `MODEL_*`, `MANIFEST_INVALID`, `STORE_HASH_MISMATCH`, and `PROVIDER_UNAVAILABLE` with
   * every reason when nothing here runs it.
   *
   * @example
   * const browser = await createRuntime();
   * const session = await browser.open("/models/silero_vad_v5.onnx", {
   *   manifest: "/models/silero-vad/manifest.json",
   *   golden: "/models/silero-vad/golden.json",
   * });
   */
  async open(model: ModelSource, options: BrowserOpenOptions = {}): Promise<BrowserSession> {
    this.#requireOpen();
    const contract = freezeContract(options.contract ?? DEFAULT_CONTRACT);
    const read = await readBrowserModel(model, options);
    const graph = await this.#graphOf(read, options);
    const session = new BrowserSession(graph, {
      name: options.name ?? read.name,
      model: read.name,
      variant: read.variant,
      manifest: read.manifest,
      contract,
      clock: this.clock,
    });
    if (!this.#isOpen) await session.close();
    this.#requireOpen();
    this.#sessions.add(session);
    return session;
  }

  /** Closes every session. Idempotent. */
  async close(): Promise<void> {
    this.#isOpen = false;
    const sessions = [...this.#sessions];
    this.#sessions.clear();
    await Promise.all(sessions.map((session) => session.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #requireOpen(): void {
    if (!this.#isOpen) throw new RedlineError("RUNTIME_CLOSED");
  }

  async #graphOf(model: BrowserModel, options: BrowserOpenOptions): Promise<BrowserGraph> {
    const why = await programOr(model, options);
    if (typeof why !== "string") return why;
    if (this.#loadOrt === undefined)
      throw new RedlineError("PROVIDER_UNAVAILABLE", {
        what: `${model.name} in a browser`,
        received: why,
        hint: 'npm install onnxruntime-web, then createRuntime({ ort: () => import("onnxruntime-web") })',
      });
    const { bytes, certain, golden, name } = model;
    const graph = await openOrtWebGraph(await this.#loadOrt(), {
      bytes,
      devices: options.devices ?? ORT_WEB_DEVICES,
      shapes: certain.shapes,
      constants: certain.constants,
    });
    try {
      await holdAgainst(graph, { cases: golden, label: name });
    } catch (error) {
      await graph.close();
      throw error;
    }
    return { ...graph, detail: `${graph.detail}; ${why}` };
  }
}

/** The model as a program, or why it is none. */
async function programOr(
  { bytes, certain, golden, name }: BrowserModel,
  { provider }: BrowserOpenOptions,
): Promise<BrowserGraph | string> {
  if (provider === "ort-web") return "no program: asked for";
  const isAskedFor = provider === "program";
  if (golden.length === 0 && !isAskedFor) return "no program: no golden vectors to hold one against";
  try {
    const graph = await openProgramGraph(bytes, certain);
    await holdAgainst(graph, { cases: golden, label: `${name} as a program` });
    return golden.length > 0 ? graph : { ...graph, detail: `${graph.detail}, held against nothing` };
  } catch (error) {
    if (!(error instanceof RedlineError) || isAskedFor) throw error;
    return `no program: ${[error.what, error.received].filter(Boolean).join(", ")}`;
  }
}

/**
 * Opens Redline in a browser. The WASM kernels are fetched here.
 *
 * @example
 * const runtime = await createRuntime();
 * const session = await runtime.open(bytes, { provider: "program" });
 */
export async function createRuntime(options: BrowserRuntimeOptions = {}): Promise<BrowserRuntime> {
  return new BrowserRuntime(await browserOps(), options);
}
