// Owns `redline models rollback|export|import|gc` printed: what changed, what was copied, what was freed.
// Computes nothing.

import type { Given } from "./models.js";

/** The options of `gc`. */
export interface Limits {
  readonly budget?: number;
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

export async function rollBack({ output, store, signal, name }: Given & { name: string }): Promise<void> {
  const change = await store.rollback(name, { signal });
  const { model, fromVersion, toVersion } = change;
  output.event(
    { type: "rolled-back", ...change },
    `${model}: ${toVersion} is used now, not ${fromVersion ?? "the damaged version"}`,
  );
  output.summarise({ model, version: toVersion, store: store.root });
}

export async function exportTo({
  output,
  store,
  signal,
  target,
  names,
}: Given & { target: string; names: readonly string[] }): Promise<void> {
  const chosen = names.length === 0 ? {} : { names };
  const { models, ...counts } = await store.export(target, { signal, ...chosen });
  for (const entry of models) {
    const { model, version, variantIds } = entry;
    output.event({ type: "exported", ...entry }, `${model} ${version}  ${variantIds.join(", ")}`);
  }
  const { files, bytes, keptFiles } = counts;
  const there = keptFiles === 0 ? "" : `, ${keptFiles} of them there already`;
  output.summarise(
    { models: models.length, ...counts },
    `${counts.target}: ${files} files, ${megabytes(bytes)}${there}`,
  );
}

export async function importFrom({
  output,
  store,
  signal,
  source,
}: Given & { source: string }): Promise<void> {
  const { models, ...counts } = await store.import(source, { signal });
  for (const entry of models) {
    const { model, version, variantIds, isInUse } = entry;
    const use = isInUse ? "" : `  kept; redline models rollback ${model} uses it`;
    output.event({ type: "imported", ...entry }, `${model} ${version}  ${variantIds.join(", ")}${use}`);
  }
  const { files, bytes, keptFiles } = counts;
  const there = keptFiles === 0 ? "" : `, ${keptFiles} of them there already`;
  output.summarise(
    { models: models.length, ...counts, store: store.root },
    `${files} files, ${megabytes(bytes)}${there}`,
  );
}

export async function collect({ output, store, limits }: Given & { limits: Limits }): Promise<void> {
  const { budget, force = false, dryRun = false } = limits;
  const collected = await store.collect({
    ...(budget === undefined ? {} : { budgetBytes: budget }),
    force,
    dryRun,
  });
  const { removed, ...rest } = collected;
  const word = dryRun ? "would go" : "went";
  for (const one of removed) {
    output.event(
      { type: "removed", ...one },
      `${one.reason.padEnd(12)} ${megabytes(one.bytes)}  ${one.path}`,
    );
  }
  for (const at of rest.busy) output.say(`in use by another process, left alone: ${at}`);
  const over = rest.isWithinBudget ? "" : "; over the budget: what is left is in use (--force)";
  output.summarise(
    { files: removed.length, ...rest, dryRun },
    `${removed.length} files ${word}, ${megabytes(rest.freedBytes)}; ${megabytes(rest.heldBytes)} held${over}`,
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}
