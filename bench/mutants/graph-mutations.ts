// Owns what can be done to a graph that keeps the file well-formed: edges, nodes, operators, attributes, constants,
// inputs, subgraphs. Knows no runtime. Invariant: the same random numbers make the same change.

import type { Rng } from "../../runtime/core/rng.js";
import type {
  OnnxAttribute,
  OnnxGraph,
  OnnxNode,
  OnnxTensor,
  OnnxValue,
} from "../../runtime/graphs/onnx-model.js";
import { ATTRIBUTE_KINDS, bytesOf } from "../../runtime/graphs/onnx-model.js";

/** Changes a graph, or answers undefined where there is nothing of its kind to change. */
export type GraphMutation = (graph: OnnxGraph, rng: Rng) => OnnxGraph | undefined;

export function pick<Item>(items: readonly Item[], rng: Rng): Item | undefined {
  return items[rng.below(items.length)];
}

function replaced<Item>(items: readonly Item[], old: Item, ...by: readonly Item[]): Item[] {
  return items.flatMap((item) => (item === old ? by : [item]));
}

function withNode(graph: OnnxGraph, old: OnnxNode, ...by: readonly OnnxNode[]): OnnxGraph {
  return { ...graph, nodes: replaced(graph.nodes, old, ...by) };
}

/** Every name a node could read. */
function valueNames(graph: OnnxGraph): string[] {
  const defined = [...graph.inputs, ...graph.initializers].map(({ name }) => name);
  return [...defined, ...graph.nodes.flatMap(({ outputs }) => outputs)];
}

const rewireEdge: GraphMutation = (graph, rng) => {
  const node = pick(
    graph.nodes.filter(({ inputs }) => inputs.length > 0),
    rng,
  );
  const name = pick([...valueNames(graph), "", "nowhere"], rng);
  if (node === undefined || name === undefined) return undefined;
  const at = rng.below(node.inputs.length);
  const inputs = node.inputs.map((input, position) => (position === at ? name : input));
  return withNode(graph, node, { ...node, inputs });
};

/** A node reads what comes of its own result. */
const makeCycle: GraphMutation = (graph, rng) => {
  const at = rng.below(graph.nodes.length);
  const node = graph.nodes[at];
  const later = pick(
    graph.nodes.slice(at).filter(({ outputs }) => outputs.length > 0),
    rng,
  );
  if (node === undefined || later === undefined || node.inputs.length === 0) return undefined;
  const inputs = [later.outputs[0] as string, ...node.inputs.slice(1)];
  return withNode(graph, node, { ...node, inputs });
};

const dropNode: GraphMutation = (graph, rng) => {
  const node = pick(graph.nodes, rng);
  return node && withNode(graph, node);
};

/** Twice as it is, so that two nodes give the same value, or the second time under names of its own. */
const duplicateNode: GraphMutation = (graph, rng) => {
  const node = pick(graph.nodes, rng);
  if (node === undefined) return undefined;
  const isSame = rng.below(2) === 0;
  const outputs = isSame ? node.outputs : node.outputs.map((name) => (name === "" ? "" : `${name}_again`));
  return withNode(graph, node, node, { ...node, outputs });
};

const reorderNodes: GraphMutation = (graph, rng) => {
  const nodes = [...graph.nodes];
  if (nodes.length < 2) return undefined;
  const [moved] = nodes.splice(rng.below(nodes.length), 1);
  nodes.splice(rng.below(nodes.length + 1), 0, moved as OnnxNode);
  return { ...graph, nodes };
};

/** Operators with attributes, subgraphs and shapes of every kind, one that takes strings, and one that does not exist. */
const OPS =
  `Add Sub Mul Div Pow MatMul Gemm Conv ConvTranspose Relu Softmax LSTM GRU Reshape Transpose Slice Gather GatherND
  ScatterND Concat Split Squeeze Unsqueeze Expand Tile Pad Resize Cast Shape Size NonZero TopK Where If Loop Scan SequenceAt
  SplitToSequence Constant ConstantOfShape Range Einsum LayerNormalization InstanceNormalization BatchNormalization MaxPool
  AveragePool GlobalAveragePool QuantizeLinear DequantizeLinear QLinearConv MatMulInteger Identity Dropout NonMaxSuppression
  CumSum OneHot DepthToSpace StringNormalizer NoSuchOperator`.split(/\s+/);

const renameOp: GraphMutation = (graph, rng) => {
  const node = pick(graph.nodes, rng);
  return node && withNode(graph, node, { ...node, op: pick(OPS, rng) as string });
};

const swapOutputs: GraphMutation = (graph, rng) => {
  const [first, second] = [pick(graph.nodes, rng), pick(graph.nodes, rng)];
  if (first === undefined || second === undefined || first === second) return undefined;
  const swapped = withNode(graph, first, { ...first, outputs: second.outputs });
  return withNode(swapped, second, { ...second, outputs: first.outputs });
};

function withAttribute(
  graph: OnnxGraph,
  rng: Rng,
  change: (attribute: OnnxAttribute) => readonly OnnxAttribute[] | undefined,
): OnnxGraph | undefined {
  const node = pick(
    graph.nodes.filter(({ attributes }) => attributes.length > 0),
    rng,
  );
  const attribute = node && pick(node.attributes, rng);
  if (node === undefined || attribute === undefined) return undefined;
  const by = change(attribute);
  if (by === undefined) return undefined;
  return withNode(graph, node, { ...node, attributes: replaced(node.attributes, attribute, ...by) });
}

const INTEGERS = [-1n, 0n, 1n, 2n, 3n, 7n, 255n, 65_536n, -65_536n, 2n ** 31n, 2n ** 62n, -(2n ** 63n)];
const FLOATS = [0, -0, 1, -1, 1e-38, 3e38, Number.NaN, Number.POSITIVE_INFINITY];

const changeAttribute: GraphMutation = (graph, rng) =>
  withAttribute(graph, rng, (attribute) => {
    const { int, float, string, ints, floats } = attribute;
    if (rng.below(4) === 0) return [];
    if (int !== null) return [{ ...attribute, int: pick(INTEGERS, rng) as bigint }];
    if (float !== null) return [{ ...attribute, float: pick(FLOATS, rng) as number }];
    if (string !== null) return [{ ...attribute, string: Buffer.from(rng.below(2) === 0 ? "" : "nonsense") }];
    if (ints.length > 0) {
      const at = rng.below(ints.length);
      const changed = ints.map((item, position) =>
        position === at ? (pick(INTEGERS, rng) as bigint) : item,
      );
      return [{ ...attribute, ints: rng.below(3) === 0 ? changed.slice(1) : changed }];
    }
    if (floats.length > 0) return [{ ...attribute, floats: [...floats, pick(FLOATS, rng) as number] }];
    return [];
  });

/** The attribute says that it is something else, with or without a value of that kind. */
const retypeAttribute: GraphMutation = (graph, rng) =>
  withAttribute(graph, rng, (attribute) => {
    const kind = pick(Object.values(ATTRIBUTE_KINDS), rng) as number;
    const bare = rng.below(2) === 0 ? attribute : { ...attribute, int: null, ints: [], tensor: null };
    return [{ ...bare, kind, float: kind === ATTRIBUTE_KINDS.float ? 0.5 : attribute.float }];
  });

function withConstant(
  graph: OnnxGraph,
  rng: Rng,
  change: (tensor: OnnxTensor) => OnnxTensor | undefined,
): OnnxGraph | undefined {
  const tensor = pick(graph.initializers, rng);
  const by = tensor && change(tensor);
  return tensor && by && { ...graph, initializers: replaced(graph.initializers, tensor, by) };
}

/** Another shape of as many elements, so that the bytes still fit and only the operators can object. */
const reshapeConstant: GraphMutation = (graph, rng) =>
  withConstant(graph, rng, (tensor) => {
    const count = tensor.dims.reduce((product, size) => product * size, 1);
    const shapes = [[count], [1, count], [count, 1], [...tensor.dims].reverse(), [...tensor.dims, 1, 1]];
    if (count % 2 === 0) shapes.push([2, count / 2], [count / 2, 2]);
    if (rng.below(6) === 0) return { ...tensor, dims: [...tensor.dims, 3] };
    return { ...tensor, dims: pick(shapes, rng) as number[] };
  });

/** Another type of the same size, so that the bytes still fit; now and then any type at all. */
const retypeConstant: GraphMutation = (graph, rng) =>
  withConstant(graph, rng, (tensor) => {
    const all = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 21, 99];
    const alike = all.filter((elementType) => bytesOf({ ...tensor, elementType }) === bytesOf(tensor));
    const elementType = pick(rng.below(6) === 0 ? all : alike, rng);
    return elementType === undefined ? undefined : { ...tensor, elementType };
  });

const dropConstant: GraphMutation = (graph, rng) => {
  const tensor = pick(graph.initializers, rng);
  return tensor && { ...graph, initializers: replaced(graph.initializers, tensor) };
};

/** An input becomes a constant of zeros or ones: how the known crash of Silero is made. */
const inputToConstant: GraphMutation = (graph, rng) => {
  const input = pick(graph.inputs, rng);
  const shape = input?.type?.shape;
  if (!input?.type || !shape) return undefined;
  const dims = shape.map(({ size }) => (typeof size === "number" && size >= 0 && size < 4096 ? size : 1));
  const { elementType } = input.type;
  const bytes = bytesOf({ elementType, dims });
  if (bytes === null || bytes > 4_194_304) return undefined;
  const raw = new Uint8Array(bytes).fill(rng.below(2));
  const constant = { name: input.name, elementType, dims, raw, external: null, dataLocation: 0, rest: [] };
  const inputs = rng.below(4) === 0 ? graph.inputs : replaced(graph.inputs, input);
  return { ...graph, inputs, initializers: [...graph.initializers, constant] };
};

/** Every open size of the inputs is closed: half of what makes the known crash. */
const closeShapes: GraphMutation = (graph, rng) => {
  const isOpen = ({ type }: OnnxValue): boolean =>
    type?.shape?.some(({ size }) => typeof size !== "number") === true;
  if (!graph.inputs.some(isOpen)) return undefined;
  const size = pick([1, 2, 3, 576], rng) as number;
  const close = (value: OnnxValue): OnnxValue => {
    const { type } = value;
    if (!type?.shape || !isOpen(value)) return value;
    const shape = type.shape.map((old) => (typeof old.size === "number" ? old : { size, rest: [] }));
    return { ...value, type: { ...type, shape } };
  };
  return { ...graph, inputs: graph.inputs.map(close) };
};

const constantToInput: GraphMutation = (graph, rng) => {
  const tensor = pick(graph.initializers, rng);
  if (tensor === undefined) return undefined;
  const { name, elementType, dims } = tensor;
  const shape = dims.map((size) => ({ size, rest: [] }));
  const input = { name, type: { kind: "tensor" as const, elementType, shape, rest: [] }, rest: [] };
  return {
    ...graph,
    inputs: [...graph.inputs, input],
    initializers: replaced(graph.initializers, tensor),
  };
};

/** Declares another size or type for an input, an output or a value on the way. */
const redeclareValue: GraphMutation = (graph, rng) => {
  const place = pick(["inputs", "outputs", "values"] as const, rng) as "inputs";
  const value: OnnxValue | undefined = pick(graph[place], rng);
  const { type } = value ?? { type: null };
  if (!value || !type?.shape) return undefined;
  const size = pick([0, 1, 2, 7, 1024, 100_000, 2_000_000_000, -1, "n", null], rng) as number | string | null;
  const at = rng.below(type.shape.length + 1);
  const shape = [...type.shape.slice(0, at), { size, rest: [] }, ...type.shape.slice(at + rng.below(2))];
  const elementType = rng.below(3) === 0 ? (pick([1, 6, 7, 8, 9, 11], rng) as number) : type.elementType;
  const changed = { ...value, type: { ...type, shape, elementType } };
  return { ...graph, [place]: replaced(graph[place], value, changed) };
};

const renameOutput: GraphMutation = (graph, rng) => {
  const output = pick(graph.outputs, rng);
  const name = pick(valueNames(graph), rng);
  if (output === undefined || name === undefined) return undefined;
  return { ...graph, outputs: replaced(graph.outputs, output, { ...output, name }) };
};

/** Part of the graph moves into both branches of an If, or a branch moves to another node. */
const moveSubgraph: GraphMutation = (graph, rng) => {
  const holders = graph.nodes.filter(({ attributes }) => attributes.some((part) => part.graph !== null));
  const from = pick(holders, rng);
  const [first, second] = from?.attributes.filter((part) => part.graph !== null) ?? [];
  if (from && first && rng.below(2) === 0) {
    if (second !== undefined && rng.below(2) === 0) {
      const swapped = from.attributes.map((part) => {
        if (part === first) return { ...first, graph: second.graph };
        return part === second ? { ...second, graph: first.graph } : part;
      });
      return withNode(graph, from, { ...from, attributes: swapped });
    }
    const to = pick(graph.nodes, rng) as OnnxNode;
    return withNode(graph, to, { ...to, attributes: [...to.attributes, first] });
  }
  return intoBranch(graph, rng);
};

function intoBranch(graph: OnnxGraph, rng: Rng): OnnxGraph | undefined {
  const at = rng.below(graph.nodes.length);
  const moved = graph.nodes.slice(at, at + 1 + rng.below(4));
  const results = moved.flatMap(({ outputs }) => outputs).filter((name) => name !== "");
  if (moved.length === 0) return undefined;
  const inner = results.map((name) => ({ name: `${name}_inner`, type: null, rest: [] }));
  const rename = (name: string): string => (results.includes(name) ? `${name}_inner` : name);
  const nodes = moved.map((node) => ({
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
  }));
  const none = { initializers: [], sparseInitializers: [], inputs: [], values: [], rest: [] };
  const branch: OnnxGraph = { name: "moved", nodes, outputs: inner, ...none };
  const attributes = ["then_branch", "else_branch"].map((name) => graphAttribute(name, branch));
  const condition = "mutant_condition";
  const constant = { name: condition, elementType: 9, dims: [], raw: Uint8Array.of(rng.below(2)) };
  const branching: OnnxNode = {
    ...{ name: "", op: "If", domain: "", overload: "", rest: [] },
    inputs: [condition],
    outputs: results,
    attributes,
  };
  return {
    ...graph,
    nodes: [...graph.nodes.slice(0, at), branching, ...graph.nodes.slice(at + moved.length)],
    initializers: [...graph.initializers, { ...constant, external: null, dataLocation: 0, rest: [] }],
  };
}

function graphAttribute(name: string, graph: OnnxGraph): OnnxAttribute {
  const lists = { floats: [], ints: [], strings: [], tensors: [], graphs: [], sparseTensors: [], rest: [] };
  const singles = { float: null, int: null, string: null, tensor: null, sparseTensor: null };
  return { name, kind: ATTRIBUTE_KINDS.graph, graph, ...singles, ...lists };
}

/** Every mutation by name. */
export const GRAPH_MUTATIONS: Readonly<Record<string, GraphMutation>> = {
  "rewire-edge": rewireEdge,
  "make-cycle": makeCycle,
  "drop-node": dropNode,
  "duplicate-node": duplicateNode,
  "reorder-nodes": reorderNodes,
  "rename-op": renameOp,
  "swap-outputs": swapOutputs,
  "change-attribute": changeAttribute,
  "retype-attribute": retypeAttribute,
  "reshape-constant": reshapeConstant,
  "retype-constant": retypeConstant,
  "drop-constant": dropConstant,
  "input-to-constant": inputToConstant,
  "close-shapes": closeShapes,
  "constant-to-input": constantToInput,
  "redeclare-value": redeclareValue,
  "rename-output": renameOutput,
  "move-subgraph": moveSubgraph,
};
