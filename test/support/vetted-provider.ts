// Owns the vetted provider over the real host, as tests need it: a store of its own, and what it said it tried.

import { findOrtLibrary, loadNative } from "../../runtime/bindings/load.js";
import { NativeProvider } from "../../runtime/providers/ort/native-provider.js";
import type { OpenRequest } from "../../runtime/providers/provider.js";
import { VettedProvider, type VettingOptions } from "../../runtime/vetting/vetted-provider.js";
import { makeFolder } from "../unit/store/catalogue-folder.js";

/** The vetted provider over the real host, and what it said it tried. */
export async function vetted(options: Partial<VettingOptions> = {}) {
  const native = loadNative();
  if (native.addon === null) throw new Error(native.reasons.join("; "));
  const { addon } = native;
  const host = new NativeProvider({ name: "ort", addon, ortLibraryPath: findOrtLibrary, sharing: "shared" });
  const root = options.root ?? (await makeFolder());
  const tried: string[] = [];
  const provider = new VettedProvider(host, {
    mode: "on",
    addon,
    root,
    ortVersion: () => host.libraryVersion(),
    onVetted: ({ detail }) => tried.push(detail),
    ...options,
  });
  const open = (graph: OpenRequest["graph"], more: Partial<OpenRequest> = {}) =>
    provider.open({
      graph,
      criticality: "interactive",
      laneIndex: 0,
      slots: 1,
      statedShapes: {},
      isInline: false,
      onSettle: () => {},
      ...more,
    });
  return { provider, open, root, tried };
}
