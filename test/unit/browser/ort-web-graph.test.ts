// Owns the promise about onnxruntime-web: a device is used only if its answers are those of wasm, the quickest of them first.

import { afterEach, expect, test, vi } from "vitest";
import { type OrtWeb, type OrtWebDevice, openOrtWebGraph } from "../../../runtime/browser/ort-web-graph.js";

/** What each device makes of the sum of its inputs; a device that is not here refuses the model. */
type Devices = Partial<
  Record<OrtWebDevice, { readonly answer: (sum: number) => number; readonly ms: number }>
>;

function ortOf(devices: Devices) {
  const released: string[] = [];
  const ort: OrtWeb = {
    InferenceSession: {
      create: async (_, { executionProviders: [device] }) => {
        const found = devices[device as OrtWebDevice];
        if (found === undefined) throw new Error("no kernel for Conv");
        return {
          inputMetadata: [{ name: "x", isTensor: true, type: "float32", shape: [1, "n"] }],
          outputMetadata: [{ name: "y", isTensor: true, type: "float32", shape: [1] }],
          run: async (feeds: never) => {
            const start = performance.now();
            while (performance.now() - start < found.ms);
            const { data } = (feeds as { x: { data: Float32Array } }).x;
            const sum = data.reduce((total, value) => total + Math.abs(value), 0);
            return { y: { type: "float32", data: Float32Array.of(found.answer(sum)), dims: [1] } };
          },
          release: async () => {
            released.push(device!);
          },
        };
      },
    },
    Tensor: class {
      constructor(
        readonly type: never,
        readonly data: never,
        readonly dims: readonly number[],
      ) {}
    },
  };
  return { ort, released };
}

const right = { answer: (sum: number) => sum, ms: 0 };
const given = {
  bytes: new Uint8Array(),
  devices: ["wasm", "webgpu", "webnn"] as const,
  shapes: { x: [1, 8] },
  constants: {},
};

function browserWith(navigator: object): void {
  vi.stubGlobal("navigator", navigator);
}
afterEach(() => vi.unstubAllGlobals());

test("the quickest of the devices that are right is taken, and the others are let go", async () => {
  browserWith({ gpu: { requestAdapter: async () => ({}) }, ml: {} });
  const { ort, released } = ortOf({ wasm: { ...right, ms: 3 }, webgpu: right, webnn: { ...right, ms: 1 } });

  const graph = await openOrtWebGraph(ort, given);

  expect(graph.device).toBe("webgpu");
  expect(released.sort()).toEqual(["wasm", "webnn"]);
  expect(graph.inputs).toEqual([{ name: "x", dtype: "float32", shape: [1, 8] }]);
});

test("a quick device that answers wrongly is passed over, with what it answered", async () => {
  browserWith({ gpu: { requestAdapter: async () => ({}) } });
  const { ort, released } = ortOf({
    wasm: { ...right, ms: 2 },
    webgpu: { answer: (sum) => 1.1 * sum, ms: 0 },
  });

  const graph = await openOrtWebGraph(ort, given);

  expect(graph.device).toBe("wasm");
  expect(graph.detail).toMatch(/not webgpu: answers .* where wasm answers/);
  expect(graph.detail).toContain("not webnn: this browser has no WebNN");
  expect(released).toEqual(["webgpu"]);
});

test("a device without an adapter is not tried, and without any device every reason is given", async () => {
  browserWith({ gpu: { requestAdapter: async () => null } });
  const { ort } = ortOf({ webgpu: right });

  await expect(openOrtWebGraph(ort, given)).rejects.toMatchObject({
    code: "PROVIDER_UNAVAILABLE",
    received: "wasm: no kernel for Conv; webgpu: WebGPU gives no adapter; webnn: this browser has no WebNN",
  });
});

test("a device whose answers cannot be checked is not trusted", async () => {
  browserWith({ gpu: { requestAdapter: async () => ({}) } });
  const { ort } = ortOf({ wasm: { ...right, ms: 1 }, webgpu: right });

  const graph = await openOrtWebGraph(ort, { ...given, shapes: {} });

  expect(graph.device).toBe("wasm");
  expect(graph.detail).toContain("not webgpu: its answers cannot be checked");
});
