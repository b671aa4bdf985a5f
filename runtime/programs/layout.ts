// Owns shapes and strides: what of a tensor is dense, what two layouts have in common. Knows no memory and no model.

/** A shape, and how far apart in memory neighbours of each dimension lie. */
export interface Layout {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** The number of elements. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Strides of a row-major tensor without gaps. */
export function rowMajor(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

/** Whether elements lie in row-major order without gaps. Strides of dimensions of size 1 do not count. */
export function isRowMajor({ shape, strides }: Layout): boolean {
  const wanted = rowMajor(shape);
  return shape.every((size, axis) => size === 1 || strides[axis] === wanted[axis]);
}

/** Whether elements fill a stretch of memory without gaps, in whatever order of dimensions. */
export function isDense({ shape, strides }: Layout): boolean {
  const axes = [...shape.keys()].filter((axis) => shape[axis] !== 1);
  axes.sort((a, b) => strides[a]! - strides[b]!);
  let expected = 1;
  for (const axis of axes) {
    if (strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

/** Whether two tensors of one shape have each element at the same place. */
export function isSameLayout(a: Layout, b: Layout): boolean {
  return (
    a.shape.length === b.shape.length &&
    a.shape.every(
      (size, axis) => size === b.shape[axis] && (size === 1 || a.strides[axis] === b.strides[axis]),
    )
  );
}

/** One loop of a walk over two layouts side by side. */
export interface Loop {
  readonly count: number;
  readonly step: number;
  readonly outputStep: number;
}

/** The loops, outermost first, that visit every element of a shape under two strides: neighbours are merged into one. */
export function loopsOf(
  shape: readonly number[],
  { strides, outputStrides }: { strides: readonly number[]; outputStrides: readonly number[] },
): Loop[] {
  const loops: Loop[] = [];
  for (const [axis, count] of shape.entries()) {
    if (count === 1) continue;
    const [step, outputStep] = [strides[axis]!, outputStrides[axis]!];
    const outer = loops.at(-1);
    if (outer?.step === step * count && outer.outputStep === outputStep * count)
      loops[loops.length - 1] = { count: outer.count * count, step, outputStep };
    else loops.push({ count, step, outputStep });
  }
  return loops;
}

/** Calls `visit` with the place of every element, in row-major order. */
export function walk({ shape, strides }: Layout, visit: (place: number) => void): void {
  const descend = (axis: number, place: number): void => {
    if (axis === shape.length) visit(place);
    for (let index = 0; index < (shape[axis] ?? 0); index++)
      descend(axis + 1, place + index * strides[axis]!);
  };
  descend(0, 0);
}
