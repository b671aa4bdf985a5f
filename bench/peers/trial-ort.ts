// Owns what ONNX Runtime's two JavaScript packages have in common as subjects: metadata, feeds and outputs. Loads neither.
// Invariant: feeds are made once, as their documentation shows; a result counts as settled when JavaScript hears of it.

import { monotonicUs } from "../../runtime/bindings/system-clock.js";
import type { Tensor, TensorSpec } from "../../runtime/core/tensor.js";
import { openStore, type ResolvedModel } from "../../runtime/store/store.js";
import { casesOf } from "../trials/model-cases.js";
import type { Subject, SubjectPlan } from "../trials/subject.js";

/** A tensor of either package. */
interface OrtTensor {
  readonly data: unknown;
  readonly dims: readonly number[];
}

/** The part of a session that both packages offer. */
export interface OrtSession<Feed> {
  readonly inputMetadata: readonly {
    readonly name: string;
    readonly isTensor: boolean;
    readonly type?: string;
    readonly shape?: readonly (number | string)[];
  }[];
  run(feeds: Record<string, Feed>): Promise<Readonly<Record<string, OrtTensor>>>;
  release(): Promise<void>;
}

/** A model of the store, for runtimes that open files. */
export async function resolveModel(model: string): Promise<ResolvedModel> {
  const store = openStore();
  try {
    return await store.resolve(model);
  } finally {
    await store.close();
  }
}

/** The web package tells a dimension without a size or a name as a huge number. */
function sizeOf(size: number | string): number | string {
  return typeof size === "string" || (size > 0 && size < 2 ** 31) ? size : "";
}

/** A subject on an opened session. */
export async function ortSubject<Feed>(given: {
  readonly session: OrtSession<Feed>;
  readonly model: ResolvedModel;
  readonly plan: Pick<SubjectPlan, "runtime" | "version" | "threads">;
  readonly feed: (dtype: TensorSpec["dtype"], tensor: Tensor) => Feed;
}): Promise<Subject> {
  const { session, model, plan, feed } = given;
  const specs = session.inputMetadata.map(({ name, isTensor, type, shape = [] }): TensorSpec => {
    if (!isTensor) throw new Error(`${name} is not a tensor`);
    return { name, dtype: type as TensorSpec["dtype"], shape: shape.map(sizeOf) };
  });
  const { cases, answers } = await casesOf(model, specs);
  const ready = cases.map((one) => ({
    one,
    feeds: Object.fromEntries(
      specs.map(({ name, dtype }) => [name, feed(dtype, one.inputs[name] as Tensor)]),
    ),
  }));
  // A session of the web package refuses a second run under way; the other one blocks the thread, so nothing changes.
  let last: Promise<unknown> = Promise.resolve();
  return {
    plan: { ...plan, variant: model.variantId, device: "cpu" },
    answers,
    runsElsewhere: false,
    run: async (index) => {
      const { one, feeds } = ready[index % ready.length]!;
      const results = last.then(() => session.run(feeds));
      last = results.catch(() => {});
      const outputs = Object.entries(await results).map(([name, { data, dims }]): [string, Tensor] => [
        name,
        { data: data as Tensor["data"], shape: dims },
      ]);
      const settledUs = monotonicUs();
      const wrong = one.check(Object.fromEntries(outputs));
      return {
        outcome: "done / ok",
        isDone: true,
        settledUs,
        cpuUs: -1,
        ...(wrong === undefined ? {} : { wrong }),
      };
    },
    close: () => session.release(),
  };
}
