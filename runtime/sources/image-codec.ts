// Owns the loading of sharp, which reads and writes image files. Knows no image.
// Invariant: sharp is loaded by the first image and not before: most of Redline's users and its start have none.

type Sharp = typeof import("sharp");

let loading: Promise<Sharp> | undefined;

/** sharp, set up for work beside lanes. */
export function loadSharp(): Promise<Sharp> {
  loading ??= import("sharp").then(({ default: sharp }) => {
    // One image is coded by one thread: the cores belong to the lanes.
    sharp.concurrency(1);
    return sharp;
  });
  return loading;
}
