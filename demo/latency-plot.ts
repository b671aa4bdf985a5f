// Owns the latency plot: one dot a job, and the quantiles of each kind of job. Knows no model.

const COLOURS: Readonly<Record<string, string>> = { voice: "#2563a8", road: "#b4540a" };
/** Jobs that are drawn; older ones leave the picture. */
const SHOWN = 600;

/** Latencies on a canvas, on a scale from 0.01 to 1000 ms. */
export class LatencyPlot {
  readonly #canvas: HTMLCanvasElement;
  readonly #note: HTMLElement;
  readonly #jobs: { readonly kind: string; readonly ms: number }[] = [];
  #isDue = false;

  constructor(canvas: HTMLElement, note: HTMLElement) {
    this.#canvas = canvas as HTMLCanvasElement;
    this.#note = note;
  }

  add(kind: string, latencyUs: number): void {
    this.#jobs.push({ kind, ms: Math.max(0.01, latencyUs / 1000) });
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    this.#isDue = false;
    const { width, height } = this.#canvas;
    const to = this.#canvas.getContext("2d")!;
    const y = (ms: number): number => height * (1 - (Math.log10(ms) + 2) / 5);
    to.clearRect(0, 0, width, height);
    to.font = "12px system-ui";
    for (const ms of [0.1, 1, 10, 100]) {
      to.fillStyle = "#d6d9de";
      to.fillRect(0, y(ms), width, 1);
      to.fillStyle = "#59616b";
      to.fillText(`${ms} ms`, 4, y(ms) - 3);
    }
    for (const [at, { kind, ms }] of this.#jobs.slice(-SHOWN).entries()) {
      to.fillStyle = COLOURS[kind] ?? "#59616b";
      to.fillRect((at * width) / SHOWN, y(ms) - 1.5, 3, 3);
    }
    const kinds = [...new Set(this.#jobs.map(({ kind }) => kind))];
    this.#note.textContent = kinds.map((kind) => this.#quantiles(kind)).join(" · ");
  }

  #quantiles(kind: string): string {
    const sorted = this.#jobs
      .filter((job) => job.kind === kind)
      .map(({ ms }) => ms)
      .sort((a, b) => a - b);
    const at = (share: number): string =>
      sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!.toFixed(2);
    return `${kind}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, n ${sorted.length}`;
  }
}
