// Owns what accuracy gates decided about files: <root>/accuracy/<sha256>-<bytes>.json, one record for each file. Knows no metric.
// Invariant: a record is found by the file's own hash; a damaged one of a file counts as a refusal until the gate decides anew.

import { createHash } from "node:crypto";
import path from "node:path";
import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import { temporariesIn } from "./blobs.js";
import { type Disk, namesIn, nodeDisk, readChunks } from "./disk.js";
import { readSealed, writeSealed } from "./sealed.js";

/** One bound of a gate and how the model stood. */
export interface AccuracyCheck {
  readonly metric: string;
  /** Null when there was nothing to measure. */
  readonly value: number | null;
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly isMet: boolean;
}

/** What a gate decided about one file. */
export interface AccuracyRecord {
  readonly schema: 1;
  readonly sha256: string;
  readonly bytes: number;
  /** For people: a name, or a path. */
  readonly model: string;
  /** The model whose manifest states the gate, with its version. */
  readonly gate: string;
  readonly state: "admitted" | "refused";
  /** Why it was refused, in words. */
  readonly reasons: readonly string[];
  readonly checks: readonly AccuracyCheck[];
  /** Of the data the figures are over. */
  readonly dataSha256: string;
  readonly items: number;
  readonly decidedAt: string;
}

/** A file as it is about to be opened: by its hash where a manifest gives it, else by its path or its bytes. */
export type JudgedFile =
  | { readonly sha256: string; readonly bytes: number }
  | { readonly path: string; readonly bytes: number }
  | { readonly content: Uint8Array };

/** Verdicts of gates in one store. */
export class AccuracyRecords {
  readonly #folder: string;

  constructor(
    private readonly root: string,
    private readonly disk: Disk = nodeDisk,
  ) {
    this.#folder = path.join(root, "accuracy");
  }

  /** Where the record of a file lies: deleting it ends a quarantine. */
  pathOf({ sha256, bytes }: { readonly sha256: string; readonly bytes: number }): string {
    return path.join(this.#folder, `${sha256}-${bytes}.json`);
  }

  /** @throws RedlineError `STORE_WRITE_FAILED` */
  async write(record: AccuracyRecord): Promise<void> {
    await writeSealed(this.disk, this.pathOf(record), {
      body: record,
      temporaries: temporariesIn(this.root),
    });
  }

  /** What was decided about a file; undefined when nothing was, null when the record is damaged. */
  async read(file: {
    readonly sha256: string;
    readonly bytes: number;
  }): Promise<AccuracyRecord | null | undefined> {
    const found = await readSealed<AccuracyRecord>(this.disk, this.pathOf(file));
    if (found.state === "ok") return found.body;
    return found.state === "damaged" ? null : undefined;
  }

  /**
   * The refusal that stands against a file, or undefined. A file without a known hash is hashed only when something of its
   * size was judged.
   */
  async refusalOf(
    file: JudgedFile,
  ): Promise<{ readonly record: AccuracyRecord | null; readonly path: string } | undefined> {
    const known = await this.#identify(file);
    if (known === undefined) return undefined;
    const record = await this.read(known);
    if (record === undefined || record?.state === "admitted") return undefined;
    return { record, path: this.pathOf(known) };
  }

  /**
   * Refuses a file that a gate has refused.
   *
   * @throws RedlineError `MODEL_QUARANTINED` with the gate's reasons; `STORE_READ_FAILED`
   */
  async requireAdmitted(file: JudgedFile, model: string): Promise<void> {
    const refusal = await this.refusalOf(file);
    if (refusal === undefined) return;
    const { record, path: at } = refusal;
    const by = record === null ? "" : ` by the gate of ${record.gate}`;
    throw new RedlineError("MODEL_QUARANTINED", {
      what: `${model}${by}`,
      received: record === null ? `a damaged verdict, ${at}` : record.reasons.join("; "),
      hint: `redline eval --gate decides anew; { quarantined: "open" } opens it all the same; the verdict is ${at}`,
    });
  }

  async #identify(
    file: JudgedFile,
  ): Promise<{ readonly sha256: string; readonly bytes: number } | undefined> {
    if ("sha256" in file) return file;
    const bytes = "path" in file ? file.bytes : file.content.byteLength;
    const names = await namesIn(this.disk, this.#folder);
    if (!names.some((name) => name.endsWith(`-${bytes}.json`))) return undefined;
    const hash = createHash("sha256");
    if ("content" in file) hash.update(file.content);
    else {
      for await (const chunk of readChunks(this.disk, file.path, { bytes: LIMITS.modelBytes }))
        hash.update(chunk);
    }
    return { sha256: hash.digest("hex"), bytes };
  }
}
