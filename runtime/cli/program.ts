// Owns the shape of the command line: its verbs, the options every verb has, and how a command begins and ends.
// Knows no verb's work. Invariant: a command ends with its summary and an exit status of the error table.

import { Command, CommanderError, type OutputConfiguration } from "commander";
import { RedlineError } from "../index.js";
import { addBench } from "./bench.js";
import { addDoctor } from "./doctor.js";
import { addDrive } from "./drive.js";
import { addEval } from "./eval.js";
import { addModels } from "./models.js";
import { CommandOutput } from "./output.js";
import { addPower } from "./power.js";
import { addProfile } from "./profile.js";
import { addRun } from "./run.js";
import type { Perform } from "./verb.js";
import { addVoice } from "./voice.js";

/** One call of the command line. */
export interface ProgramOptions {
  /** Arguments after the program's name. */
  readonly argv: readonly string[];
  readonly version: string;
  readonly streams: ConstructorParameters<typeof CommandOutput>[0]["streams"];
  readonly signal: AbortSignal;
}

/** Exit status of a command ended by an interrupt: 128 + SIGINT, as shells expect. */
const INTERRUPTED = 130;

/** The output a command line asks for; its two options are looked for before it is parsed, because parsing may fail. */
export function outputFor({ argv, streams }: Pick<ProgramOptions, "argv" | "streams">): CommandOutput {
  return new CommandOutput({
    isJson: argv.includes("--json"),
    showsStack: argv.includes("--debug"),
    streams,
  });
}

/** Runs one command and answers its exit status. */
export async function runProgram({ argv, version, streams, signal }: ProgramOptions): Promise<number> {
  const output = outputFor({ argv, streams });
  const perform: Perform = (work) => work({ output, signal });
  try {
    await buildProgram({ version, perform, streams }).parseAsync(argv.length === 0 ? ["--help"] : [...argv], {
      from: "user",
    });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    // An abort comes back as whatever the interrupted work throws; only an error of its own is worth telling.
    const isAbort = signal.aborted && !(error instanceof RedlineError);
    if (!isAbort) output.fail(error instanceof CommanderError ? usageError(error) : error);
  }
  const status = output.finish({ isInterrupted: signal.aborted });
  return signal.aborted ? INTERRUPTED : status;
}

function buildProgram(given: {
  version: string;
  perform: Perform;
  streams: ProgramOptions["streams"];
}): Command {
  const writes: OutputConfiguration = {
    writeOut: (text) => given.streams.out.write(text),
    writeErr: () => {},
  };
  const program = new Command("redline")
    .description("Runs on-device models under a contract and says which promises were kept.")
    .version(given.version)
    .configureOutput(writes)
    .exitOverride()
    .showHelpAfterError(false)
    .helpCommand(false);
  for (const add of [
    addDoctor,
    addPower,
    addModels,
    addVoice,
    addDrive,
    addRun,
    addProfile,
    addBench,
    addEval,
  ])
    add(program, given.perform);
  for (const command of everyCommand(program)) {
    command.exitOverride().configureOutput(writes);
    const isGroup = command.commands.length > 0 && command.options.length === 0;
    if (isGroup) continue;
    command
      .option("--json", "print NDJSON: one object per event, the last one the summary")
      .option("--debug", "print the stack of an error");
  }
  return program.addHelpText(
    "after",
    "\nExamples:\n  redline run                 both bundled pipelines, 20 s, live\n  redline voice talk.wav      where speech starts and ends\n  redline drive frames/       drivable area and lanes of each picture\n  redline doctor              what works here, what does not, and why\n  redline power               what this machine draws, by which meter\n\nExit status: 0 ok, 1 a contract was not kept, 3 refused by a gate, 64 usage, 65 bad data, 66 no such input, 69 unavailable,\n70 internal, 73 cannot write, 74 cannot read, 75 try later, 130 interrupted.",
  );
}

function everyCommand(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...everyCommand(child)]);
}

function usageError(error: CommanderError): RedlineError {
  return new RedlineError("USAGE", {
    what: error.code === "commander.help" ? "a verb is missing" : error.message.replace(/^error: /, ""),
    hint: "redline --help lists the verbs, redline VERB --help its options",
    cause: error,
  });
}
