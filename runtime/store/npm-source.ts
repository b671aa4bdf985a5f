// Owns npm: sources: one file out of one exact package version. Knows no hash of ours and no disk.
// Invariant: the registry, proxy, credentials and certificates are the ones `npm install` would use here.

import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { existsSync } from "node:fs";
import type { ClientRequest, IncomingMessage } from "node:http";
import path from "node:path";
import type { Options } from "pacote";
import type { ReadEntry } from "tar";
import { LIMITS } from "../core/limits.js";
import type { Receiver } from "./receive.js";
import type { NpmSource } from "./source.js";

/**
 * Streams the file to the receiver. The tarball is read to its end, because npm's integrity check covers all of it.
 *
 * @throws Error with the registry's or the archive's reason
 */
export async function readNpm(
  source: NpmSource,
  { receiver, signal }: { readonly receiver: Receiver; readonly signal: AbortSignal },
): Promise<void> {
  const [{ default: pacote }, options] = await Promise.all([import("pacote"), loadNpmOptions()]);
  const spec = `${source.packageName}@${source.version}`;
  await stoppable(signal, () =>
    pacote.tarball.stream(
      spec,
      (tarball) => takeFromTarball(tarball, { file: source.file, receiver, signal }),
      options as Options,
    ),
  );
}

const REQUEST_START = "http.client.request.start";
const transfers = new AsyncLocalStorage<Set<ClientRequest>>();

/**
 * Destroys what is left of the HTTP requests `act` made, when it ends or the signal fires: an unread response keeps
 * the process alive. npm-registry-fetch 18.0.2 drops the `signal` it is given, so the requests are found by the
 * asynchronous context they start in; pass the signal instead once it is forwarded.
 */
async function stoppable(signal: AbortSignal, act: () => Promise<unknown>): Promise<void> {
  const requests = new Set<ClientRequest>();
  const note = (message: unknown) => {
    if (transfers.getStore() === requests) requests.add((message as { request: ClientRequest }).request);
  };
  const stop = () => {
    for (const request of requests)
      if (!(request as { res?: IncomingMessage }).res?.complete) request.destroy();
  };
  subscribe(REQUEST_START, note);
  signal.addEventListener("abort", stop, { once: true });
  try {
    await transfers.run(requests, act);
  } finally {
    unsubscribe(REQUEST_START, note);
    signal.removeEventListener("abort", stop);
    stop();
  }
}

/** npm's own configuration: environment, project, user and global npmrc, as `npm` itself reads them. */
async function loadNpmOptions(): Promise<Record<string, unknown>> {
  const { default: Config } = await import("@npmcli/config");
  const { default: table } = await import("@npmcli/config/lib/definitions/index.js");
  const config = new Config({
    ...table,
    npmPath: findNpm(),
    argv: [process.execPath, "redline"],
    // Loading writes npm_config_* variables into the environment it is given.
    env: { ...process.env },
  });
  await config.load();
  const { flat } = config;
  // npm's own default waits ten and sixty seconds in silence where there is no way out; whoever configured tries gets them.
  return config.isDefault("fetch-retries") ? { ...flat, retry: { retries: 0 } } : flat;
}

/** The folder of npm beside this Node, whose built-in npmrc counts too. An absent folder means no such file. */
function findNpm(): string {
  const prefix = path.dirname(process.execPath);
  const places = [
    path.join(prefix, "..", "lib", "node_modules", "npm"),
    path.join(prefix, "node_modules", "npm"),
  ];
  return places.find((place) => existsSync(place)) ?? path.join(prefix, "node_modules", "npm");
}

/**
 * Finds one file in a package's tarball and delivers it. What is unpacked and passed over costs time alone, so the number of
 * files, their sizes and the ratio of the compression are bounded.
 *
 * @throws Error with the archive's reason
 */
export async function takeFromTarball(
  tarball: NodeJS.ReadableStream,
  {
    file,
    receiver,
    signal,
  }: { readonly file: string; readonly receiver: Receiver; readonly signal: AbortSignal },
): Promise<void> {
  const { Parser } = await import("tar");
  await new Promise<void>((resolve, reject) => {
    let delivered: Promise<void> | undefined;
    let totalBytes = 0;
    let entries = 0;
    let packedBytes = 0;
    const parser = new Parser({
      strict: true,
      maxDecompressionRatio: LIMITS.archiveRatio,
      onReadEntry: (entry) => take(entry),
    });
    const fail = (error: unknown) => {
      tarball.unpipe();
      reject(error);
    };
    const take = (entry: ReadEntry) => {
      totalBytes += entry.size;
      entries += 1;
      if (totalBytes > LIMITS.modelBytes)
        return fail(new Error(`unpacks to over ${LIMITS.modelBytes} bytes`));
      if (entries > LIMITS.archiveEntries)
        return fail(new Error(`the package lists over ${LIMITS.archiveEntries} files`));
      if (delivered !== undefined || entry.type !== "File" || pathInPackage(entry.path) !== file) {
        return entry.resume();
      }
      delivered = receiver.deliver(entry);
      delivered.catch(fail);
    };
    signal.addEventListener("abort", () => fail(signal.reason), { once: true });
    tarball.on("error", fail);
    parser.on("error", fail);
    parser.on("end", () => {
      if (delivered === undefined) reject(new Error(`the package holds no file ${file}`));
      else delivered.then(resolve, fail);
    });
    tarball.pipe(parser as unknown as NodeJS.WritableStream);
    // After the pipe: a listener sets the stream going, and what it sends before that would be lost to the parser.
    tarball.on("data", (piece: Buffer) => {
      packedBytes += piece.length;
      if (packedBytes > LIMITS.archiveBytes)
        fail(new Error(`the package is over ${LIMITS.archiveBytes} bytes`));
    });
  });
}

/** npm strips the first folder of an archive, whatever its name. */
function pathInPackage(entryPath: string): string {
  return entryPath.slice(entryPath.indexOf("/") + 1);
}
