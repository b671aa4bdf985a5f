// A hosted work for the tests: runs a null session every few milliseconds and counts what it did, where both threads see it.
/** @param {import("redline-rt").Runtime} runtime */
export default async function countWork(runtime, { data, post, signal }) {
  const { counts, endsAfter, fails } = data;
  const session = await runtime.open("null", {
    name: "counted",
    provider: "null",
    // What is counted are runs, not those in time: a busy machine is no reason to count fewer.
    contract: { periodMs: 5, deadlineMs: 60_000, criticality: "critical" },
    admit: "best-effort",
  });
  post("begun");
  if (fails === "throw") throw new Error("the work's own error");
  if (fails === "exit") process.exit(3);
  for (let run = 0; run < endsAfter && !signal.aborted; run += 1) {
    const outcome = await session.run({ input: new Float32Array(1) });
    if (outcome.status === "done") Atomics.add(counts, 0, 1);
    outcome.release();
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return signal.aborted ? "stopped" : "ended";
}
