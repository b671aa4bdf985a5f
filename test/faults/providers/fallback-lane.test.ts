// The fallback's lane, a real process that runs a real graph, against the suite every lane must pass.

import { afterAll, beforeAll } from "vitest";
import { matmulChain } from "../../../bench/harness/onnx-model.js";
import { SystemClock } from "../../../runtime/bindings/system-clock.js";
import type { Settlement } from "../../../runtime/core/lane.js";
import { initialWord } from "../../../runtime/core/session-word.js";
import { OrtNodeProvider } from "../../../runtime/providers/ort-node/ort-node-provider.js";
import type { ProviderSession } from "../../../runtime/providers/provider.js";
import { ensureBuilt } from "../../e2e/built-cli.js";
import { type LaneUnderTest, laneSuite } from "../../support/lane-suite.js";

const SLOTS = 64;
const MOST_JOBS = 100;
const NEVER_US = Number.MAX_SAFE_INTEGER;

const provider = new OrtNodeProvider(new SystemClock());
const settlements: Settlement[] = [];
let firstJobId = 0;
let session: ProviderSession;
let busyUs = 0;

beforeAll(async () => {
  // The lane process runs the built script.
  ensureBuilt();
  session = await provider.open({
    graph: matmulChain({ nodes: 60, size: 256 }),
    criticality: "interactive",
    laneIndex: 0,
    slots: SLOTS,
    statedShapes: {},
    isInline: false,
    onSettle: (settlement) => settlements.push({ ...settlement, jobId: settlement.jobId - firstJobId }),
  });
  for (const slot of session.slots) slot.shapeInput(session.inputs[0]!.name, [256, 256]);
  const lane = await open();
  for (const jobId of [1, 2, 3])
    lane.submit({ jobId, deadlineUs: NEVER_US, latestStartUs: NEVER_US, late: "cancel" });
  const runs = (await lane.settled(3)).map(({ startedUs, settledUs }) => settledUs - startedUs);
  // What every run takes at least, on a machine that may be busy while it is measured.
  busyUs = Math.floor(Math.min(...runs) / 4);
}, 120_000);
afterAll(() => provider.close());

async function open(): Promise<LaneUnderTest> {
  settlements.length = 0;
  session.publish(initialWord("interactive"));
  firstJobId = provider.nextJobId();
  for (let taken = 1; taken < MOST_JOBS; taken += 1) provider.nextJobId();
  return {
    busyUs,
    canStop: false,
    nowUs: () => provider.nowUs(),
    submit: (job) => session.submit({ ...job, jobId: firstJobId + job.jobId, slot: job.jobId % SLOTS }),
    cancel: (jobId, reason) => session.cancel(firstJobId + jobId, reason),
    publish: (word) => session.publish(word),
    running: () =>
      provider.runningJobs().map(({ jobId, startedUs }) => ({ jobId: jobId - firstJobId, startedUs })),
    replace: () => provider.replaceLane("interactive", 0),
    async settled(count) {
      while (settlements.length < count) await new Promise((resolve) => setTimeout(resolve, 1));
      return settlements;
    },
    close: () => Promise.resolve(),
  };
}

laneSuite("the fallback's lane", open);
