// Owns `redline voice`: where speech starts and ends in a recording, printed. Computes nothing.

import { type Command, Option } from "commander";
import {
  AUDIO_ENCODINGS,
  type AudioEncoding,
  createRuntime,
  listen,
  openAudio,
  openPromiseFirst,
  type VoiceEvent,
} from "../index.js";
import { downloadProgress } from "./download-progress.js";
import { licenceNotice } from "./licence-notice.js";
import { wholeNumber } from "./number-option.js";
import { tellRefusal } from "./promise-line.js";
import type { Perform, Surroundings } from "./verb.js";

const EXAMPLES = `
Examples:
  redline voice talk.wav                  one line per stretch of speech
  redline voice talk.wav --json           {"type":"speech-start",...} and {"type":"speech",...}, one per line
  redline voice talk.wav --no-gate        run the model on every frame, silence included
  arecord -q -f S16_LE -r 16000 | redline voice - --raw --rate 16000
  redline voice mic                       until interrupted

A recording is heard as fast as the machine can, and nothing is dropped: the contract keeps late results.`;

interface VoiceOptions {
  readonly raw?: true;
  readonly rate: number;
  readonly channels: number;
  readonly format: AudioEncoding;
  readonly model: string;
  readonly gate: boolean;
}

/** Declares the verb. */
export function addVoice(program: Command, perform: Perform): void {
  program
    .command("voice")
    .description("where speech starts and ends")
    .argument("<input>", "a WAV file, `-` for standard input (WAV, or raw with --raw), or `mic`")
    .option("--raw", "standard input is samples without a header")
    .option("--rate <hz>", "sample rate of raw input", wholeNumber("rate"), 16_000)
    .option("--channels <count>", "channels of raw input", wholeNumber("channels"), 1)
    .addOption(
      new Option("--format <name>", "samples of raw input").choices(AUDIO_ENCODINGS).default("s16le"),
    )
    .option("--model <name>", "the voice-activity model, by name or path", "silero-vad")
    .option("--no-gate", "run the model on every frame")
    .addHelpText("after", EXAMPLES)
    .action((input: string, options: VoiceOptions) =>
      perform((surroundings) => voice({ ...surroundings, input, options })),
    );
}

async function voice(given: Surroundings & { input: string; options: VoiceOptions }): Promise<void> {
  const { output, signal, input, options } = given;
  const isLive = input === "mic";
  const progress = downloadProgress(output);
  const store = { onProgress: progress.show, onLicence: licenceNotice(output) };
  const runtime = await createRuntime({ store });
  try {
    const { clock } = runtime;
    const raw = { encoding: options.format, sampleRateHz: options.rate, channels: options.channels };
    const source = openAudio(input, { clock, ...(options.raw === true ? { raw } : {}) });
    const { session, refused } = await openPromiseFirst(runtime, options.model, {
      signal,
      inline: "when-short",
      contract: isLive ? { periodMs: 32 } : { periodMs: 32, deadlineMs: 60_000, late: "keep" },
    });
    progress.end();
    tellRefusal(output, { session: session.name, refused });
    const gate = options.gate ? {} : { gate: "off" as const };
    const mode = isLive ? "live" : "file";
    for await (const event of listen({ session, source, clock, signal, mode, ...gate })) {
      if (event.type !== "report") {
        output.event(event, eventText(event));
        continue;
      }
      const { type: _, fault, ...report } = event;
      output.summarise(
        { source: input, ...report, sessions: [session.stats()], provider: runtime.provider.name },
        `${report.segments} stretches of speech in ${seconds(report.durationMs)} s; the gate spared the model ${report.gatedFrames} of ${report.frames} frames`,
      );
      if (fault !== undefined) throw fault;
    }
  } finally {
    progress.end();
    await runtime.close();
  }
}

function eventText(event: Exclude<VoiceEvent, { type: "report" }>): string | undefined {
  if (event.type === "speech-start") return undefined;
  const span = `${seconds(event.startMs).padStart(8)} - ${seconds(event.endMs).padStart(8)} s`;
  return event.type === "speech"
    ? `${span}  speech, probability ${event.probability.toFixed(2)}`
    : `${span}  too short to be speech`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(2);
}
