// Owns the ways a process or worker ends while the host is at work, one scenario per process: see exits.test.ts.
// argv: the scenario's name. Environment: see host.mjs.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import * as life from "./host.mjs";

const require = createRequire(import.meta.url);
const SHORT = { model: process.env.SHORT_MODEL };
const startWorker = (scenario) => life.startWorker(import.meta.url, scenario);

/** The host must still serve this thread. */
async function expectServed(host = life.attach()) {
  const sessionId = await life.open(host, SHORT);
  life.expectEqual("runs", await life.runMany(host, sessionId, { count: 2 }), { [life.DONE]: 2 });
  await life.soon("close", host.addon.closeSession(sessionId));
  await life.expectQuiet(host);
}

const scenarios = {
  async "exit mid-run"() {
    await life.startLong();
    life.exit();
  },
  async "exit mid-run with a pool of threads"() {
    await life.startLong({ ort: { intraOpThreads: 2 } });
    life.exit();
  },
  async "exit in a busy null run"() {
    const host = life.attach();
    life.submit(host, await life.openNull(host, 60_000_000));
    await life.running(host);
    life.exit();
  },
  async "exit while a model loads"() {
    const host = life.attach();
    await host.addon.loadOrt(process.env.ORT_LIBRARY, 29);
    void life.open(host);
    await sleep(3);
    life.exit();
  },
  async "uncaught exception mid-run"() {
    await life.startLong();
    setTimeout(() => {
      life.sayEnding();
      throw new Error("on purpose");
    }, 1);
    await sleep(60_000);
  },
  async "exception in the wake"() {
    const addon = require(process.env.REDLINE_ADDON);
    const ring = new Float64Array(new SharedArrayBuffer(64 * 6 * 8));
    const first = addon.attach(ring, new Int32Array(new SharedArrayBuffer(8)), () => {
      life.sayEnding();
      throw new Error("on purpose");
    });
    life.submit({ addon, nextId: first }, await life.openNull({ addon }, 0));
    await sleep(60_000);
  },
  async "uncaught exception in a worker mid-run"() {
    const worker = startWorker("throws mid-run");
    const error = await life.soon("the error", new Promise((resolve) => worker.once("error", resolve)));
    life.expectEqual("error", error.message, "on purpose");
    await expectServed();
    life.endByItself();
  },
  async "terminate a worker mid-run"() {
    const worker = startWorker("long run");
    await life.message(worker);
    await life.soon("terminate", worker.terminate());
    await expectServed();
    life.exit();
  },
  async "terminate five workers mid-run, one after the other"() {
    for (let count = 0; count < 5; count++) {
      const worker = startWorker("long run");
      await life.message(worker);
      await life.soon("terminate", worker.terminate());
    }
    await expectServed();
    life.endByItself();
  },
  async "terminate four workers mid-run at once"() {
    const workers = Array.from({ length: 4 }, () => startWorker("long run"));
    await Promise.all(workers.map(life.message));
    await life.soon("terminate", Promise.all(workers.map((worker) => worker.terminate())));
    await expectServed();
    life.endByItself();
  },
  async "terminate a worker while a model given as bytes loads"() {
    const worker = startWorker("a load from bytes");
    await life.message(worker);
    // At another moment of the load in each process.
    await sleep(3 * (process.pid % 16));
    await life.soon("terminate", worker.terminate());
    await expectServed();
    life.endByItself();
  },
  async "exit while a worker runs"() {
    await life.message(startWorker("long run"));
    life.exit();
  },
  async "two workers, one terminated"() {
    const workers = [startWorker("long run"), startWorker("short runs")];
    const end = life.exited(workers[1]);
    await Promise.all(workers.map(life.message));
    await life.soon("terminate", workers[0].terminate());
    life.expectEqual("the other's status", await life.soon("its end", end), 0);
    life.exit();
  },
  async "a worker alone uses the addon and ends"() {
    life.expectEqual("status", await life.soon("its end", life.exited(startWorker("short runs"))), 0);
    life.endByItself();
  },
  async "a worker exits by itself mid-run"() {
    await life.soon("its end", life.exited(startWorker("exit mid-run")));
    life.exit();
  },
  async "loaded in a worker first, then in main"() {
    await life.soon("its end", life.exited(startWorker("short runs")));
    await expectServed();
    life.endByItself();
  },
  async "loaded in a worker first, then in main, exit mid-run"() {
    const worker = startWorker("short runs");
    await life.message(worker);
    await life.startLong({ criticality: "critical" });
    life.exit();
  },
  async "onnxruntime-node before"() {
    await (await life.runOrtNode()).release();
    await life.startLong();
    life.exit();
  },
  async "onnxruntime-node after"() {
    const { host, sessionId } = await life.startLong();
    await life.runOrtNode();
    await life.soon("close", host.addon.closeSession(sessionId));
    life.endByItself();
  },
  async "onnxruntime-node before and after, never released"() {
    await life.runOrtNode();
    await expectServed();
    await life.runOrtNode();
    life.endByItself();
  },
  async "close while running, then nothing left to do"() {
    const { host, sessionId } = await life.startLong();
    await life.soon("close", host.addon.closeSession(sessionId));
    const codes = host.records.map(([, code]) => code);
    life.expectEqual("outcomes before the close", codes.length, host.submitted);
    life.expectEqual("the last outcome", codes.at(-1), life.CANCELLED_CLOSING);
    await life.expectQuiet(host);
    life.endByItself();
  },
  async "nothing left to do but a run"() {
    const { host } = await life.startLong({ model: process.env.MEDIUM_MODEL });
    life.sayEnding();
    process.on("exit", () => {
      // The environment stays until what is in flight has settled.
      process.exitCode = host.records.length === host.submitted ? life.AS_TOLD : 1;
    });
  },
  async "submissions in the exit handler"() {
    const { host } = await life.startLong();
    const sessionId = await life.openNull(host, 1000);
    process.on("exit", () => {
      for (let slot = 0; slot < 4; slot++) life.submit(host, sessionId, slot);
    });
    life.exit();
  },
};

const inWorkers = {
  async "long run"() {
    await life.startLong();
    life.say("running");
    await sleep(60_000);
  },
  async "a load from bytes"() {
    const host = life.attach();
    await host.addon.loadOrt(process.env.ORT_LIBRARY, 29);
    const bytes = new Uint8Array(readFileSync(process.env.BULKY_MODEL));
    life.say("loading");
    await life.open(host, { bytes });
    await sleep(60_000);
  },
  async "throws mid-run"() {
    await life.startLong();
    throw new Error("on purpose");
  },
  async "short runs"() {
    const host = life.attach();
    const sessionId = await life.open(host, { ...SHORT, criticality: "background" });
    life.say("open");
    life.expectEqual("runs", await life.runMany(host, sessionId, { count: 3 }), { [life.DONE]: 3 });
  },
  async "exit mid-run"() {
    await life.startLong();
    process.exit(0);
  },
};

await life.play(scenarios, inWorkers);
