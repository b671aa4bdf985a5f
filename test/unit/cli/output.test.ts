// Owns the proof that a command's output is what a person, or a program, expects of it.

import { expect, test } from "vitest";
import { CommandOutput } from "../../../runtime/cli/output.js";
import { RedlineError } from "../../../runtime/core/errors.js";
import { memoryStreams } from "./memory-streams.js";

function outputOf({ isJson = false, showsStack = false } = {}) {
  const streams = memoryStreams();
  return { streams, output: new CommandOutput({ isJson, showsStack, streams }) };
}

test("with --json every event is one line and the summary is the last", () => {
  const { streams, output } = outputOf({ isJson: true });

  output.summarise({ segments: 1 }, "one segment");
  output.event({ type: "speech", startMs: 5 }, "5 ms");
  output.say("a remark for people");
  const status = output.finish({ isInterrupted: false });

  expect(streams.out.objects).toEqual([
    { type: "speech", startMs: 5 },
    { type: "summary", segments: 1 },
  ]);
  expect(status).toBe(0);
});

test("people read text and never NDJSON", () => {
  const { streams, output } = outputOf();

  output.event({ type: "speech-start", startMs: 5 });
  output.event({ type: "speech", startMs: 5 }, "5 ms");
  output.summarise({ segments: 1 }, "one segment");
  output.finish({ isInterrupted: false });

  expect(streams.out.text).toBe("5 ms\none segment\n");
});

test("an error names its code and what to do, without a stack, and sets the exit status", () => {
  const { streams, output } = outputOf();

  output.fail(new RedlineError("SOURCE_MISSING", { what: "a.wav", hint: "check the path" }));
  const status = output.finish({ isInterrupted: false });

  expect(streams.err.text).toBe(
    "redline: the input does not exist or cannot be read: a.wav [SOURCE_MISSING]\n  hint: check the path\n",
  );
  expect(streams.out.text).toBe("");
  expect(status).toBe(66);
});

test("with --json an error is an event, and the summary still comes last", () => {
  const { streams, output } = outputOf({ isJson: true });

  output.summarise({ frames: 3 });
  output.fail(new RedlineError("INPUT_SHAPE", { what: "input x", expected: "[1]", received: "[2]" }));
  const status = output.finish({ isInterrupted: false });

  expect(streams.out.objects).toEqual([
    {
      type: "error",
      code: "INPUT_SHAPE",
      message: "an input has the wrong shape: input x (expected [1], received [2])",
      what: "input x",
      expected: "[1]",
      received: "[2]",
      retry: "never",
    },
    { type: "summary", frames: 3, error: "INPUT_SHAPE" },
  ]);
  expect(streams.err.text).toBe("");
  expect(status).toBe(65);
});

test("a bug of ours is called one and its stack is shown only with --debug", () => {
  const quiet = outputOf();
  const loud = outputOf({ showsStack: true });

  quiet.output.fail(new TypeError("x is not a function"));
  loud.output.fail(new TypeError("x is not a function"));

  expect(quiet.streams.err.text).toContain("[INTERNAL]");
  expect(quiet.streams.err.text).not.toContain("    at ");
  expect(loud.streams.err.text).toContain("    at ");
  expect(quiet.output.finish({ isInterrupted: false })).toBe(70);
});

test("an interrupted command says so in its summary", () => {
  const { streams, output } = outputOf({ isJson: true });

  output.finish({ isInterrupted: true });

  expect(streams.out.objects).toEqual([{ type: "summary", interrupted: true }]);
});
