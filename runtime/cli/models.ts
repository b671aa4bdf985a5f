// Owns `redline models list|pull|verify`: what the store holds, printed. Computes nothing.

import type { Command } from "commander";
import { openStore, RedlineError, type Store, type VariantState } from "../index.js";
import { downloadProgress } from "./download-progress.js";
import type { Perform, Surroundings } from "./verb.js";

const EXAMPLES = `
Examples:
  redline models list                     every model of the catalogue and the state of its files
  redline models pull silero-vad          fetch a model ahead of its use
  redline models pull road-seg@fp32-320   one variant
  redline models verify --json            hash every file again; exit 65 when one is damaged

The store lies in $REDLINE_HOME, else in the platform's cache folder. REDLINE_OFFLINE=1 forbids the network.`;

/** Declares the verb and its three sub-verbs. */
export function addModels(program: Command, perform: Perform): void {
  const models = program.command("models").description("the store of models").addHelpText("after", EXAMPLES);
  models
    .command("list")
    .description("every model of the catalogue and the state of its files")
    .addHelpText("after", EXAMPLES)
    .action(() => perform((surroundings) => withStore(surroundings, list)));
  models
    .command("pull")
    .description("fetch models ahead of their use")
    .argument("<model...>", "a name, a name@variant, or a path to a manifest")
    .addHelpText("after", EXAMPLES)
    .action((names: string[]) =>
      perform((surroundings) => withStore(surroundings, (given) => pull({ ...given, names }))),
    );
  models
    .command("verify")
    .description("hash the files of a model, or of the whole store, and report")
    .argument("[model]", "a name or a name@variant; default: everything")
    .addHelpText("after", EXAMPLES)
    .action((name: string | undefined) =>
      perform((surroundings) => withStore(surroundings, (given) => verify({ ...given, name }))),
    );
}

interface Given extends Surroundings {
  readonly store: Store;
}

async function withStore(surroundings: Surroundings, work: (given: Given) => Promise<void>): Promise<void> {
  const progress = downloadProgress(surroundings.output);
  const store = openStore({ onProgress: progress.show });
  try {
    await work({ ...surroundings, store });
  } finally {
    progress.end();
    await store.close();
  }
}

async function list({ output, store }: Given): Promise<void> {
  const entries = await store.list();
  for (const { model, version, task, licence, provenance, variants } of entries) {
    output.event(
      { type: "model", model, version, task, licence, provenance, variants },
      `${model} ${version}  ${task}  ${licence}`,
    );
    for (const state of variants) output.say(`  ${variantLine(state)}`);
  }
  output.summarise({ models: entries.length, store: store.root }, `store: ${store.root}`);
}

async function pull({ output, store, signal, names }: Given & { names: readonly string[] }): Promise<void> {
  for (const name of names) {
    const { model, variantId, path, variant } = await store.pull(name, { signal });
    const bytes = variant?.bytes;
    output.event(
      { type: "pulled", model, variant: variantId, path, bytes },
      `${model}@${variantId}  ${path}`,
    );
  }
  output.summarise({ models: names.length, store: store.root });
}

async function verify({ output, store, name }: Given & { name: string | undefined }): Promise<void> {
  const states = await store.verify(name);
  for (const state of states) output.event({ type: "file", ...state }, variantLine(state));
  const damaged = states.filter(({ state }) => state === "damaged");
  const counts = { files: states.length, damaged: damaged.length };
  output.summarise(counts, `${counts.files} files, ${counts.damaged} damaged`);
  const [first] = damaged;
  if (first === undefined) return;
  throw new RedlineError("STORE_HASH_MISMATCH", {
    what: first.path,
    expected: first.expectedSha256,
    received: first.receivedSha256 ?? "nothing",
    hint: first.model === null ? "delete the file" : `redline models pull ${first.model}`,
  });
}

function variantLine({ model, variantId, precision, bytes, state, path }: VariantState): string {
  const name = model === null ? "(no manifest)" : `${model}@${variantId}`;
  return `${name.padEnd(24)} ${precision ?? "?"}  ${(bytes / 1e6).toFixed(2)} MB  ${state.padEnd(8)} ${path}`;
}
