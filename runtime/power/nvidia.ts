// Owns the draw of NVIDIA cards as `nvidia-smi` tells it. Starts that program through a runner it is given.
// Invariant: one start answers for all cards, and at most one runs at a time; what it does not tell is unknown.

import { execFile } from "node:child_process";
import { measured, type PowerFigure, type PowerMeter, plausible, unknown } from "./meter.js";

/** What a program printed; `status` null when it could not be started or was stopped. */
export interface CommandAnswer {
  readonly status: number | null;
  readonly out: string;
  /** Why it could not be started or did not end well; empty when it did. */
  readonly reason: string;
}

/** Runs a program to its end. Never throws. */
export type CommandRunner = (command: string, args: readonly string[]) => Promise<CommandAnswer>;

const PROGRAM = "nvidia-smi";
const QUERY = ["--query-gpu=index,name,power.draw", "--format=csv,noheader,nounits"];
// It loads the driver's library anew each time, which takes tens of milliseconds of processor time.
const FRESH_US = 2_000_000;
const MOST_START_MS = 5_000;

/** The runner of this machine. A program that hangs is stopped after five seconds. */
export const runCommand: CommandRunner = (command, args) =>
  new Promise((settle) => {
    const options = { timeout: MOST_START_MS, maxBuffer: 1_048_576, killSignal: "SIGKILL" } as const;
    execFile(command, [...args], options, (error, stdout) => {
      if (error === null) return settle({ status: 0, out: stdout, reason: "" });
      const { code } = error as { code?: string | number };
      settle({
        status: typeof code === "number" ? code : null,
        out: stdout,
        reason: error.message.split("\n")[0] as string,
      });
    });
  });

interface CardLine {
  readonly index: string;
  readonly name: string;
  readonly power: string;
}

/** One meter for each card; none where the program is absent or fails. */
export async function findNvidiaMeters(run: CommandRunner): Promise<PowerMeter[]> {
  const panel = new Panel(run);
  const cards = await panel.cards(0);
  if (typeof cards === "string") return [];
  return cards.map(({ index, name }) => ({
    id: `nvidia/${index}`,
    label: name,
    kind: "nvidia" as const,
    scope: "gpu" as const,
    read: async (atUs: number) => {
      const now = await panel.cards(atUs);
      return typeof now === "string" ? unknown(now) : figureOf(now, index);
    },
  }));
}

function figureOf(cards: readonly CardLine[], index: string): PowerFigure {
  const what = `${PROGRAM}: card ${index}`;
  const card = cards.find((one) => one.index === index);
  if (card === undefined) return unknown(`${what} is no longer listed`);
  // Cards without a sensor say "[N/A]" or "[Not Supported]", lost ones "[Unknown Error]".
  if (!/^\d+(\.\d+)?$/.test(card.power))
    return unknown(`${what} says ${JSON.stringify(card.power.slice(0, 24))}`);
  const watts = Number(card.power);
  return watts === 0 ? measured(0) : plausible(watts, { scope: "gpu", what });
}

/** The last answer, shared by the meters of all cards. */
class Panel {
  private answer: { readonly atUs: number; readonly cards: readonly CardLine[] | string } | undefined;
  private pending: Promise<readonly CardLine[] | string> | undefined;

  constructor(private readonly run: CommandRunner) {}

  /** The cards, or why there are none. */
  async cards(atUs: number): Promise<readonly CardLine[] | string> {
    const answer = this.answer;
    if (answer !== undefined && atUs - answer.atUs < FRESH_US && atUs >= answer.atUs) return answer.cards;
    this.pending ??= this.ask().finally(() => {
      this.pending = undefined;
    });
    const cards = await this.pending;
    this.answer = { atUs, cards };
    return cards;
  }

  private async ask(): Promise<readonly CardLine[] | string> {
    const { status, out, reason } = await this.run(PROGRAM, QUERY);
    if (status !== 0) return `${PROGRAM}: ${reason || `exit status ${status}`}`;
    const cards = out.split("\n").flatMap((line) => cardOf(line));
    return cards.length === 0 ? `${PROGRAM} lists no card` : cards.slice(0, MOST_CARDS);
  }
}

const MOST_CARDS = 64;

/** `0, NVIDIA RTX 4000, 31.20`: a name may hold a comma, so it is what lies between the first and the last. */
function cardOf(line: string): CardLine[] {
  const [, index, name, power] = /^\s*(\d+), (.*), ([^,]*)$/.exec(line.trimEnd()) ?? [];
  if (index === undefined || name === undefined || power === undefined) return [];
  return [{ index, name: name.replace(/[^\x20-\x7e]/g, "?").slice(0, 64), power: power.trim() }];
}
