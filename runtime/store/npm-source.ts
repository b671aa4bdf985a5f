// Owns npm: sources: one file out of one exact package version. Knows no hash of ours and no disk.
// Invariant: the registry, proxy, credentials and certificates are the ones `npm install` would use here.

import { existsSync } from "node:fs";
import path from "node:path";
import type { Options } from "pacote";
import type { ReadEntry } from "tar";
import { LIMITS } from "../core/limits.js";
import type { Deliver } from "./blobs.js";
import type { NpmSource } from "./source.js";

/**
 * Streams the file to `deliver`. The tarball is read to its end, because npm's integrity check covers all of it.
 *
 * @throws Error with the registry's or the archive's reason
 */
export async function readNpm(
  source: NpmSource,
  { deliver, signal }: { readonly deliver: Deliver; readonly signal: AbortSignal },
): Promise<void> {
  const [{ default: pacote }, options] = await Promise.all([import("pacote"), loadNpmOptions()]);
  const spec = `${source.packageName}@${source.version}`;
  // Ends the transfer when the file is refused halfway: an unread response would keep the process alive.
  const stop = new AbortController();
  const request = { ...options, signal: AbortSignal.any([signal, stop.signal]) } as Options;
  try {
    await pacote.tarball.stream(
      spec,
      (tarball) => takeFile(tarball, { file: source.file, deliver, signal }),
      request,
    );
  } finally {
    stop.abort();
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
  return config.flat;
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

async function takeFile(
  tarball: NodeJS.ReadableStream,
  { file, deliver, signal }: { file: string; deliver: Deliver; signal: AbortSignal },
): Promise<void> {
  const { Parser } = await import("tar");
  await new Promise<void>((resolve, reject) => {
    let delivered: Promise<void> | undefined;
    let totalBytes = 0;
    const parser = new Parser({ strict: true, onReadEntry: (entry) => take(entry) });
    const fail = (error: unknown) => {
      tarball.unpipe();
      reject(error);
    };
    const take = (entry: ReadEntry) => {
      totalBytes += entry.size;
      if (totalBytes > LIMITS.modelBytes)
        return fail(new Error(`unpacks to over ${LIMITS.modelBytes} bytes`));
      if (delivered !== undefined || entry.type !== "File" || pathInPackage(entry.path) !== file) {
        return entry.resume();
      }
      delivered = deliver(entry);
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
  });
}

/** npm strips the first folder of an archive, whatever its name. */
function pathInPackage(entryPath: string): string {
  return entryPath.slice(entryPath.indexOf("/") + 1);
}
