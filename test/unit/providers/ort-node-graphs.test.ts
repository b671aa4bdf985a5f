// Owns the promises of graphs opened in onnxruntime-node: what is asked is answered, trouble included.

import { expect, test } from "vitest";
import { dynamicAdd, identityModel, logModel, reluModel } from "../../../bench/harness/onnx-model.js";
import { OrtNodeGraphs } from "../../../runtime/providers/ort-node/ort-node-graphs.js";

async function opened(graph: Uint8Array): Promise<OrtNodeGraphs> {
  const graphs = new OrtNodeGraphs();
  const reply = await graphs.answer({ kind: "open", id: 1, sessionId: 1, graph, ort: {} });
  expect(reply.kind).toBe("opened");
  return graphs;
}

test("a graph says its tensors, open dimensions by name or as a question mark", async () => {
  const named = await new OrtNodeGraphs().answer({
    kind: "open",
    id: 5,
    sessionId: 1,
    graph: dynamicAdd(),
    ort: {},
  });
  const unnamed = await new OrtNodeGraphs().answer({
    kind: "open",
    id: 6,
    sessionId: 1,
    graph: identityModel("float32", ["", 3]),
    ort: {},
  });

  expect(named).toMatchObject({ kind: "opened", id: 5, outputs: [{ name: "sum", shape: ["n"] }] });
  expect(unnamed).toMatchObject({ inputs: [{ name: "x", dtype: "float32", shape: ["?", 3] }] });
});

test("a run gives every output with its shape", async () => {
  const graphs = await opened(reluModel([1, 2]));
  const inputs = { x: { data: Float32Array.of(-1, 2), shape: [1, 2] } };

  const reply = await graphs.answer({ kind: "run", id: 2, sessionId: 1, inputs });

  const outputs = { y: { data: Float32Array.of(0, 2), shape: [1, 2] } };
  expect(reply).toMatchObject({ kind: "ran", id: 2, hasFiniteOutputs: true, outputs });
});

test("a run whose output is not finite says so", async () => {
  const graphs = await opened(logModel([2]));
  const inputs = { x: { data: Float32Array.of(-1, 1), shape: [2] } };

  const reply = await graphs.answer({ kind: "run", id: 2, sessionId: 1, inputs });

  expect(reply).toMatchObject({ kind: "ran", hasFiniteOutputs: false });
});

test("what fails is answered with its reason, and the graph lives on", async () => {
  const graphs = await opened(reluModel([1, 2]));
  const right = { x: { data: new Float32Array(2), shape: [1, 2] } };
  const wrong = { x: { data: new Float32Array(3), shape: [1, 3] } };

  const replies = [
    await graphs.answer({ kind: "open", id: 2, sessionId: 2, graph: Uint8Array.of(1, 2, 3), ort: {} }),
    await graphs.answer({ kind: "run", id: 3, sessionId: 9, inputs: right }),
    await graphs.answer({ kind: "run", id: 4, sessionId: 1, inputs: wrong }),
    await graphs.answer({ kind: "run", id: 5, sessionId: 1, inputs: right }),
  ];

  expect(replies.map(({ kind, id }) => [kind, id])).toEqual([
    ["failed", 2],
    ["failed", 3],
    ["failed", 4],
    ["ran", 5],
  ]);
});

test("a closed graph is gone", async () => {
  const graphs = await opened(reluModel([1, 2]));
  const inputs = { x: { data: new Float32Array(2), shape: [1, 2] } };

  const closed = await graphs.answer({ kind: "close", id: 2, sessionId: 1 });
  const after = await graphs.answer({ kind: "run", id: 3, sessionId: 1, inputs });

  expect(closed).toEqual({ kind: "closed", id: 2 });
  expect(after).toMatchObject({ kind: "failed", id: 3 });
});
