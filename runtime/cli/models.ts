// Owns `redline models`: its verbs, their arguments and their examples, and `list`, `pull` and `verify` printed.
// Computes nothing.

import type { Command } from "commander";
import {
  describeModel,
  openStore,
  RedlineError,
  type Store,
  type VariantState,
  vettedModels,
  vettingOf,
} from "../index.js";
import { downloadProgress } from "./download-progress.js";
import { licenceNotice } from "./licence-notice.js";
import { collect, exportTo, importFrom, type Limits, rollBack } from "./models-upkeep.js";
import { byteSize } from "./number-option.js";
import type { Perform, Surroundings } from "./verb.js";

const STORE = `
The store lies in $REDLINE_HOME, else in the platform's cache folder. REDLINE_OFFLINE=1 forbids the network;
REDLINE_MIRROR names a folder or address to ask before any other. HTTPS_PROXY, HTTP_PROXY and NO_PROXY are honoured.`;

const EXAMPLES = `
Examples:
  redline models list                     every model and the state of its files
  redline models pull silero-vad          fetch a model ahead of its use
  redline models verify --repair          hash every file; fetch again what is damaged
                                          (verdicts of tried models too: one is forgotten by deleting its file)
  redline models inspect silero-vad       the ops it runs as, or why it stays with ONNX Runtime
  redline models rollback silero-vad      use the version before this one
  redline models export site.tar          everything installed, for a machine without a network
  redline models import site.tar          and into its store
  redline models gc --budget 2GB          free space, least recently used first
${STORE}`;

/** What a verb is given once the store is open. */
export interface Given extends Surroundings {
  readonly store: Store;
}

/** Declares the verb and its sub-verbs. */
export function addModels(program: Command, perform: Perform): void {
  const models = program.command("models").description("the store of models").addHelpText("after", EXAMPLES);
  const does = (work: (given: Given) => Promise<void>): Promise<void> =>
    perform((surroundings) => withStore(surroundings, work));
  const verb = (name: string, description: string, examples: readonly string[]): Command =>
    models
      .command(name)
      .description(description)
      .addHelpText("after", ["\nExamples:", ...examples.map((line) => `  ${line}`), STORE].join("\n"));

  verb("list", "every model of the catalogue and the state of its files", [
    "redline models list",
    "redline models list --json",
  ]).action(() => does(list));
  verb("pull", "fetch models ahead of their use, and keep the version before each", [
    "redline models pull silero-vad road-seg",
    "redline models pull road-seg@fp32-320        one variant",
    "REDLINE_MIRROR=https://models.example/ redline models pull silero-vad",
  ])
    .argument("<model...>", "a name, a name@variant, or a path to a manifest")
    .action((names: string[]) => does((given) => pull({ ...given, names })));
  verb("verify", "hash the files of a model, or of the whole store, and report", [
    "redline models verify --json              exit 65 when a file is damaged, and its name",
    "redline models verify --repair            set damaged files aside and fetch them again",
  ])
    .argument("[model]", "a name or a name@variant; default: everything")
    .option("--repair", "set damaged files aside and fetch them again")
    .action((name: string | undefined, { repair = false }: { repair?: boolean }) =>
      does((given) => verify({ ...given, name, repair })),
    );
  verb("inspect", "show the program of fused ops a model runs as, or why it is none", [
    "redline models inspect silero-vad",
    "redline models inspect ./model.onnx --json",
  ])
    .argument("<model>", "a name, a name@variant, or a path")
    .action((name: string) => does((given) => inspect({ ...given, name })));
  verb("rollback", "use the version of a model that was in use before; twice returns", [
    "redline models rollback silero-vad",
  ])
    .argument("<model>", "a model's name")
    .action((name: string) => does((given) => rollBack({ ...given, name })));
  verb("export", "copy models to a folder or a .tar file, for a machine without a network", [
    "redline models export site.tar                 everything installed",
    "redline models export /media/stick silero-vad  one model; goes on where it was interrupted",
  ])
    .argument("<target>", "a folder, which can serve as a mirror too, or a file ending in .tar")
    .argument("[model...]", "names or name@variant; default: everything installed")
    .action((target: string, names: string[]) => does((given) => exportTo({ ...given, target, names })));
  verb("import", "install what an export holds, each file hashed on the way in", [
    "redline models import site.tar",
    "redline models import /media/stick",
  ])
    .argument("<source>", "an export's folder or .tar file")
    .action((source: string) => does((given) => importFrom({ ...given, source })));
  verb("gc", "free space: what is of no use, and with a budget the least recently used blobs", [
    "redline models gc                         unfinished and quarantined files only",
    "redline models gc --budget 2GB --dry-run  what would go",
    "redline models gc --budget 0 --force      everything, models in use too",
  ])
    .option("--budget <size>", "most the store may hold afterwards, as in 500MB or 2GB", byteSize)
    .option("--force", "let blobs of versions in use go too")
    .option("--dry-run", "report and remove nothing")
    .action((limits: Limits) => does((given) => collect({ ...given, limits })));
}

async function withStore(surroundings: Surroundings, work: (given: Given) => Promise<void>): Promise<void> {
  const { output } = surroundings;
  const progress = downloadProgress(output);
  const store = openStore({ onProgress: progress.show, onLicence: licenceNotice(output) });
  try {
    await work({ ...surroundings, store });
  } finally {
    progress.end();
    await store.close();
  }
}

async function list({ output, store }: Given): Promise<void> {
  const entries = await store.list();
  for (const { variants, ...entry } of entries) {
    const { model, version, task, licence, isRolledBack, keptVersions } = entry;
    const rolledBack = isRolledBack ? "  rolled back" : "";
    const kept = keptVersions.filter((one) => one !== version);
    const others = kept.length === 0 ? "" : `  keeps ${kept.join(", ")}`;
    output.event(
      { type: "model", ...entry, variants },
      `${model} ${version}  ${task}  ${licence}${rolledBack}${others}`,
    );
    for (const state of variants) output.say(`  ${variantLine(state)}`);
  }
  output.summarise({ models: entries.length, store: store.root }, `store: ${store.root}`);
}

async function pull({ output, store, signal, names }: Given & { names: readonly string[] }): Promise<void> {
  for (const name of names) {
    const { model, variantId, path, variant, manifest } = await store.pull(name, { signal });
    const bytes = variant?.bytes;
    const version = manifest?.version;
    output.event(
      { type: "pulled", model, version, variant: variantId, path, bytes },
      `${model}@${variantId}  ${path}`,
    );
  }
  output.summarise({ models: names.length, store: store.root });
}

async function verify({
  output,
  store,
  signal,
  name,
  repair,
}: Given & { name: string | undefined; repair: boolean }): Promise<void> {
  const states = await store.verify(name, { signal, repair });
  const verdicts = await vettedModels({ root: store.root });
  for (const state of states) {
    // What is not here, or is none of the catalogue's models, is opened by nobody.
    const vetting = state.state === "ok" && state.variantId !== null ? vettingOf(state, verdicts) : null;
    const said = vetting === null ? "" : `  ${VETTING_WORDS[vetting.state]}`;
    output.event({ type: "file", ...state, vetting }, `${variantLine(state)}${said}`);
  }
  const damaged = states.filter(({ state }) => state === "damaged");
  // A verdict belongs to a file's bytes and to options, not to a name: it is shown when everything is.
  const vetted = name === undefined ? verdicts : [];
  for (const verdict of vetted) {
    const { model, state, code, isCurrent, path } = verdict;
    const found = code === undefined ? state : `${state}, ${code}`;
    const use = isCurrent || state === "damaged" ? "" : ", by another version or machine";
    output.event({ type: "vetted", ...verdict }, `${model.padEnd(24)} ${found}${use}  ${path}`);
  }
  const counts = {
    files: states.length,
    damaged: damaged.length,
    missing: states.filter(({ state }) => state === "missing").length,
    vetted: vetted.length,
    refused: vetted.filter(({ state }) => state === "refused").length,
    // Harmless: such a graph is made anew when it is next asked for.
    damagedVerdicts: vetted.filter(({ state }) => state === "damaged").length,
  };
  output.summarise(
    counts,
    `${counts.files} files, ${counts.damaged} damaged, ${counts.missing} not fetched yet; ${counts.vetted} vetted, ${counts.refused} refused`,
  );
  const [first] = damaged;
  if (first === undefined) return;
  throw new RedlineError("STORE_HASH_MISMATCH", {
    what: first.path,
    expected: first.expectedSha256,
    received: first.receivedSha256 ?? "other bytes",
    hint: `redline models verify${name === undefined ? "" : ` ${name}`} --repair`,
  });
}

async function inspect({ output, store, signal, name }: Given & { name: string }): Promise<void> {
  const described = await describeModel(await store.resolve(name, { signal }));
  const { model, variant, program, obstacle } = described;
  for (const [index, op] of (program?.ops ?? []).entries())
    output.event(
      { type: "op", index, ...op },
      `${String(index).padStart(3)} ${op.op.padEnd(10)} ${op.detail}${op.weightBytes === 0 ? "" : `  ${op.weightBytes} bytes of weights`}`,
    );
  const carried = Object.entries(program?.carried ?? {}).map(
    ([from, to]) => `, ${from} takes the place of ${to}`,
  );
  output.summarise(
    { ...described, program: program === null ? null : { ...program, ops: program.ops.length } },
    program === null
      ? `${model}@${variant} is no program: ${obstacle}`
      : `${model}@${variant}: ${program.ops.length} ops, arena ${program.arenaBytes} bytes, weights ${program.weightBytes} bytes${carried.join("")}`,
  );
}

const VETTING_WORDS = {
  passed: "vetted",
  refused: "refused when it was tried",
  outdated: "vetted before; its next open tries it anew",
  untried: "not vetted yet; its first open tries it",
} as const;

function variantLine({ model, variantId, precision, bytes, state, path }: VariantState): string {
  const owner = model ?? "(no manifest)";
  const name = variantId === null ? owner : `${owner}@${variantId}`;
  const size = state === "missing" ? "-" : `${(bytes / 1e6).toFixed(2)} MB`;
  return `${name.padEnd(24)} ${precision ?? "?"}  ${size}  ${state.padEnd(8)} ${path}`;
}
