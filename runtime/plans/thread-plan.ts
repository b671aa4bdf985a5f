// Owns how many threads one job of a session gets. Knows a deadline and measured run times; opens and runs nothing.
// Invariant: threads are added only while the deadline leaves too little room and the last addition was worth its power.

/**
 * The most a median run may take of its deadline. The tail of one run reaches 1.5 times its median on an otherwise idle
 * machine (cold caches, a shared memory bus), and preprocessing, a preempted section and delivery come on top:
 * 0.4 x 1.5 leaves 40 % of the deadline to them.
 */
export const RUN_SHARE_MAX = 0.4;

/** A further thread must save this much of the run time: what it saves less costs only energy. */
const GAIN_MIN = 0.1;

/** One number of threads as measured. */
export interface ThreadTrial {
  readonly threads: number;
  /** Median time of one run in microseconds. */
  readonly runUs: number;
}

/** What was chosen, and every alternative that was measured. */
export interface ThreadPlan {
  readonly threads: number;
  readonly trials: readonly ThreadTrial[];
}

/**
 * Chooses the fewest threads whose median run leaves the deadline enough room, doubling from one up to the cores.
 *
 * @param given.measure answers the median run time in microseconds with so many threads
 *
 * @example
 * const { threads } = await planThreads({ deadlineUs: 50_000, cores: 2, measure: async () => 12_000 });
 * console.log(threads); // 1: twelve of fifty milliseconds leave room
 */
export async function planThreads(given: {
  readonly deadlineUs: number;
  readonly cores: number;
  readonly measure: (threads: number) => Promise<number>;
}): Promise<ThreadPlan> {
  const { deadlineUs, cores, measure } = given;
  let best: ThreadTrial = { threads: 1, runUs: await measure(1) };
  const trials = [best];
  while (best.runUs > RUN_SHARE_MAX * deadlineUs && 2 * best.threads <= cores) {
    const threads = 2 * best.threads;
    const next: ThreadTrial = { threads, runUs: await measure(threads) };
    trials.push(next);
    if (next.runUs > (1 - GAIN_MIN) * best.runUs) break;
    best = next;
  }
  return { threads: best.threads, trials };
}

/** The plan in words, for events and tables. */
export function explainThreads({ threads, trials }: ThreadPlan, deadlineUs: number): string {
  const words = trials.map((trial) => {
    const share = Math.round((100 * trial.runUs) / deadlineUs);
    return `${trial.threads}: ${(trial.runUs / 1000).toFixed(1)} ms, ${share} % of the deadline`;
  });
  return `${threads} of the threads tried (${words.join("; ")})`;
}
