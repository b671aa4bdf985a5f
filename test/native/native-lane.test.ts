// The native lane, in real time on null runs, against the suite every lane must pass.

import {
  CANCEL_CODES,
  type NativeAddon,
  RUNNING_FIELDS,
  SUBMIT_KEEP_LATE,
} from "../../runtime/bindings/addon.js";
import { loadNative } from "../../runtime/bindings/load.js";
import type { Settlement } from "../../runtime/core/lane.js";
import { encodeWord } from "../../runtime/core/session-word.js";
import { nativeEnvironment } from "../../runtime/providers/ort/native-environment.js";
import { type LaneUnderTest, laneSuite } from "../support/lane-suite.js";

// Long enough that scheduling noise of a loaded machine does not reorder the suite's fractions of it.
const BUSY_US = 60_000;
const SLOTS = 64;
const MOST_JOBS = 100;

const native = loadNative();
if (native.addon === null) throw new Error(`the native lane needs the addon: ${native.reasons.join("; ")}`);
const { addon } = native;

async function open(): Promise<LaneUnderTest> {
  const environment = nativeEnvironment(addon as NativeAddon);
  const { sessionId } = await addon.openSession({
    provider: "null",
    criticality: "interactive",
    laneIndex: 0,
    slots: SLOTS,
    null: { busyUs: BUSY_US, nodeUs: 100 },
  });
  const settlements: Settlement[] = [];
  const running = new Float64Array(RUNNING_FIELDS.length * 16);
  // The suite's job ids keep their order in the host: ties are broken by id.
  const firstHostId = environment.nextJobId();
  for (let taken = 1; taken < MOST_JOBS; taken += 1) environment.nextJobId();
  const input = { dtype: "float32", data: new Float32Array(1), shape: [1] } as const;
  for (let slot = 0; slot < SLOTS; slot += 1) addon.bindSlot(sessionId, slot, [input], [null]);
  return {
    busyUs: BUSY_US,
    canStop: true,
    nowUs: () => addon.nowUs(),
    submit({ jobId, deadlineUs, latestStartUs, late }) {
      const hostId = firstHostId + jobId;
      environment.expect(hostId, (settlement) => settlements.push({ ...settlement, jobId }));
      addon.submit(
        sessionId,
        jobId % SLOTS,
        hostId,
        deadlineUs,
        latestStartUs,
        late === "keep" ? SUBMIT_KEEP_LATE : 0,
      );
    },
    publish: (word) => addon.publish(sessionId, encodeWord(word)),
    running: () =>
      Array.from({ length: addon.runningJobs(running) }, (_, index) => ({
        jobId: running[index * RUNNING_FIELDS.length]! - firstHostId,
        startedUs: running[index * RUNNING_FIELDS.length + 1]!,
      })),
    replace: () => addon.replaceLane("interactive", 0),
    cancel: (jobId, reason) => addon.cancel(firstHostId + jobId, CANCEL_CODES[reason]),
    async settled(count) {
      while (settlements.length < count) await new Promise((resolve) => setTimeout(resolve, 1));
      return settlements;
    },
    close: () => addon.closeSession(sessionId),
  };
}

laneSuite("the native lane", open);
