// Owns the scenarios in which one session serves several workers: counts, closing under them, the opener's end.
// argv: the scenario's name. Environment: see host.mjs.

import { setTimeout as sleep } from "node:timers/promises";
import * as life from "./host.mjs";

const WORKERS = 4;
const RUNS = 6;
const startWorker = (scenario, given) => life.startWorker(import.meta.url, scenario, given);

/** A session with a slot for each worker, and the workers, each with its slot bound. */
async function share(model) {
  const host = life.attach();
  const sessionId = await life.open(host, { model, slots: WORKERS + 1 });
  const workers = Array.from({ length: WORKERS }, (_, index) =>
    startWorker("runs on a session it is given", { sessionId, slot: index + 1 }),
  );
  const ends = Promise.all(workers.map(life.exited));
  await Promise.all(workers.map(life.message));
  return { host, sessionId, workers, ends };
}

/** Lets the workers run, and answers how many jobs settled under each code, over all of them. */
async function collect(workers) {
  const counts = workers.map(life.message);
  for (const worker of workers) worker.postMessage("go");
  const total = {};
  for (const codes of await life.soon("the workers' runs", Promise.all(counts))) {
    for (const [code, count] of Object.entries(codes)) total[code] = (total[code] ?? 0) + count;
  }
  return total;
}

const sum = (codes) => Object.values(codes).reduce((total, count) => total + count, 0);

const scenarios = {
  async "one session, four workers and main"() {
    const { host, sessionId, workers, ends } = await share(process.env.SHORT_MODEL);
    const [total, own] = await Promise.all([
      collect(workers),
      life.runMany(host, sessionId, { count: RUNS }),
    ]);
    life.expectEqual("outcomes of the workers", total, { [life.DONE]: WORKERS * RUNS });
    life.expectEqual("outcomes of main", own, { [life.DONE]: RUNS });
    await life.soon("the workers' ends", ends);
    await life.soon("close", host.addon.closeSession(sessionId));
    await life.expectQuiet(host);
    life.endByItself();
  },
  async "one session, four workers, closed while they run"() {
    const { host, sessionId, workers, ends } = await share(process.env.LONG_MODEL);
    const collected = collect(workers);
    await life.running(host);
    await life.soon("close", host.addon.closeSession(sessionId));
    const total = await collected;
    life.expectEqual("jobs settled", sum(total), WORKERS * RUNS);
    const allowed = [life.DONE, life.REJECTED_CLOSED, life.CANCELLED_CLOSING].map(String);
    life.expectEqual(
      "other outcomes",
      Object.keys(total).filter((code) => !allowed.includes(code)),
      [],
    );
    if (!(total[life.CANCELLED_CLOSING] > 0)) throw new Error("nothing was cancelled by the close");
    await life.soon("the workers' ends", ends);
    await life.expectQuiet(host);
    life.endByItself();
  },
  async "one session, four workers, two terminated mid-run"() {
    const { host, sessionId, workers } = await share(process.env.SHORT_MODEL);
    for (const worker of workers.slice(0, 2)) worker.postMessage("go");
    await life.running(host);
    const ends = workers.slice(0, 2).map((worker) => worker.terminate());
    const total = await collect(workers.slice(2));
    await life.soon("terminate", Promise.all(ends));
    life.expectEqual("outcomes of the others", total, { [life.DONE]: 2 * RUNS });
    await life.soon("close", host.addon.closeSession(sessionId));
    await life.expectQuiet(host);
    life.endByItself();
  },
  async "the worker that opened the session is terminated, main goes on"() {
    const opener = startWorker("opens and runs");
    const { sessionId } = await life.soon("the open", life.message(opener));
    const host = life.attach();
    life.bind(host, sessionId, 1);
    await life.soon("terminate", opener.terminate());
    life.expectEqual("outcomes", await life.runMany(host, sessionId, { count: 2, slot: 1 }), {
      [life.DONE]: 2,
    });
    await life.soon("close", host.addon.closeSession(sessionId));
    await life.expectQuiet(host);
    life.endByItself();
  },
  async "four workers on one session, exit mid-run"() {
    const { host, workers } = await share(process.env.LONG_MODEL);
    for (const worker of workers) worker.postMessage("go");
    await life.running(host);
    life.exit();
  },
};

const inWorkers = {
  async "runs on a session it is given"({ sessionId, slot }) {
    const host = life.attach();
    life.bind(host, sessionId, slot);
    const go = life.heard();
    life.say("bound");
    await go;
    life.say(await life.runMany(host, sessionId, { count: RUNS, slot }));
  },
  async "opens and runs"() {
    const host = life.attach();
    const sessionId = await life.open(host, { slots: 2 });
    life.submit(host, sessionId);
    await life.running(host);
    life.say({ sessionId });
    await sleep(60_000);
  },
};

await life.play(scenarios, inWorkers);
