// Owns every variant of one session: which are open, the word they have, what is opened anew or let go.
// Knows no job and no contract. Invariant: a graph that is replaced is closed beside the session, which does not wait for it,
// and not before the jobs that run on it have ended and given back what they hold.

import { AS_PLANNED, type ThreadAsk } from "../core/budget.js";
import type { Settlement } from "../core/lane.js";
import type { SessionWord } from "../core/session-word.js";
import type { Provider } from "../providers/provider.js";
import { OpenedVariant, type VariantGraph } from "./opened-variant.js";

/** The variants of a session, by id. */
export class OpenedVariants {
  private readonly variants: Map<string, OpenedVariant>;
  /** Closes of graphs that were lost or let go. */
  private readonly retired = new Set<Promise<void>>();
  /** Replaced graphs of which somebody still holds a slot. */
  private readonly leaving = new Set<OpenedVariant>();
  private ask: ThreadAsk = AS_PLANNED;
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

  /**
   * Opens anew whatever has other threads than are asked for, and runs new jobs there once it stands; answers how many
   * variants that were. Rejects with the provider's RedlineError; what is open then stays.
   */
  async follow(ask: ThreadAsk): Promise<number> {
    this.ask = ask;
    let followed = 0;
    for (const variant of this.all) {
      const request = asAsked(variant.graph.request, ask);
      if (variant.isGone || this.isClosing || isSame(request, variant.request)) continue;
      if (await this.replace(variant)) followed += 1;
    }
    return followed;
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
    await Promise.all([...this.all, ...this.leaving].map((variant) => variant.opened.close()));
    await Promise.all(this.retired);
  }

  /** Opens another in its place; answers whether that is where new jobs run now. */
  private async replace(old: OpenedVariant): Promise<boolean> {
    const { graph, isGone } = old;
    const request = asAsked(graph.request, this.ask);
    const opened = await this.provider.open({ ...request, onSettle: this.onSettle });
    // While it was opened the session may have closed, or have let go of what it was to replace.
    if (this.isClosing || old.isGone !== isGone) {
      await opened.close();
      return false;
    }
    this.variants.set(graph.variant, new OpenedVariant(graph, opened, request));
    if (this.word) opened.publish(this.word);
    if (isGone) this.retire(old);
    else this.retireWhenFree(old);
    return true;
  }

  private retireWhenFree(variant: OpenedVariant): void {
    this.leaving.add(variant);
    variant.pool.whenFree(() => {
      this.leaving.delete(variant);
      if (!this.isClosing) this.retire(variant);
    });
  }

  private retire(variant: OpenedVariant): void {
    const retiring = variant.opened.close().finally(() => this.retired.delete(retiring));
    this.retired.add(retiring);
  }
}

/** Opened as planned, but for what is asked. */
function asAsked(request: VariantGraph["request"], { threads, spin }: ThreadAsk): VariantGraph["request"] {
  const { intraOpThreads = 1, spin: spins = false } = request.ort ?? {};
  const isNarrow = threads === "one" && intraOpThreads > 1;
  const isCalm = spin === "never" && spins;
  if (!isNarrow && !isCalm) return request;
  const ort = {
    ...request.ort,
    ...(isNarrow ? { intraOpThreads: 1 } : {}),
    ...(isCalm || isNarrow ? { spin: false } : {}),
  };
  return { ...request, ort };
}

function isSame(
  { ort: one = {} }: VariantGraph["request"],
  { ort: other = {} }: VariantGraph["request"],
): boolean {
  return one.intraOpThreads === other.intraOpThreads && one.spin === other.spin;
}
