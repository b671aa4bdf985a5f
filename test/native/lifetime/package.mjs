// Owns the scenarios over the built package: two copies of it in one process, sessions that are never closed, and the
// fallback's processes. argv: the scenario's name. Environment: see host.mjs; REDLINE_COPIES is a folder with copies a and b.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import * as life from "./host.mjs";

const require = createRequire(import.meta.url);
const X = new Float32Array(384 * 384);
const CONTRACT = { periodMs: 1000, deadlineMs: 60_000 };
const startWorker = (scenario, given) => life.startWorker(import.meta.url, scenario, given);
const doorOf = (copy) => `${process.env.REDLINE_COPIES}/${copy}/dist/runtime/index.js`;
const addonOf = (copy) => `${process.env.REDLINE_COPIES}/${copy}/build/Release/redline.node`;

async function runtimeOf(copy, provider = "ort") {
  const { createRuntime } = await import(pathToFileURL(doorOf(copy)).href);
  const runtime = await createRuntime({ provider });
  life.expectEqual("provider", runtime.provider.name, provider);
  return runtime;
}

const openOn = (runtime, model) => runtime.open(model, { contract: CONTRACT, admit: "best-effort" });

/** Runs a session's jobs one after the other; every one must be done. */
async function runAll(session, count) {
  for (let run = 0; run < count; run++) {
    const outcome = await life.soon("a run", session.run({ x: X }));
    life.expectEqual("outcome", [outcome.status, outcome.reason], ["done", "ok"]);
    outcome.release();
  }
}

/** Leaves a runtime with an open session behind that nobody can reach. */
async function openAndForget(copy, provider) {
  await runAll(await openOn(await runtimeOf(copy, provider), process.env.SHORT_MODEL), 1);
}

/** A model that no store has a verdict on. */
function unknownModel() {
  const text = Buffer.from(`process ${process.pid} at ${process.hrtime.bigint()}`);
  // Field 6 of a model is its description.
  return Buffer.concat([readFileSync(process.env.SHORT_MODEL), Buffer.from([0x32, text.length]), text]);
}

/** Closes runtimes at one moment after the other of their opens: all are refused or their sessions closed, and nothing stays. */
async function closeUnder(given, { provider = "ort", momentsMs }) {
  for (const momentMs of momentsMs) {
    const runtime = await runtimeOf("a", provider);
    const settled = Promise.allSettled(given(runtime));
    await sleep(momentMs);
    await life.soon("close", runtime.close());
    for (const { status, value, reason } of await life.soon("the opens", settled)) {
      if (status === "rejected") life.expectEqual("error", reason.code, "RUNTIME_CLOSED");
      else life.expectEqual("a slot of a closed session", value.reserve(), null);
    }
    if (process.platform === "linux") await life.until("no children", () => life.children().length === 0);
  }
}

/** Moments of an open, a little different in each process. */
const moments = (...wholeMs) => wholeMs.map((wholeMs) => wholeMs + (process.pid % 8) / 2);

/** Collects until a condition holds; the collector alone decides when, so it is asked more than once. */
async function collectUntil(what, condition) {
  await life.until(what, () => {
    global.gc();
    return condition();
  });
}

const scenarios = {
  async "two copies of the package, both run, both close"() {
    const runtimes = [await runtimeOf("a"), await runtimeOf("b")];
    const sessions = await Promise.all(runtimes.map((runtime) => openOn(runtime, process.env.SHORT_MODEL)));
    await Promise.all(sessions.map((session) => runAll(session, 4)));
    life.expectEqual(
      "counts",
      runtimes.map((runtime) => runtime.stats().sessions[0].outcomes.done),
      [4, 4],
    );
    // Two files are two libraries to the system: two hosts, each with lanes of its own, over one ONNX Runtime.
    const hosts = ["a", "b"].map((copy) => require(addonOf(copy)));
    life.expectEqual(
      "lanes of each host",
      hosts.map((addon) => addon.lanes().length),
      [1, 1],
    );
    await life.soon("close", Promise.all(runtimes.map((runtime) => runtime.close())));
    life.endByItself();
  },
  async "two copies of the package, exit mid-run in both"() {
    for (const copy of ["a", "b"]) {
      const session = await openOn(await runtimeOf(copy), process.env.LONG_MODEL);
      void session.run({ x: X });
      await sleep(20);
    }
    life.exit();
  },
  async "two copies of the package, one in a worker that is terminated mid-run"() {
    const worker = startWorker("long run on a copy", { copy: "a" });
    await life.message(worker);
    const session = await openOn(await runtimeOf("b"), process.env.SHORT_MODEL);
    await life.soon("terminate", worker.terminate());
    await runAll(session, 3);
    life.endByItself();
  },
  async "closed while opens are under way"() {
    const { SHORT_MODEL, LONG_MODEL } = process.env;
    const opens = (runtime) => [
      openOn(runtime, SHORT_MODEL),
      openOn(runtime, LONG_MODEL),
      openOn(runtime, readFileSync(SHORT_MODEL)),
      runtime.open("null", { provider: "null" }),
    ];
    await closeUnder(opens, { momentsMs: moments(0, 3, 6, 10, 15, 25, 40) });
    const addon = require(addonOf("a"));
    // The host counts its sessions from 0: there were no more than these.
    for (let id = 0; id < 4 * 7; id++)
      life.expectEqual("an inline run", addon.runInline(id, 0, 0, new Float64Array(3)), life.REJECTED_CLOSED);
    await life.expectQuiet({ addon });
    life.endByItself();
  },
  async "closed while a model is tried"() {
    const opens = (runtime) => [openOn(runtime, unknownModel())];
    await closeUnder(opens, { momentsMs: moments(5, 20, 40, 70) });
    await life.expectQuiet({ addon: require(addonOf("a")) });
    life.endByItself();
  },
  async "closed while opens are under way on the fallback"() {
    const { SHORT_MODEL } = process.env;
    const opens = (runtime) => [openOn(runtime, SHORT_MODEL), openOn(runtime, SHORT_MODEL)];
    await closeUnder(opens, { provider: "ort-node", momentsMs: moments(0, 10, 60, 140) });
    life.endByItself();
  },
  async "collected without close"() {
    await openAndForget("a");
    const addon = require(addonOf("a"));
    // The host knows the session as number 0; closed, it refuses to run it.
    const isClosed = () => addon.runInline(0, 0, 0, new Float64Array(3)) === life.REJECTED_CLOSED;
    await collectUntil("the session's close", isClosed);
    await life.expectQuiet({ addon });
    life.endByItself();
  },
  async "fallback collected without close"() {
    await openAndForget("a", "ort-node");
    if (process.platform === "linux") life.expectEqual("lane processes", life.children().length, 1);
    await collectUntil("the lane process's end", () => life.children().length === 0);
    life.endByItself();
  },
  async "never closed, nothing left to do"() {
    const session = await openOn(await runtimeOf("a"), process.env.SHORT_MODEL);
    await runAll(session, 2);
    life.endByItself();
  },
  async "exit mid-run on the fallback"() {
    const session = await openOn(await runtimeOf("a", "ort-node"), process.env.MEDIUM_MODEL);
    void session.run({ x: X });
    await sleep(30);
    life.exit();
  },
  async "uncaught exception mid-run on the fallback"() {
    const session = await openOn(await runtimeOf("a", "ort-node"), process.env.MEDIUM_MODEL);
    void session.run({ x: X });
    await sleep(30);
    life.sayEnding();
    throw new Error("on purpose");
  },
  async "never closed on the fallback, nothing left to do"() {
    const session = await openOn(await runtimeOf("a", "ort-node"), process.env.SHORT_MODEL);
    await runAll(session, 2);
    life.endByItself();
  },
  async "a worker with the fallback terminated mid-run"() {
    const worker = startWorker("long run on the fallback");
    await life.message(worker);
    await life.soon("terminate", worker.terminate());
    life.endByItself();
  },
};

const inWorkers = {
  async "long run on a copy"({ copy }) {
    const session = await openOn(await runtimeOf(copy), process.env.LONG_MODEL);
    void session.run({ x: X });
    await sleep(30);
    life.say("running");
    await sleep(60_000);
  },
  async "long run on the fallback"() {
    const session = await openOn(await runtimeOf("a", "ort-node"), process.env.MEDIUM_MODEL);
    void session.run({ x: X });
    await sleep(30);
    life.say("running");
    await sleep(60_000);
  },
};

await life.play(scenarios, inWorkers);
