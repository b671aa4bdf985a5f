// Owns conv2d, depthwise and pointwise ones, and pools: images with the channels of a pixel side by side.
// Invariant: a pointwise conv2d is a product of rows, as a dense layer is.

import { PLAIN, type WindowSizes } from "../ops/network-steps.js";
import { placeOf } from "./draft.js";
import type { NodeView } from "./node-view.js";
import { Buffer, type BufferView, FLOAT, floatsOf, type View } from "./tensor-view.js";

/** A conv2d: one group, or one for each channel. */
export function convolvedImage(node: NodeView): View {
  const weights = node.constant(1);
  const [columns = 0, depth = 0, kernelHeight = 0, kernelWidth = 0] = weights.shape;
  const windows = windowsOf(node, [kernelHeight, kernelWidth]);
  const { channels, outHeight, outWidth } = windows;
  const groups = node.whole("group", 1);
  const bias = node.optional(2) === undefined ? undefined : floatsOf(node.constant(2));
  const input = channelsLast(node);
  const ordered = { values: floatsOf(weights), columns, depth, taps: kernelHeight * kernelWidth };
  if (groups === channels && columns === channels && depth === 1 && channels > 1) {
    const output = imageOf(node, { columns, windows });
    node.list.add("depthwise", {
      places: { input: placeOf(input), output: placeOf(output) },
      numbers: { ...windows, ...PLAIN },
      constants: { weights: tapMajor(ordered), ...(bias && { bias }) },
    });
    return output;
  }
  if (groups !== 1 || depth !== channels) throw node.refuse("one group, or one for each channel");
  const output = imageOf(node, { columns, windows });
  const places = { input: placeOf(input), output: placeOf(output) };
  const constants = { weights: channelMinor(ordered), ...(bias && { bias }) };
  if (isPointwise(windows)) {
    const rows = outHeight * outWidth;
    const sizes = { rows, stride: channels, depth: channels, columns, outputStride: columns };
    node.list.add("affine", {
      places,
      numbers: { ...sizes, ...PLAIN, zeroBefore: 0, zeroAfter: 0 },
      constants,
    });
  } else node.list.add("conv2d", { places, numbers: { ...windows, columns, ...PLAIN }, constants });
  return output;
}

function isPointwise(windows: WindowSizes): boolean {
  const { kernelHeight, kernelWidth, strideY, strideX, padTop, padLeft } = windows;
  const isPlain = kernelHeight * kernelWidth * strideY * strideX === 1 && padTop + padLeft === 0;
  return isPlain && windows.outHeight === windows.height && windows.outWidth === windows.width;
}

/** The largest or the mean of each window. */
export function pooled(node: NodeView): View {
  const [kernelHeight = 0, kernelWidth = 0] = node.wholes("kernel_shape", []);
  const isMean = node.node.op === "AveragePool";
  if (isMean && node.whole("count_include_pad", 0) !== 0) throw node.refuse("means without padding");
  if (node.whole("ceil_mode", 0) !== 0 || node.hasOutput(1))
    throw node.refuse("whole windows, and no indices");
  const windows = windowsOf(node, [kernelHeight, kernelWidth]);
  const input = channelsLast(node);
  const output = imageOf(node, { columns: windows.channels, windows });
  node.list.add("pool", {
    places: { input: placeOf(input), output: placeOf(output) },
    numbers: { ...windows, isMean: isMean ? 1 : 0 },
  });
  return output;
}

function windowsOf(node: NodeView, [kernelHeight, kernelWidth]: readonly [number, number]): WindowSizes {
  const { shape } = node.input(0);
  const [batch, channels = 0, height = 0, width = 0] = shape;
  const dilations = node.wholes("dilations", [1, 1]);
  if (shape.length !== 4 || batch !== 1 || dilations.some((step) => step !== 1))
    throw node.refuse("one image, no dilation");
  const [strideY = 1, strideX = 1] = node.wholes("strides", [1, 1]);
  const vertical = padding(node, { axis: 0, size: height, kernel: kernelHeight, stride: strideY });
  const horizontal = padding(node, { axis: 1, size: width, kernel: kernelWidth, stride: strideX });
  return {
    height,
    width,
    channels,
    kernelHeight,
    kernelWidth,
    strideY,
    strideX,
    padTop: vertical.before,
    padLeft: horizontal.before,
    outHeight: vertical.windows,
    outWidth: horizontal.windows,
  };
}

/** Padding in front of one dimension, and how many windows there are. */
function padding(
  node: NodeView,
  given: { axis: number; size: number; kernel: number; stride: number },
): { before: number; windows: number } {
  const { axis, size, kernel, stride } = given;
  const mode = node.text("auto_pad", "NOTSET");
  if (mode === "SAME_UPPER" || mode === "SAME_LOWER") {
    const windows = Math.ceil(size / stride);
    const total = Math.max(0, (windows - 1) * stride + kernel - size);
    return { before: mode === "SAME_UPPER" ? Math.floor(total / 2) : Math.ceil(total / 2), windows };
  }
  const pads = mode === "VALID" ? [0, 0, 0, 0] : node.wholes("pads", [0, 0, 0, 0]);
  const [before, after] = [pads[axis] ?? 0, pads[axis + 2] ?? 0];
  const windows = Math.floor((size + before + after - kernel) / stride) + 1;
  if (windows < 1) throw node.refuse("a kernel no larger than its image");
  return { before, windows };
}

/** [1, channels, height, width] with the channels of a pixel side by side. */
function channelsLast(node: NodeView): BufferView {
  const held = node.list.inArena(node.input(0));
  const [, channels = 1, height = 1, width = 1] = held.shape;
  const wanted = [0, 1, width * channels, channels];
  const isLast = held.shape.every((size, axis) => size === 1 || held.strides[axis] === wanted[axis]);
  return isLast && height > 0 ? held : node.list.copied(held, wanted);
}

function imageOf(node: NodeView, given: { columns: number; windows: WindowSizes }): BufferView {
  const { columns, windows } = given;
  const { outHeight, outWidth } = windows;
  return {
    elementType: FLOAT,
    store: new Buffer(node.node.name, outHeight * outWidth * columns),
    at: 0,
    shape: [1, columns, outHeight, outWidth],
    strides: [0, 1, outWidth * columns, columns],
  };
}

interface Kernel {
  readonly values: Float32Array;
  readonly columns: number;
  readonly depth: number;
  readonly taps: number;
}

/** Weights of each column in the order of a window: tap by tap, channel by channel. */
function channelMinor({ values, columns, depth, taps }: Kernel): Float32Array {
  const ordered = new Float32Array(values.length);
  let at = 0;
  for (let column = 0; column < columns; column++)
    for (let tap = 0; tap < taps; tap++)
      for (let channel = 0; channel < depth; channel++)
        ordered[at++] = values[(column * depth + channel) * taps + tap]!;
  return ordered;
}

/** A kernel for each channel, the channels of a tap side by side. */
function tapMajor({ values, columns, taps }: Kernel): Float32Array {
  return Float32Array.from(
    { length: values.length },
    (_, at) => values[(at % columns) * taps + Math.floor(at / columns)]!,
  );
}
