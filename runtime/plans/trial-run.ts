// Owns a short measurement of a graph before its session is opened: a few runs on zeros, on the session's own lane.
// Knows no contract. Invariant: the trial's graph is closed when the answer is there, whatever happened.

import type { Settlement } from "../core/lane.js";
import { isStaticShape } from "../core/tensor.js";
import type { OpenRequest, Provider } from "../providers/provider.js";

/** The first runs page memory in and size arenas. */
const WARM_UP_RUNS = 3;
const MEASURED_RUNS = 5;

/** Long enough for any graph worth a deadline; a run that takes longer is stopped and the trial answers nothing. */
const RUN_LIMIT_US = 10_000_000;

/**
 * The median time of one run in microseconds, back to back: a paced run is slower, as caches and cores have gone cold.
 * Undefined when the graph cannot be run on zeros: an input without a known shape, or a run that fails.
 *
 * @throws RedlineError what the provider's `open` throws
 */
export async function medianRunUs(
  provider: Provider,
  request: Omit<OpenRequest, "onSettle" | "slots">,
): Promise<number | undefined> {
  let settled: (settlement: Settlement) => void = () => {};
  const session = await provider.open({
    ...request,
    slots: 1,
    onSettle: (settlement) => settled(settlement),
  });
  try {
    if (session.inputs.some(({ dtype, shape }) => dtype === "string" || !isStaticShape(shape)))
      return undefined;
    const runUs: number[] = [];
    for (let run = 0; run < WARM_UP_RUNS + MEASURED_RUNS; run += 1) {
      const settlement = await new Promise<Settlement>((resolve) => {
        settled = resolve;
        const deadlineUs = provider.nowUs() + RUN_LIMIT_US;
        const jobId = provider.nextJobId();
        session.submit({ jobId, slot: 0, deadlineUs, latestStartUs: deadlineUs, late: "cancel" });
      });
      if (settlement.status !== "done") return undefined;
      if (run >= WARM_UP_RUNS) runUs.push(settlement.settledUs - settlement.startedUs);
    }
    return runUs.sort((a, b) => a - b)[MEASURED_RUNS >> 1];
  } finally {
    await session.close();
  }
}
