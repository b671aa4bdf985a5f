// Owns what the command line prints: text for people, NDJSON for programs, errors for both. Knows no verb.
// Invariant: with --json every line on stdout is one object and the last one is the summary.

import { ERROR_TABLE, RedlineError } from "../index.js";

/** One object of the NDJSON stream. */
export interface Line {
  readonly type: string;
}

/** Where a verb prints. A line has a form for programs and, when people should see it, a form for them. */
export interface Output {
  readonly isJson: boolean;
  /** Whether stdout is a terminal a table can be redrawn on. */
  readonly isLive: boolean;
  event<T extends Line>(line: T, text?: string): void;
  /** A remark for people: on stdout, and nothing at all with --json. */
  say(text: string): void;
  /** Keeps the summary; `finish` prints it last, whatever happens in between. */
  summarise(summary: Readonly<Record<string, unknown>>, text?: string): void;
}

interface Streams {
  readonly out: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly err: NodeJS.WritableStream;
}

/** Where one command prints, and in which form. */
export interface OutputOptions {
  readonly isJson: boolean;
  readonly showsStack: boolean;
  readonly streams: Streams;
}

/** The output of one command: created once, finished once. */
export class CommandOutput implements Output {
  readonly isJson: boolean;
  readonly isLive: boolean;
  readonly #streams: Streams;
  readonly #showsStack: boolean;
  #summary: { fields: Readonly<Record<string, unknown>>; text: string | undefined } | undefined;
  #error: RedlineError | undefined;

  constructor({ isJson, showsStack, streams }: OutputOptions) {
    this.isJson = isJson;
    this.isLive = !isJson && streams.out.isTTY === true;
    this.#showsStack = showsStack;
    this.#streams = streams;
  }

  event<T extends Line>(line: T, text?: string): void {
    if (this.isJson) this.#streams.out.write(`${JSON.stringify(line)}\n`);
    else if (text !== undefined) this.say(text);
  }

  say(text: string): void {
    if (!this.isJson) this.#streams.out.write(`${text}\n`);
  }

  summarise(fields: Readonly<Record<string, unknown>>, text?: string): void {
    this.#summary = { fields, text };
  }

  /** Prints an error as message and hint. Something that is no RedlineError is our bug and is called so. */
  fail(thrown: unknown): void {
    const error = asRedlineError(thrown);
    this.#error = error;
    if (this.isJson) {
      const { code, message, what, expected, received, hint, retry } = error;
      this.event({ type: "error", code, message, what, expected, received, hint, retry });
    } else {
      this.#streams.err.write(`redline: ${error.message} [${error.code}]\n`);
      if (error.hint !== undefined) this.#streams.err.write(`  hint: ${error.hint}\n`);
    }
    if (this.#showsStack) {
      for (
        let link: unknown = thrown;
        link instanceof Error || link instanceof RedlineError;
        link = link.cause
      ) {
        this.#streams.err.write(`${link.stack ?? link.message}\n`);
      }
    }
  }

  /** Prints the summary and answers the exit status. */
  finish({ isInterrupted }: { readonly isInterrupted: boolean }): number {
    const { fields, text } = this.#summary ?? { fields: {}, text: undefined };
    const outcome = {
      ...(this.#error === undefined ? {} : { error: this.#error.code }),
      ...(isInterrupted ? { interrupted: true } : {}),
    };
    if (this.isJson) this.event({ type: "summary", ...fields, ...outcome });
    else if (text !== undefined) this.say(text);
    return this.#error === undefined ? 0 : ERROR_TABLE[this.#error.code].exitStatus;
  }
}

function asRedlineError(thrown: unknown): RedlineError {
  if (thrown instanceof RedlineError) return thrown;
  const received = thrown instanceof Error ? thrown.message : String(thrown);
  return new RedlineError("INTERNAL", {
    received,
    hint: "run again with --debug for the stack",
    cause: thrown,
  });
}
