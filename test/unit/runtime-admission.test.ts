// Owns the promise of admission before an open, on a provider in virtual time: what is measured, kept, promised and refused.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Contract, freezeContract } from "../../runtime/core/contract.js";
import { profileSurroundings } from "../../runtime/plans/profile-key.js";
import { ProfileStore, profileRecord } from "../../runtime/plans/profile-store.js";
import { type AdmissionParts, type OpenAsk, RuntimeAdmission } from "../../runtime/runtime-admission.js";
import { LaneAssignment } from "../../runtime/scheduler/lane-assignment.js";
import { askOf, other, refusalOf, requestOf } from "../support/admission-asks.js";
import { VirtualClock } from "../support/virtual-clock.js";
import { VirtualProvider } from "../support/virtual-provider.js";

const GRAPH = new Uint8Array([1, 2, 3]);
const GROUND = { provider: "ort", simd: ["sse4.2"] } as const;
const RAISED = { critical: "raised", interactive: "raised", background: "idle" } as const;

let root: string;
let clock: VirtualClock;
let provider: VirtualProvider;
let nulls: VirtualProvider;
let sessions: number;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "redline-admission-"));
  clock = new VirtualClock();
  provider = new VirtualProvider(clock);
  nulls = new VirtualProvider(clock);
  nulls.work.busyUs = 100;
  sessions = 0;
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function admissionWith(given: Partial<AdmissionParts> = {}): RuntimeAdmission {
  return new RuntimeAdmission({
    storeRoot: root,
    clock,
    lanes: new LaneAssignment(2),
    ground: GROUND,
    regimes: () => RAISED,
    nulls,
    cores: 2,
    power: () => undefined,
    onSettled: () => () => {},
    signal: new AbortController().signal,
    ...given,
  });
}

/** Plans and enters, however long that takes in virtual time. */
async function open(
  admission: RuntimeAdmission,
  contract: Contract,
  given: Partial<Omit<OpenAsk, "contract">> = {},
) {
  sessions += 1;
  const id = sessions;
  const asked = admission.plan({
    name: `session ${id}`,
    contract: freezeContract(contract),
    wants: "promised",
    threads: undefined,
    provider,
    variant: { id: "file", label: "doubler@file", accuracy: "unknown" },
    others: [],
    request: { graph: GRAPH, slots: 3, statedShapes: {}, isInline: false },
    ladder: [],
    ...given,
  });
  const planned = await inTime(asked);
  const plan = planned.enter();
  planned.seat(id);
  return { planned, id, plan };
}

async function inTime<T>(promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const settled = promise.finally(() => {
    isSettled = true;
  });
  settled.catch(() => {});
  while (!isSettled) await clock.advanceTo(clock.nowUs() + 5000);
  return settled;
}

const ROAD: Contract = { periodMs: 50, criticality: "critical" };

test("the first promise measures a short profile and the machine, and says so; the next one has them", async () => {
  const first = await open(admissionWith(), ROAD);
  const opened = provider.requests.length;
  const second = await open(admissionWith(), ROAD);

  expect(first.plan.notes).toEqual([
    expect.stringMatching(/^dispatch here takes 0\.10 ms \(p99 of 100\)$/),
    expect.stringMatching(/^short profile of doubler@file on 1 thread: 24 runs, \d+ ms with opening it$/),
  ]);
  expect(second.plan.notes).toEqual([]);
  expect(provider.requests.length).toBe(opened);
  // A millisecond a run, and half as much again for the tail that so few runs do not show.
  expect(second.planned.costOf("file")).toMatchObject({
    p50Us: 1000,
    wcetUs: 1500,
    cpuUs: 1000,
    energyMj: "unknown",
  });
  expect(second.plan).toMatchObject({
    promise: "promised",
    laneClass: "critical",
    because:
      "session 2 on critical lane 0: worst response 1.60 ms, within its deadline of 50.0 ms: 1.60 ms own run " +
      "(1.50 ms profiled + 0.10 ms dispatch)",
    rows: [{ choice: "file on cpu, 1 thread", wcetMs: 1.5, verdict: "chosen" }],
  });
});

test("on another processor the profile has expired: it is named, and measured anew", async () => {
  await open(admissionWith(), ROAD);

  const { plan } = await open(admissionWith({ ground: { ...GROUND, simd: ["avx2"] } }), ROAD);

  expect(plan.notes.find((note) => note.startsWith("profile not used"))).toMatch(
    /machine was .* sse4\.2, .*, is .* avx2, /,
  );
  expect(plan.notes.at(-1)).toContain("short profile of doubler@file");
});

test("what a busy machine measured shortly is old, and afresh the model and the machine are measured anew", async () => {
  provider.work.busyUs = 60_000;
  nulls.work.busyUs = 20_000;
  await refusalOf(open(admissionWith(), ROAD));
  provider.work.busyUs = 1000;
  nulls.work.busyUs = 100;

  const stored = await refusalOf(open(admissionWith(), ROAD));
  const { planned, plan } = await open(admissionWith(), ROAD, { isAfresh: true });
  const after = await open(admissionWith(), ROAD);

  // 90 ms of the model and 20 ms of the machine.
  expect(stored.what).toContain("110.0 ms every 50.0 ms");
  expect(plan.notes).toEqual([
    expect.stringMatching(/^dispatch here takes 0\.10 ms/),
    expect.stringMatching(/^short profile of doubler@file/),
  ]);
  expect([planned.isOld, after.planned.isOld]).toEqual([false, true]);
});

test("afresh beside a promise only the model is measured anew", async () => {
  await open(admissionWith(), ROAD);
  const admission = admissionWith();
  await open(admission, ROAD);

  const { plan } = await open(admission, ROAD, { isAfresh: true });
  expect(plan.notes).toEqual([expect.stringMatching(/^short profile of doubler@file/)]);
});

test("a promise that cannot be kept is refused with its arithmetic and the rate that would fit", async () => {
  provider.work.busyUs = 12_000;
  const admission = admissionWith();

  const error = await refusalOf(open(admission, { periodMs: 15, deadlineMs: 40, criticality: "critical" }));
  const hopeless = await refusalOf(open(admission, { periodMs: 15, criticality: "critical" }));

  expect(error).toMatchObject({
    code: "PLAN_INFEASIBLE",
    what:
      "session 1: session 1 on critical lane 0: no bound on its response: the lane needs 120.7 % of a core " +
      "(session 1 18.1 ms every 15.0 ms = 120.7 %), and its class and those above may leave less",
    hint: 'it fits as rate 1/2; or open it with admit: "best-effort"',
  });
  expect(hopeless.hint).toBe('no lower rate fits; open it with admit: "best-effort"');
  // What was refused holds no place and no lane.
  provider.work.busyUs = 1000;
  expect((await open(admission, ROAD, { variant: other("small") })).planned.laneIndex).toBe(0);
});

test("of a session's own ladder the nearest rung that fits is named", async () => {
  provider.work.busyUs = 12_000;
  const ladder = [
    { rung: "rate 0.9", rate: 0.9 },
    { rung: "rate 0.4", rate: 0.4 },
    { rung: "off", rate: 0 },
  ];

  const error = await refusalOf(open(admissionWith(), { periodMs: 15, deadlineMs: 40 }, { ladder }));

  expect(error.hint).toBe('it fits as rate 0.4; or open it with admit: "best-effort"');
});

test("a rung of another variant is measured too, and named where it would fit", async () => {
  provider.work.busyUs = 12_000;
  const admission = admissionWith();
  const ladder = [
    { rung: "doubler@small", rate: 1, other: { variant: other("small"), request: requestOf([9]) } },
    { rung: "rate 0.5", rate: 0.5 },
  ];
  const asked = { periodMs: 15, deadlineMs: 40, criticality: "critical" } as const;
  const slow = await refusalOf(open(admission, asked, { ladder }));

  const { planned } = await open(admission, { periodMs: 100, criticality: "critical" }, { ladder });

  expect(slow.hint).toBe('it fits as rate 0.5; or open it with admit: "best-effort"');
  expect(planned.costOf("small")).toMatchObject({ p50Us: 12_000, wcetUs: 18_000 });
  expect(admission.port([askOf({ sessionId: sessions, wcetUs: Number.POSITIVE_INFINITY })]).isAdmitted).toBe(
    true,
  );
});

test("best effort is not measured, keeps its class where nothing is promised, and makes way where it would disturb", async () => {
  provider.work.busyUs = 10_000;
  const admission = admissionWith();
  const free = await open(admission, ROAD, { wants: "best-effort" });
  expect([free.plan.promise, free.plan.laneClass, free.planned.costOf("file").wcetUs]).toEqual([
    "best-effort",
    "critical",
    Number.POSITIVE_INFINITY,
  ]);
  expect(provider.requests).toEqual([]);
  free.planned.leave();

  await open(admission, { periodMs: 32, criticality: "interactive" });
  const mild = await open(admission, { periodMs: 100, criticality: "critical" }, { wants: "best-effort" });
  const second = await open(admission, { periodMs: 20, criticality: "critical" }, { wants: "best-effort" });

  expect([mild.plan.laneClass, second.plan.laneClass]).toEqual(["critical", "background"]);
  expect(second.plan.because).toBe('admit: "best-effort" was asked for');
  expect(second.plan.notes).toContain(
    "runs as background: in its own class it would disturb what is promised",
  );
});

test("a session without a contract is background, unmeasured, and counted as always busy", async () => {
  const admission = admissionWith();

  const { plan, planned } = await open(
    admission,
    { periodMs: 1000, deadlineMs: 60_000, criticality: "background" },
    { wants: "nothing" },
  );

  expect(plan).toEqual({
    promise: "best-effort",
    because: "no contract was given",
    laneClass: "background",
    rows: [],
    notes: [],
  });
  expect([planned.costOf("file").wcetUs, provider.requests.length]).toEqual([Number.POSITIVE_INFINITY, 0]);
  // Without an order between classes it holds up everybody, and may not break what is promised.
  const flat = admissionWith({ regimes: () => undefined, cores: 1 });
  await open(flat, ROAD);
  const error = await refusalOf(
    open(flat, { periodMs: 1000, criticality: "background" }, { wants: "nothing" }),
  );
  expect(error).toMatchObject({ code: "PLAN_INFEASIBLE", hint: "close what it would disturb" });
});

test("a run that outlasts its profile is an overrun only once it has eaten its deadline's slack", async () => {
  const { planned } = await open(admissionWith(), ROAD);
  provider.work.busyUs = 10_000;
  const tight = await open(
    admissionWith(),
    { periodMs: 100, deadlineMs: 16, criticality: "critical" },
    {
      request: requestOf([7]),
    },
  );

  // 1.6 ms of 50, and 15.1 of 16.
  expect([planned.overrunUsOf("file"), tight.planned.overrunUsOf("file")]).toEqual([37_500, 15_100]);
  expect(planned.overrunUsOf("unknown")).toBe(Number.POSITIVE_INFINITY);
});

test("what cannot be measured cannot be promised, and says why", async () => {
  provider.work.kind = "failed";

  const error = await refusalOf(open(admissionWith(), ROAD));

  expect(error).toMatchObject({
    code: "PLAN_INFEASIBLE",
    received: expect.stringContaining("doubler@file cannot be measured"),
    hint: 'open it with admit: "best-effort"',
  });
});

test("a measurement that other sessions disturbed is used and not kept", async () => {
  const admission = admissionWith({
    onSettled: (told) => {
      told();
      return () => {};
    },
  });

  const { plan } = await open(admission, ROAD);

  expect(plan.notes.at(-1)).toMatch(/not kept: other sessions ran meanwhile$/);
  expect(readdirSync(join(root, "profiles"))).toEqual(["machine.json"]);
});

test("beside a promise a model is measured as background", async () => {
  const admission = admissionWith();
  await open(admission, ROAD);
  const before = provider.requests.length;
  await open(admission, ROAD, { variant: other("second"), request: requestOf([4, 5, 6]) });

  const classes = provider.requests.map(({ criticality }) => criticality);
  expect(classes.slice(0, before)).toEqual(["critical", "background"]);
  expect(classes.slice(before)).toEqual(["background", "background"]);
});

test("options that change what a run costs are measured with, and their profile is not kept", async () => {
  const request = { ...requestOf([1, 2, 3]), ort: { graphOptimization: "disabled" as const } };

  const { plan } = await open(admissionWith(), ROAD, { request });

  expect(plan.notes.at(-1)).toContain("not kept: options of ONNX Runtime");
  expect(provider.requests[0]?.ort).toMatchObject({ graphOptimization: "disabled", intraOpThreads: 1 });
});

test("among the profiled variants of a model the plan takes what costs least and keeps every contract", async () => {
  const now = await profileSurroundings(GROUND);
  const store = new ProfileStore(root);
  const choice = { variant: "small", device: "cpu", threads: 1, spin: false };
  const conditions = { periodUs: 50_000, caches: "cold", neighbour: "none" } as const;
  const runUs = [400, 410, 420];
  await store.write(
    profileRecord({
      length: "full",
      model: "doubler@small",
      key: { ...now, modelSha256: "ab".repeat(32) },
      choice,
      measured: [{ conditions, runUs, cpuUs: 400 }],
      energyMj: "unknown",
    }),
  );
  const others = [{ ...other("small"), sha256: "ab".repeat(32) }];

  const { planned, plan } = await open(admissionWith(), ROAD, { others });

  expect(planned.variant).toBe("small");
  expect(plan.rows.map((row) => [row.choice, row.verdict])).toEqual([
    ["small on cpu, 1 thread", "chosen"],
    ["file on cpu, 1 thread", "processor time 1.00 ms, chosen 0.40 ms (energy unknown)"],
  ]);
});

test("threads are added while one leaves the deadline too little room, and the plan lists them", async () => {
  provider.work.busyUs = 10_000;

  const { planned, plan } = await open(
    admissionWith(),
    { periodMs: 20, criticality: "critical" },
    { threads: "auto" },
  );

  // Two threads save nothing here: one it is, and the trial says so.
  expect(planned.threads).toBe(1);
  expect(plan.notes[0]).toBe(
    "threads 1 of the threads tried (1: 10.0 ms, 50 % of the deadline; 2: 10.0 ms, 50 % of the deadline)",
  );
  expect(plan.rows[1]).toMatchObject({
    choice: "file on cpu, 2 threads",
    verdict: "median run 10.0 ms on 2 threads, its deadline of 20.0 ms asks for 1",
  });
});

test("power is a second resource: energy is estimated by processor time, and said to be", async () => {
  const calibration = { idleWatts: 2, wattsPerCore: 3.5, origin: "test" };
  const withBudget = (budgetWatts: number) => admissionWith({ power: () => ({ budgetWatts, calibration }) });

  const { planned } = await open(withBudget(2.08), ROAD);
  const error = await refusalOf(open(withBudget(2.06), ROAD));

  expect(planned.isPromised).toBe(true);
  expect(error.what).toBe(
    "session 2: power: 0.070 W needed, a budget of 0.060 W: session 2 3.5 mJ estimated / 50.0 ms = 0.070 W",
  );
  await open(withBudget(2.06), ROAD, { wants: "best-effort" });
});

test("the scheduler's question is answered for the dearest rung of every session that has entered", async () => {
  const admission = admissionWith();
  const { id, planned } = await open(admission, ROAD);
  const ask = askOf({ sessionId: id, wcetUs: 1500 });

  expect(admission.port([ask])).toEqual({ isAdmitted: true, reasons: [] });
  expect(admission.port([{ ...ask, wcetUs: 60_000 }]).reasons).toEqual([
    expect.stringContaining("the lane needs 120.2 % of a core (session 1 60.1 ms every 50.0 ms"),
  ]);
  planned.leave();
  planned.leave();
  expect(() => admission.port([ask])).toThrow(expect.objectContaining({ code: "INTERNAL" }));
});

test("where graphs run in other processes the wakes of the model's own runs are the dispatch", async () => {
  const { plan } = await open(admissionWith({ nulls: undefined, regimes: () => undefined }), ROAD);

  expect(plan.notes[0]).toBe("dispatch here takes 0.00 ms (p99 of 12)");
});
