// Owns the process under test: one runtime that opens mutant after mutant. Knows no mutant from another.
// Invariant: nothing here protects it; what keeps it alive is what keeps every user's process alive.

import { createRuntime, type Runtime, type RuntimeOptions, type Session } from "../../runtime/index.js";
import { serveArm } from "../harness/child.js";
import type { Trial, TrialResult } from "./protocol.js";
import { seededInputs } from "./seeded-inputs.js";

/** Long enough for every source on a busy machine; a mutant that loops is stopped by its contract. */
const CONTRACT = { periodMs: 10_000, deadlineMs: 10_000, late: "cancel" } as const;

let runtime: Runtime | undefined;

serveArm(
  {
    start: async (options: Pick<RuntimeOptions, "provider" | "vetting">): Promise<string> => {
      runtime = await createRuntime(options);
      return runtime.provider.name;
    },
    try: async (trial: Trial): Promise<TrialResult> => {
      let session: Session;
      try {
        session = await (runtime as Runtime).open(trial.bytes, {
          contract: CONTRACT,
          admit: "best-effort",
          slots: 1,
        });
      } catch (error) {
        return { kind: "refused", ...described(error) };
      }
      try {
        return await runOnce(session, trial);
      } catch (error) {
        return { kind: "not-run", ...described(error) };
      } finally {
        await session.close();
      }
    },
  },
  async () => runtime?.close(),
);

async function runOnce(session: Session, trial: Trial): Promise<TrialResult> {
  const inputs = seededInputs(session.inputs, trial);
  if (inputs === null) return { kind: "not-run", code: "MODEL_LIMIT", message: "inputs too large to make" };
  const outcome = await session.run(inputs);
  if (outcome.status !== "done") {
    const { status, reason, message = "" } = outcome;
    return { kind: "settled", outcome: `${status}/${reason}`, message };
  }
  const outputs = Object.entries(outcome.outputs).map(([name, { data, shape }]) => [
    name,
    { data: Array.isArray(data) ? [...data] : data.slice(), shape },
  ]);
  outcome.release();
  return { kind: "done", outputs: Object.fromEntries(outputs) };
}

function described(error: unknown): { code: string | null; message: string } {
  const { code, message } = error as { code?: unknown; message?: string };
  return { code: typeof code === "string" ? code : null, message: message ?? String(error) };
}
