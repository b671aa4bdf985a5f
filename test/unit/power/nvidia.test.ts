// Owns the proof that NVIDIA cards are read through their own program, and that what it does not tell is unknown.

import { expect, test } from "vitest";
import { type CommandAnswer, findNvidiaMeters, runCommand } from "../../../runtime/power/nvidia.js";

/** A runner that prints what it is told to, and counts. */
function pretended(first: string) {
  const runner = {
    answer: { status: 0, out: first, reason: "" } as CommandAnswer,
    runs: 0,
    run: async (command: string, args: readonly string[]) => {
      runner.runs += 1;
      expect([command, ...args]).toEqual([
        "nvidia-smi",
        "--query-gpu=index,name,power.draw",
        "--format=csv,noheader,nounits",
      ]);
      return runner.answer;
    },
  };
  return runner;
}

const TWO_CARDS = "0, NVIDIA GeForce RTX 4090, 61.20\n1, NVIDIA T400 4GB, [N/A]\n";

test("each card is a meter with its name, and one start answers for all", async () => {
  const runner = pretended(TWO_CARDS);

  const meters = await findNvidiaMeters(runner.run);
  const figures = await Promise.all(meters.map((meter) => meter.read(10_000_000)));

  expect(meters.map(({ id, label }) => `${id} ${label}`)).toEqual([
    "nvidia/0 NVIDIA GeForce RTX 4090",
    "nvidia/1 NVIDIA T400 4GB",
  ]);
  expect(figures[0]).toEqual({ watts: 61.2, source: "measured", reason: "" });
  expect(figures[1]).toMatchObject({ watts: "unknown", reason: 'nvidia-smi: card 1 says "[N/A]"' });
  expect(runner.runs).toBe(2);
});

test("an answer serves for two seconds", async () => {
  const runner = pretended(TWO_CARDS);
  const [card] = await findNvidiaMeters(runner.run);
  for (const atUs of [10_000_000, 10_100_000, 11_900_000, 12_100_000]) await card?.read(atUs);

  expect(runner.runs).toBe(3);
});

test.each([
  ["", "lists no card"],
  ["0, NVIDIA GeForce RTX 4090, -3\n", "says"],
  ["0, NVIDIA GeForce RTX 4090, 99999\n", "more than any gpu draws"],
  ["1, another card, 5\n", "no longer listed"],
  ["\u0000\u0001garbage", "lists no card"],
])("%j is unknown", async (out, reason) => {
  const runner = pretended(TWO_CARDS);
  const [card] = await findNvidiaMeters(runner.run);
  runner.answer = { status: 0, out, reason: "" };

  const figure = await card?.read(10_000_000);

  expect(figure?.watts).toBe("unknown");
  expect(figure?.reason).toContain(reason);
});

test("a driver that is gone leaves the cards unknown with what the program said", async () => {
  const runner = pretended(TWO_CARDS);
  const [card] = await findNvidiaMeters(runner.run);
  runner.answer = { status: 9, out: "NVIDIA-SMI has failed", reason: "Command failed: nvidia-smi" };

  expect((await card?.read(10_000_000))?.reason).toBe("nvidia-smi: Command failed: nvidia-smi");
});

test("without the program there are no such meters", async () => {
  expect(await findNvidiaMeters(() => runCommand("redline-no-such-program", []))).toEqual([]);
});

test("a program that fails or is missing is an answer, not a throw", async () => {
  expect(await runCommand(process.execPath, ["-e", "process.exit(3)"])).toMatchObject({ status: 3 });
  expect(await runCommand("redline-no-such-program", [])).toMatchObject({ status: null });
  expect(await runCommand(process.execPath, ["-e", "console.log(7)"])).toEqual({
    status: 0,
    out: "7\n",
    reason: "",
  });
});
