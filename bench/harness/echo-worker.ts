// Owns a worker thread that sends every number back: the least that any hand-over to another thread costs in Node.

import { Worker } from "node:worker_threads";

/** One thread; one round trip at a time. */
export class EchoWorker {
  readonly #worker = new Worker(
    "const { parentPort } = require('node:worker_threads'); parentPort.on('message', (n) => parentPort.postMessage(n));",
    { eval: true },
  );
  #heard: () => void = () => {};

  constructor() {
    this.#worker.on("message", () => this.#heard());
  }

  roundTrip(): Promise<void> {
    return new Promise((resolve) => {
      this.#heard = resolve;
      this.#worker.postMessage(1);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
