// Packages, exports and answers made to be small on the way in and huge, or without an end, inside: refused, and read no further.

import { mkdir, readdir, truncate, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { Readable } from "node:stream";
import { constants, deflateRawSync, gzipSync } from "node:zlib";
import { Header } from "tar";
import { afterEach, describe, expect, test, vi } from "vitest";
import { LIMITS } from "../../../runtime/core/limits.js";
import { takeFromTarball } from "../../../runtime/store/npm-source.js";
import { takeFromZip } from "../../../runtime/store/pypi-source.js";
import type { Receiver } from "../../../runtime/store/receive.js";
import { openStore } from "../../../runtime/store/store.js";
import { errorOf, makeCatalogue, makeFolder } from "../../unit/store/catalogue-folder.js";

const { signal } = new AbortController();
const MANY = LIMITS.archiveEntries + 1;

/** Takes `mostBytes` and then refuses, as the store's own does. */
function receiver(mostBytes: number): Receiver & { receivedBytes: number } {
  return {
    heldBytes: 0,
    receivedBytes: 0,
    async deliver(stream) {
      for await (const piece of stream) {
        this.receivedBytes += piece.length;
        if (this.receivedBytes > mostBytes) throw new Error("more");
      }
    },
  };
}

/** A gzip file of so many megabytes of zeros, made piece by piece. */
function* zeros(megabytes: number): Generator<Buffer> {
  yield Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
  const piece = deflateRawSync(Buffer.alloc(1 << 20), { level: 9, finishFlush: constants.Z_FULL_FLUSH });
  for (let count = 0; count < megabytes; count++) yield piece;
}

function entry(name: string, size: number): Buffer {
  const block = Buffer.alloc(512);
  new Header({ path: name, size, type: "File", mode: 0o644, mtime: new Date(0) }).encode(block, 0);
  return block;
}

describe("an npm package", () => {
  const take = (pieces: Iterable<Buffer>, mostBytes = 1000) => {
    const into = receiver(mostBytes);
    const taking = takeFromTarball(Readable.from(pieces), { file: "model.onnx", receiver: into, signal });
    return { into, error: errorOf(taking) };
  };

  test("of one more file than any package has is refused", async () => {
    function* files() {
      for (let count = 0; count < MANY; count++) yield entry(`package/${count}`, 0);
    }
    const tarball = gzipSync(Buffer.concat([...files()]));

    const { error } = take([tarball]);

    expect(await error).toMatchObject({ message: `the package lists over ${LIMITS.archiveEntries} files` });
  });

  test("of nothing but zeros, a thousand for each of its bytes, is refused at once", async () => {
    let taken = 0;
    function* counted() {
      for (const piece of zeros(1024)) {
        taken += 1;
        yield piece;
      }
    }

    const { error } = take(counted());

    expect(await error).toMatchObject({
      message: expect.stringContaining("max decompression ratio exceeded"),
    });
    expect(taken).toBeLessThan(100);
  });

  test("whose file is longer than its manifest says is unpacked no further", async () => {
    const file = Buffer.alloc(1 << 20, 7);
    for (let at = 0; at < file.length; at += 7) file[at] = at;
    const tarball = gzipSync(
      Buffer.concat([entry("package/model.onnx", file.length), file, Buffer.alloc(1024)]),
    );

    const { error, into } = take([tarball]);

    expect(await error).toMatchObject({ message: "more" });
    expect(into.receivedBytes).toBeLessThan(file.length);
  });

  test("within a package is not looked into", async () => {
    const inner = gzipSync(Buffer.concat([entry("package/model.onnx", 0), Buffer.alloc(1024)]));
    const padded = Buffer.concat([inner, Buffer.alloc(512 - (inner.length % 512))]);
    const outer = Buffer.concat([entry("package/inner.tgz", inner.length), padded, Buffer.alloc(1024)]);

    const { error } = take([gzipSync(outer)]);

    expect(await error).toMatchObject({ message: "the package holds no file model.onnx" });
  });
});

describe("a wheel", () => {
  interface Part {
    readonly name: string;
    readonly packed: Buffer;
    /** What it says to unpack to. */
    readonly size: number;
  }

  async function wheel(parts: readonly Part[]): Promise<string> {
    const pieces: Buffer[] = [];
    const listing: Buffer[] = [];
    let at = 0;
    for (const { name, packed, size } of parts) {
      const common = Buffer.alloc(26);
      common.writeUInt16LE(20, 0);
      common.writeUInt16LE(8, 4);
      common.writeUInt32LE(packed.length, 14);
      common.writeUInt32LE(size, 18);
      common.writeUInt16LE(name.length, 22);
      const head = Buffer.concat([Buffer.from("PK\x03\x04"), common, Buffer.from(name), packed]);
      const rest = Buffer.alloc(14);
      rest.writeUInt32LE(at, 10);
      listing.push(
        Buffer.concat([Buffer.from("PK\x01\x02"), Buffer.from([20, 0]), common, rest, Buffer.from(name)]),
      );
      pieces.push(head);
      at += head.length;
    }
    const central = Buffer.concat(listing);
    const end = Buffer.alloc(22);
    end.write("PK\x05\x06", "latin1");
    end.writeUInt16LE(parts.length & 0xffff, 8);
    end.writeUInt16LE(parts.length & 0xffff, 10);
    end.writeUInt32LE(central.length, 12);
    end.writeUInt32LE(at, 16);
    const file = path.join(await makeFolder(), "a.whl");
    // More files than two bytes can count are counted in a record of their own.
    const long = parts.length > 0xfffe ? zip64(parts.length, { bytes: central.length, at }) : [];
    if (long.length > 0) end.fill(0xff, 8, 20);
    await writeFile(file, Buffer.concat([...pieces, central, ...long, end]));
    return file;
  }

  function zip64(count: number, central: { readonly bytes: number; readonly at: number }): Buffer[] {
    const record = Buffer.alloc(56);
    record.write("PK\x06\x06", "latin1");
    record.writeBigUInt64LE(44n, 4);
    record.writeBigUInt64LE(BigInt(count), 24);
    record.writeBigUInt64LE(BigInt(count), 32);
    record.writeBigUInt64LE(BigInt(central.bytes), 40);
    record.writeBigUInt64LE(BigInt(central.at), 48);
    const locator = Buffer.alloc(20);
    locator.write("PK\x06\x07", "latin1");
    locator.writeBigUInt64LE(BigInt(central.at + central.bytes), 8);
    locator.writeUInt32LE(1, 16);
    return [record, locator];
  }

  const take = (file: string, mostBytes = 1000) => {
    const into = receiver(mostBytes);
    return { into, error: errorOf(takeFromZip(file, { file: "model.onnx", receiver: into, signal })) };
  };
  const packedZeros = (megabytes: number) =>
    Buffer.concat([...zeros(megabytes)].slice(1).concat(deflateRawSync(Buffer.alloc(0))));

  test("of one more file than any wheel has is refused", async () => {
    const parts = Array.from({ length: MANY }, (_, index) => ({
      name: String(index),
      packed: Buffer.alloc(0),
      size: 0,
    }));

    const { error } = take(await wheel(parts));

    expect(await error).toMatchObject({ message: expect.stringContaining(`lists ${MANY} files`) });
  });

  test.each([
    ["says", 1 << 30],
    ["does not say", 500],
  ])("whose file unpacks to 1 GB, which it %s, is unpacked no further than it may be", async (_, size) => {
    const { error, into } = take(await wheel([{ name: "model.onnx", packed: packedZeros(1024), size }]));

    await error;
    expect(into.receivedBytes).toBeLessThan(2 << 20);
  });

  test("within a wheel is not looked into", async () => {
    const { error } = take(await wheel([{ name: "inner.whl", packed: packedZeros(1), size: 1 << 20 }]));

    expect(await error).toMatchObject({ message: "the wheel holds no file model.onnx" });
  });
});

describe("an export", () => {
  test("whose index is a gigabyte is refused unread", async () => {
    const folder = await makeFolder();
    const index = path.join(folder, "redline-export.ndjson");
    await writeFile(index, "");
    await truncate(index, 1 << 30);
    await using store = openStore({ root: await makeFolder(), catalogue: [], offline: true });
    const beforeBytes = process.memoryUsage().rss;

    const error = await errorOf(store.import(folder));

    expect(error).toMatchObject({ code: expect.stringMatching(/^STORE_/) });
    expect(process.memoryUsage().rss - beforeBytes).toBeLessThan(200 * 1_048_576);
  });
});

describe("a server", () => {
  let server: Server | undefined;
  afterEach(async () => {
    vi.unstubAllEnvs();
    server?.closeAllConnections();
    await new Promise((resolve) => server?.close(resolve));
  });

  async function serve(answer: RequestListener): Promise<string> {
    server = createServer(answer);
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async function pull(options: { readonly sources: readonly string[]; readonly mirror?: string }) {
    const { sources, ...rest } = options;
    const bytes = Buffer.alloc(1000, 1);
    const catalogue = await makeCatalogue([{ name: "beacon", bytes, sources }]);
    const root = path.join(await makeFolder(), "store");
    await mkdir(root);
    await using store = openStore({ root, catalogue: [catalogue], ...rest });
    const error = await errorOf(store.pull("beacon"));
    return { error, left: await readdir(path.join(root, "tmp")).catch(() => []) };
  }

  test("that sends a file as a gzip of gigabytes is heard no further than the file may be long", async () => {
    let isAsked = false;
    const mirror = await serve((_, response) => {
      isAsked = true;
      response.writeHead(200, { "content-encoding": "gzip" });
      Readable.from(zeros(4096)).pipe(response);
    });

    const { error, left } = await pull({ sources: ["https://models.invalid/a.onnx"], mirror });

    expect(isAsked).toBe(true);
    expect(error).toMatchObject({ message: expect.stringMatching(/expected 1000 bytes, received more/) });
    expect(left).toEqual([]);
  });

  test("that calls itself a hub and answers without an end is refused", async () => {
    let sentBytes = 0;
    // Without a bound the client would hold this much, and a real server would go on.
    const mostBytes = 8 * LIMITS.hubAnswerBytes;
    const hub = await serve((_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const piece = Buffer.alloc(1 << 20, " ");
      const send = () => {
        while (!response.destroyed && sentBytes < mostBytes) {
          sentBytes += piece.length;
          if (!response.write(piece)) return response.once("drain", send);
        }
        return response.end();
      };
      send();
    });
    vi.stubEnv("HF_ENDPOINT", hub);

    const { error } = await pull({ sources: ["hf:somebody/model@main/a.onnx"] });

    expect(error).toMatchObject({ message: expect.stringContaining(`over ${LIMITS.hubAnswerBytes} bytes`) });
    expect(sentBytes).toBeLessThan(mostBytes);
  });
});
