// Owns what a power meter is and what it answers. Knows no file and no machine.
// Invariant: a figure is finite and carries its source, or it is unknown and says why; an unreadable meter is never zero.

import type { FigureSource } from "../core/budget.js";

/** One figure of power. */
export interface PowerFigure {
  readonly watts: number | "unknown";
  readonly source: FigureSource;
  /** Why it is unknown; empty when it is not. */
  readonly reason: string;
  /** What to do so that it can be read, where that is known. */
  readonly fix?: string;
}

/** What a meter's figure covers. */
export type MeterScope =
  /** One processor package with everything on its die. */
  | "package"
  /** The whole platform as the processor's firmware sees it. */
  | "platform"
  | "core"
  | "uncore"
  | "dram"
  /** A whole board or module. */
  | "board"
  /** One supply rail of a board. */
  | "rail"
  | "gpu"
  /** Everything that runs from the battery or the mains inlet. */
  | "machine"
  | "device";

/** One place power can be read from. */
export interface PowerMeter {
  /** Unique on the machine, for example `powercap/intel-rapl:0`. */
  readonly id: string;
  /** Its own word for what it measures, for example `package-0`. */
  readonly label: string;
  readonly kind: "powercap" | "hwmon" | "battery" | "nvidia" | "model";
  readonly scope: MeterScope;
  /** The average since the last call for a counter, the present value for a sensor. `atUs` never goes back. */
  read(atUs: number): Promise<PowerFigure>;
}

/** A figure from a counter or sensor. */
export function measured(watts: number): PowerFigure {
  return { watts, source: "measured", reason: "" };
}

/** A figure from a model. */
export function estimated(watts: number): PowerFigure {
  return { watts, source: "estimated", reason: "" };
}

/** No figure, and why. */
export function unknown(reason: string, fix?: string): PowerFigure {
  return { watts: "unknown", source: "unknown", reason, ...(fix === undefined ? {} : { fix }) };
}

/**
 * More than a meter of this scope can mean: beyond it a reading is a fault. Twice the largest part on sale in 2025, so
 * that only nonsense is refused (server package 500 W, accelerator card 1.2 kW, board module 130 W, server 10 kW).
 */
export const MOST_WATTS: Readonly<Record<MeterScope, number>> = {
  package: 1000,
  platform: 2000,
  core: 1000,
  uncore: 500,
  dram: 500,
  board: 300,
  rail: 300,
  gpu: 2400,
  machine: 20_000,
  device: 2400,
};

/** Scopes that cannot draw nothing while this code runs. A rail or a card may be switched off. */
const ALWAYS_DRAWS: ReadonlySet<MeterScope> = new Set(["package", "platform", "board", "machine"]);

/** The figure of an instantaneous sensor, or unknown where no such part draws that. */
export function plausible(watts: number, { scope, what }: { scope: MeterScope; what: string }): PowerFigure {
  if (!Number.isFinite(watts)) return unknown(`${what} is no number`);
  if (watts < 0) return unknown(`${what} says ${watts} W: a draw is not negative`);
  if (watts > MOST_WATTS[scope]) return unknown(`${what} says ${watts} W: more than any ${scope} draws`);
  if (watts === 0 && ALWAYS_DRAWS.has(scope)) return unknown(`${what} says 0 W while the machine runs`);
  return measured(watts);
}

/** The sum of figures that are parts of one whole: unknown as soon as a part is, estimated as soon as a part is. */
export function sumFigures(parts: readonly PowerFigure[]): PowerFigure {
  const missing = parts.filter(({ watts }) => watts === "unknown");
  // A part that somebody can do something about is worth naming before one that only needs time.
  const worst = missing.find(({ fix }) => fix !== undefined) ?? missing[0];
  if (worst !== undefined) return worst;
  if (parts.length === 0) return unknown("there is no such meter");
  const watts = parts.reduce((sum, part) => sum + (part.watts as number), 0);
  return parts.some(({ source }) => source === "estimated") ? estimated(watts) : measured(watts);
}
