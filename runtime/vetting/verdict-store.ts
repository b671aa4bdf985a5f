// Owns verdicts on disk: <root>/vetted/<key>.json, and beside it the optimised graph that was vetted. Knows no trial.
// Invariant: a graph it answers has the sha256 its verdict states; a verdict or graph that is damaged does not exist.

import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import path from "node:path";
import { type ErrorCode, RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import { readHashed } from "./model-bytes.js";

const REFUSALS = ["MODEL_CRASHED", "MODEL_TIMEOUT", "MODEL_MEMORY", "MODEL_GOLDEN"] as const;
/** The findings that are remembered: those a second trial would most likely repeat at the same price. */
export type Refusal = (typeof REFUSALS)[number];

/** What was found about one model with one set of options on this machine. */
export type Verdict = {
  /** For people: `road-seg@int8-320`, or a path. */
  readonly model: string;
  readonly modelSha256: string;
  /** Versions and machine it was found with, see `surroundingsOf`. */
  readonly surroundings: string;
  /** `child` or `fork`. */
  readonly by: string;
  readonly tookMs: number;
} & (
  | {
      readonly state: "passed";
      /** Null when the graph cannot be written down: then the model itself is opened. */
      readonly graphSha256: string | null;
      readonly opens: number;
      readonly goldenCases: number;
    }
  | {
      readonly state: "refused";
      readonly code: Refusal;
      readonly what: string;
      readonly expected: string;
      readonly received: string;
      readonly hint: string;
    }
);

export interface Remembered {
  readonly verdict: Verdict;
  /** The vetted graph; null when the verdict has none. */
  readonly graph: Uint8Array | null;
}

/** A verdict as it lies in the store; what a damaged one was about is empty. */
export interface Found {
  readonly key: string;
  readonly model: string;
  readonly sha256: string;
  readonly surroundings: string;
  readonly state: "passed" | "refused" | "damaged";
  /** The file to delete to have the model tried again. */
  readonly path: string;
  /** Of a refusal. */
  readonly code?: ErrorCode;
}

export class VerdictStore {
  private readonly folder: string;

  constructor(readonly root: string) {
    this.folder = path.join(root, "vetted");
  }

  pathOf(key: string): string {
    return path.join(this.folder, `${key}.json`);
  }

  /** What is remembered, or undefined; notes that it is used now, which is what keeps it from being collected. */
  async use(key: string): Promise<Remembered | undefined> {
    const remembered = await this.read(key);
    const now = new Date();
    // A store that can only be read keeps no order of use and loses nothing else.
    if (remembered !== undefined) await utimes(this.pathOf(key), now, now).catch(() => {});
    return remembered;
  }

  /** What is remembered, or undefined. */
  async read(key: string): Promise<Remembered | undefined> {
    const verdict = await this.verdictAt(key);
    if (verdict === undefined) return undefined;
    if (verdict.state === "refused" || verdict.graphSha256 === null) return { verdict, graph: null };
    const graph = await readHashed(this.graphPath(key, verdict.graphSha256)).catch(() => undefined);
    // A damaged graph is not mended here: the next vetting writes a good one under the same name.
    return graph?.sha256 === verdict.graphSha256 ? { verdict, graph: graph.bytes } : undefined;
  }

  /**
   * Remembers a verdict: the graph first, so that a verdict never names one that is not there.
   *
   * @throws RedlineError `STORE_WRITE_FAILED`
   */
  async write(key: string, { verdict, graph }: Remembered): Promise<void> {
    try {
      await mkdir(this.folder, { recursive: true });
      if (graph !== null && verdict.state === "passed" && verdict.graphSha256 !== null) {
        await this.place(this.graphPath(key, verdict.graphSha256), graph);
      }
      await this.place(this.pathOf(key), Buffer.from(`${JSON.stringify({ schema: 2, key, ...verdict })}\n`));
      await this.forgetLeastUsed();
    } catch (cause) {
      throw new RedlineError("STORE_WRITE_FAILED", {
        what: this.folder,
        received: String((cause as NodeJS.ErrnoException).code ?? cause),
        hint: "free space or set REDLINE_HOME to a folder that can be written",
        cause,
      });
    }
  }

  /** Every verdict, its graph hashed now. Changes nothing. */
  async list(): Promise<Found[]> {
    const found: Found[] = [];
    for (const key of await this.keys()) {
      const verdict = await this.verdictAt(key);
      const path = this.pathOf(key);
      if (verdict === undefined) {
        found.push({ key, model: "(unreadable)", sha256: "", surroundings: "", state: "damaged", path });
        continue;
      }
      const { model, modelSha256: sha256, surroundings } = verdict;
      const common = { key, model, sha256, surroundings, path };
      if (verdict.state === "refused") found.push({ ...common, state: "refused", code: verdict.code });
      else {
        const isWhole = (await this.read(key)) !== undefined;
        found.push({ ...common, state: isWhole ? "passed" : "damaged" });
      }
    }
    return found;
  }

  private graphPath(key: string, sha256: string): string {
    return path.join(this.folder, `${key}.${sha256.slice(0, 16)}.onnx`);
  }

  private async verdictAt(key: string): Promise<Verdict | undefined> {
    try {
      return checkVerdict(JSON.parse(await readFile(this.pathOf(key), "utf8")), key);
    } catch {
      return undefined;
    }
  }

  private async keys(): Promise<string[]> {
    const names = await readdir(this.folder).catch(() => []);
    return names.filter((name) => /^[0-9a-f]{64}\.json$/.test(name)).map((name) => name.slice(0, 64));
  }

  private async place(target: string, bytes: Uint8Array): Promise<void> {
    const temporary = `${target}.${process.pid}.${randomUUID()}.part`;
    try {
      {
        await using handle = await open(temporary, "wx");
        await handle.writeFile(bytes);
        await handle.sync();
      }
      await rename(temporary, target);
    } finally {
      await rm(temporary, { force: true }).catch(() => {});
    }
  }

  /** Drops the verdicts above the limit that were used longest ago, and whatever else of theirs lies there. */
  private async forgetLeastUsed(): Promise<void> {
    const keys = await this.keys();
    if (keys.length <= LIMITS.vettedModels) return;
    const aged = await Promise.all(
      keys.map(async (key) => ({
        key,
        atMs: (await stat(this.pathOf(key)).catch(() => null))?.mtimeMs ?? 0,
      })),
    );
    aged.sort((a, b) => a.atMs - b.atMs);
    const names = await readdir(this.folder);
    for (const { key } of aged.slice(0, keys.length - LIMITS.vettedModels)) {
      const files = names.filter((name) => name.startsWith(key));
      await Promise.all(
        files.map((name) => rm(path.join(this.folder, name), { force: true }).catch(() => {})),
      );
    }
  }
}

/** A file of the disk is taken for a verdict only when every field is one. */
function checkVerdict(json: unknown, key: string): Verdict | undefined {
  if (typeof json !== "object" || json === null) return undefined;
  const fields = json as Record<string, unknown>;
  const areTexts = (...names: string[]): boolean => names.every((name) => typeof fields[name] === "string");
  if (fields.schema !== 2 || fields.key !== key) return undefined;
  if (!areTexts("model", "modelSha256", "surroundings", "by")) return undefined;
  if (fields.state === "passed") {
    const { graphSha256 } = fields;
    const isHash = graphSha256 === null || /^[0-9a-f]{64}$/.test(String(graphSha256));
    return isHash ? (json as Verdict) : undefined;
  }
  const isRefusal = fields.state === "refused" && REFUSALS.some((code) => code === fields.code);
  return isRefusal && areTexts("what", "expected", "received", "hint") ? (json as Verdict) : undefined;
}

/** Whether a finding is remembered. */
export function isRefusal(code: ErrorCode): code is Refusal {
  return REFUSALS.some((refusal) => refusal === code);
}
