// Owns what a store is doing while a test breaks it: one act for each thing it can do to a disk. Knows no fault and no test,
// and imports nothing that runs, so that a process of its own can run it as well.

import type { DiskStore } from "../../../runtime/store/disk-store.js";

/** The model of the world that stores are broken in. */
export const MODEL = "beacon";

/** Which store an act starts from: nothing, the first version, both, or both after damage of a kind. */
export type Start = "empty" | "old" | "both" | "leftover" | "damaged blob" | "damaged record";

export interface Scenario {
  readonly name: string;
  readonly from: Start;
  readonly catalogue: "oldCatalogue" | "newCatalogue";
  /** What lies beside the store before it begins: an export, as a folder or as a file. */
  readonly beside?: "in" | "in.tar";
  /** What it leaves beside the store; what is there before stays whole until then. */
  readonly leaves?: "out" | "out.tar" | "in.tar";
  /** @param beside the folder beside the store, ending in a separator */
  readonly act: (store: DiskStore, beside: string) => Promise<unknown>;
}

const pull = (store: DiskStore) => store.pull(MODEL);

export const SCENARIOS: readonly Scenario[] = [
  { name: "first pull", from: "empty", catalogue: "oldCatalogue", act: pull },
  { name: "pull of the next version", from: "old", catalogue: "newCatalogue", act: pull },
  { name: "pull that goes on with a leftover", from: "leftover", catalogue: "newCatalogue", act: pull },
  { name: "pull over a damaged blob", from: "damaged blob", catalogue: "newCatalogue", act: pull },
  {
    name: "resolve over a damaged blob",
    from: "damaged blob",
    catalogue: "newCatalogue",
    act: (store) => store.resolve(MODEL),
  },
  {
    name: "verify --repair of a blob",
    from: "damaged blob",
    catalogue: "newCatalogue",
    act: (store) => store.verify(undefined, { repair: true }),
  },
  {
    name: "verify --repair of a record",
    from: "damaged record",
    catalogue: "newCatalogue",
    act: (store) => store.verify(undefined, { repair: true }),
  },
  { name: "rollback", from: "both", catalogue: "newCatalogue", act: (store) => store.rollback(MODEL) },
  {
    name: "gc to nothing",
    from: "both",
    catalogue: "newCatalogue",
    act: (store) => store.collect({ budgetBytes: 0, force: true }),
  },
  {
    name: "export to a folder",
    from: "both",
    catalogue: "newCatalogue",
    leaves: "out",
    act: (store, beside) => store.export(`${beside}out`),
  },
  {
    name: "export to a tar file",
    from: "both",
    catalogue: "newCatalogue",
    leaves: "out.tar",
    act: (store, beside) => store.export(`${beside}out.tar`),
  },
  {
    name: "export over an earlier tar file",
    from: "both",
    catalogue: "newCatalogue",
    beside: "in.tar",
    leaves: "in.tar",
    act: (store, beside) => store.export(`${beside}in.tar`),
  },
  {
    name: "import of a folder",
    from: "old",
    catalogue: "newCatalogue",
    beside: "in",
    act: (store, beside) => store.import(`${beside}in`),
  },
  {
    name: "import of a tar file",
    from: "empty",
    catalogue: "newCatalogue",
    beside: "in.tar",
    act: (store, beside) => store.import(`${beside}in.tar`),
  },
];
