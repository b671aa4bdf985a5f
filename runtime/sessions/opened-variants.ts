// Owns every variant of one session: which are open, the word they have, what is opened anew or let go.
// Knows no job and no contract. Invariant: a graph that is replaced is closed beside the session, which does not wait for it.

import type { Settlement } from "../core/lane.js";
import type { SessionWord } from "../core/session-word.js";
import type { Provider } from "../providers/provider.js";
import { OpenedVariant, type VariantGraph } from "./opened-variant.js";

/** The variants of a session, by id. */
export class OpenedVariants {
  private readonly variants: Map<string, OpenedVariant>;
  /** Closes of graphs that were lost or let go. */
  private readonly retired = new Set<Promise<void>>();
  private word: SessionWord | undefined;
  private isClosing = false;

  private constructor(
    private readonly provider: Provider,
    private readonly onSettle: (settlement: Settlement) => void,
    opened: readonly OpenedVariant[],
  ) {
    this.variants = new Map(opened.map((variant) => [variant.graph.variant, variant]));
  }

  /** Opens every graph, or none. Rejects with the provider's RedlineError. */
  static async open(
    graphs: readonly VariantGraph[],
    given: { readonly provider: Provider; readonly onSettle: (settlement: Settlement) => void },
  ): Promise<OpenedVariants> {
    const { provider, onSettle } = given;
    const opened: OpenedVariant[] = [];
    try {
      for (const graph of graphs) {
        opened.push(new OpenedVariant(graph, await provider.open({ ...graph.request, onSettle })));
      }
    } catch (error) {
      await Promise.all(opened.map((variant) => variant.opened.close()));
      throw error;
    }
    return new OpenedVariants(provider, onSettle, opened);
  }

  get all(): readonly OpenedVariant[] {
    return [...this.variants.values()];
  }

  get(id: string): OpenedVariant {
    return this.variants.get(id)!;
  }

  /** Bytes of the models that are open. */
  get openBytes(): number {
    return this.all.reduce((sum, { isGone, graph }) => sum + (isGone ? 0 : graph.bytes), 0);
  }

  publish(word: SessionWord): void {
    this.word = word;
    for (const variant of this.variants.values()) variant.opened.publish(word);
  }

  /** Opens anew whatever is gone. Rejects with the provider's RedlineError. */
  async reopen(): Promise<void> {
    const findGone = () => this.all.find(({ isGone }) => isGone);
    for (let gone = findGone(); gone && !this.isClosing; gone = findGone()) await this.replace(gone);
  }

  /** Lets go of every variant but `kept` of which nobody holds a slot; answers the bytes of the models. */
  release(kept: string | undefined): number {
    let bytes = 0;
    for (const variant of this.all) {
      if (variant.isGone || variant.graph.variant === kept || !variant.pool.isFree) continue;
      variant.isGone = true;
      bytes += variant.graph.bytes;
      this.retire(variant);
    }
    return bytes;
  }

  async close(): Promise<void> {
    this.isClosing = true;
    await Promise.all(this.all.map((variant) => variant.opened.close()));
    await Promise.all(this.retired);
  }

  private async replace(gone: OpenedVariant): Promise<void> {
    const { provider, onSettle } = this;
    const { graph } = gone;
    const opened = await provider.open({ ...graph.request, onSettle });
    if (this.isClosing) return opened.close();
    this.variants.set(graph.variant, new OpenedVariant(graph, opened));
    if (this.word) opened.publish(this.word);
    this.retire(gone);
  }

  private retire(variant: OpenedVariant): void {
    const retiring = variant.opened.close().finally(() => this.retired.delete(retiring));
    this.retired.add(retiring);
  }
}
