// Owns `redline run`, the main job: both pipelines in real time, a live table and a verdict per contract. Computes nothing.

import { type Command, Option } from "commander";
import {
  type ContractRecord,
  createRuntime,
  type LiveEvent,
  type LiveRun,
  type LiveRunOptions,
  POWER_PRESETS,
  type PowerGoal,
  type PowerPreset,
  type PowerRecord,
  RedlineError,
  type Runtime,
  startLiveRun,
} from "../index.js";
import { downloadProgress } from "./download-progress.js";
import { licenceNotice } from "./licence-notice.js";
import { powerVerdict, redraw, tableLines, verdictText } from "./live-table.js";
import { positiveNumber, powerGoal } from "./number-option.js";
import type { Output } from "./output.js";
import { tellRefusal } from "./promise-line.js";
import type { Perform, Surroundings } from "./verb.js";

const EXAMPLES = `
Examples:
  redline run                                    20 s on the bundled samples
  redline run --audio mic --frames clip.mp4 --seconds 60
  redline run --model other.onnx --period-ms 100 --deadline-ms 80
  redline run --load hog                         with a background session that never stops asking
  redline run --load hog --power 70%             what that draws is measured, then 70 % of it is kept
  redline run --json                             progress every second, the verdicts, the summary

Exits 0 when every contract was kept, 1 when one was not: a contract is kept while at most 1 job in 1000 misses.`;

interface RunOptions {
  readonly audio?: string;
  readonly frames?: string;
  readonly seconds: number;
  readonly model: string;
  readonly vad: string;
  readonly periodMs: number;
  readonly deadlineMs?: number;
  readonly gate: boolean;
  readonly realTime?: true;
  readonly load?: "hog";
  readonly hog?: true;
  readonly power?: PowerGoal;
  readonly preset?: PowerPreset;
}

/** Declares the verb. */
export function addRun(program: Command, perform: Perform): void {
  program
    .command("run")
    .description("voice and driving side by side in real time, each under its contract")
    .option("--audio <input>", "a WAV file, played over and over, or `mic` (default: the bundled sample)")
    .option(
      "--frames <input>",
      "a folder, Y4M file or clip, played over and over (default: the bundled sample)",
    )
    .option("--seconds <count>", "length of the run", positiveNumber("seconds"), 20)
    .option("--model <name>", "the driving model, by name or path", "road-seg")
    .option("--vad <name>", "the voice-activity model, by name or path", "silero-vad")
    .option("--period-ms <ms>", "period of the driving contract", positiveNumber("period-ms"), 50)
    .option(
      "--deadline-ms <ms>",
      "deadline of the driving contract (default: its period)",
      positiveNumber("deadline-ms"),
    )
    .option("--no-gate", "run the voice model on every frame")
    .option(
      "--real-time",
      "real-time priority for the driving model, where permitted: fewer pauses for it, more for voice",
    )
    .addOption(
      new Option(
        "--load <name>",
        "add a background session that runs the driving model without pause",
      ).choices(["hog"]),
    )
    .option("--hog", "short for --load hog")
    .option(
      "--power <budget>",
      "what the package may draw: watts as in 6W, or a share as in 70% of what the load draws without a budget",
      powerGoal,
    )
    .addOption(
      new Option(
        "--preset <name>",
        "how energy weighs against time (with --power; default: balanced)",
      ).choices(POWER_PRESETS),
    )
    .addHelpText("after", EXAMPLES)
    .action((options: RunOptions) => perform((surroundings) => run({ ...surroundings, options })));
}

/** Four times a second reads as live and costs a terminal nothing. */
const REDRAW_MS = 250;
const PROGRESS_MS = 1000;

async function run({ output, signal, options }: Surroundings & { options: RunOptions }): Promise<void> {
  const progress = downloadProgress(output);
  const store = { onProgress: progress.show, onLicence: licenceNotice(output) };
  const { power, preset } = options;
  const watched = power === undefined && preset === undefined ? {} : { power: preset ? { preset } : {} };
  const runtime = await createRuntime({ store, realTime: options.realTime === true, ...watched });
  let view: View | undefined;
  try {
    const live = await startLiveRun({
      runtime,
      signal,
      ...liveOptions(options),
      onEvent: (event) => view?.tell(event),
    });
    if (!output.isLive) tellMoves(runtime, output);
    progress.end();
    for (const { session, promise, because } of live.report().promises)
      tellRefusal(output, { session, refused: promise === "promised" ? undefined : because });
    view = output.isLive ? new TableView(output, live) : new LineView(output, live);
    const { contracts, promises, background, machine, seconds, kept } = await live.finished.finally(() =>
      view?.end(),
    );
    for (const record of contracts) {
      const { session, misses, n, tolerate } = record;
      output.event({ type: "verdict", session, kept: record.kept, misses, n, tolerate }, verdictText(record));
    }
    const record = live.report().power;
    if (record) output.event({ type: "power-verdict", ...brief(record) }, powerVerdict(record));
    const power = record ? { power: record } : {};
    output.summarise({ contracts, promises, background, machine, ...power, seconds, kept });
    if (!kept) throw broken(contracts);
  } finally {
    progress.end();
    await runtime.close();
  }
}

function liveOptions(options: RunOptions): Omit<LiveRunOptions, "runtime"> {
  const { audio, frames, seconds, model, vad, periodMs, deadlineMs, gate, hog, load, power } = options;
  return {
    seconds,
    drivingModel: model,
    voiceModel: vad,
    drivingContract: {
      periodMs,
      deadlineMs: deadlineMs ?? periodMs,
      criticality: "critical",
      late: "cancel",
    },
    ...(audio === undefined ? {} : { audio }),
    ...(frames === undefined ? {} : { frames }),
    ...(gate ? {} : { gate: "off" }),
    ...(hog === true || load === "hog" ? { hog: "driving-model" } : {}),
    ...(power === undefined ? {} : { power }),
  };
}

/** Moves are told one by one as they happen. */
function brief({ moves: _, ...record }: PowerRecord): Omit<PowerRecord, "moves"> {
  return record;
}

function broken(contracts: readonly ContractRecord[]): RedlineError {
  const names = contracts.filter(({ kept }) => !kept).map(({ session }) => session);
  return new RedlineError("CONTRACT_BROKEN", {
    what: names.join(", "),
    hint: "redline doctor says which thread priorities hold; a longer --period-ms or a smaller model asks for less",
  });
}

/** Elsewhere than in a table, each move is a line of its own, for as long as the runtime lives. */
function tellMoves({ events }: Pick<Runtime, "events">, output: Output): void {
  events.subscribe(({ kind, session, detail }) => {
    if (kind === "ladder.move") output.event({ type: "move", session, detail }, `${session}: ${detail}`);
  });
}

/** How a run shows itself while it lasts. */
interface View {
  tell(event: LiveEvent): void;
  end(): void;
}

/** On a terminal: one table, redrawn in place. */
class TableView implements View {
  #drawn = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(
    readonly output: Output,
    readonly live: LiveRun,
  ) {
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
  }

  /** The table shows what matters; single events would tear it. */
  tell(): void {}

  end(): void {
    clearInterval(this.#timer);
    this.#draw();
  }

  #draw(): void {
    const lines = tableLines(this.live.report());
    this.output.say(redraw(lines, { drawn: this.#drawn }));
    this.#drawn = lines.length;
  }
}

/** Elsewhere: speech as it is heard, the state every second with --json, and the table once at the end. */
class LineView implements View {
  readonly #timer: NodeJS.Timeout;

  constructor(
    readonly output: Output,
    readonly live: LiveRun,
  ) {
    this.#timer = setInterval(() => {
      const { contracts, background, power, seconds } = live.report();
      output.event({
        type: "progress",
        seconds,
        contracts,
        background,
        ...(power ? { power: brief(power) } : {}),
      });
    }, PROGRESS_MS);
  }

  tell({ event }: LiveEvent): void {
    if (event.type === "speech") {
      const { startMs, endMs, probability } = event;
      const span = `${(startMs / 1000).toFixed(2)} - ${(endMs / 1000).toFixed(2)} s`;
      this.output.event(event, `voice: speech ${span}, probability ${probability.toFixed(2)}`);
    } else if (event.type === "frame-error") {
      this.output.event(event, `driving: ${event.source}: ${event.message}`);
    }
  }

  end(): void {
    clearInterval(this.#timer);
    for (const line of tableLines(this.live.report())) this.output.say(line);
  }
}
