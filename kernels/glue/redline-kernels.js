// Owns turning one flavour's bytes into kernels: instantiated, then asked whether this engine computes them rightly.
// Knows no file and no address. Invariant: kernels that failed their own test are never handed out.

/** The builds there are, the faster first. They differ in the int8 product only; all of them compute the same. */
export const FLAVOURS = Object.freeze(["relaxed", "simd128"]);

/** What each bit of `self_test` stands for. */
const GROUPS = ["dot products", "float arithmetic", "conversions", "double sums"];

/** Kernels of a module or its bytes. Throws where the engine has not the instructions, or computes them wrongly. */
export function initSync({ module }) {
  const compiled = module instanceof WebAssembly.Module ? module : new WebAssembly.Module(module);
  return tested(new WebAssembly.Instance(compiled, {}));
}

/** The same without blocking, of an address, a response, a module or its bytes. */
export default async function init({ module_or_path }) {
  const given = await module_or_path;
  if (given instanceof WebAssembly.Module) return initSync({ module: given });
  return tested((await WebAssembly.instantiate(await bytesOf(given), {})).instance);
}

/** Not compiled while it streams: that asks a server for the right content type, and gains nothing at this size. */
async function bytesOf(given) {
  if (given instanceof ArrayBuffer || ArrayBuffer.isView(given)) return given;
  const response = given instanceof Response ? given : await fetch(given);
  if (!response.ok) throw new Error(`${response.url}: status ${response.status}`);
  return response.arrayBuffer();
}

function tested({ exports }) {
  const wrong = exports.self_test(0);
  if (wrong === 0) return exports;
  const names = GROUPS.filter((_, bit) => (wrong >> bit) & 1).join(", ");
  throw new Error(`this engine computes wrongly: ${names}`);
}
