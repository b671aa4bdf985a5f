import { describe, expect, test } from "vitest";
import type { Criticality } from "../../../runtime/core/contract.js";
import { freezeLadder } from "../../../runtime/core/rung.js";
import { type Climber, Ladder, type LadderView, type Pressure } from "../../../runtime/scheduler/ladder.js";

const rules = { windowUs: 100, calmUs: 500, calmUsMax: 2000, relapseUs: 1000 };
const power: Pressure = { cause: "power", payers: "interactive", because: "2 W over 8 W" };
const late: Pressure = { cause: "late", payers: "interactive", because: "3 late" };

/** A session on the NPU whose rungs cost what `watts` says, then what it takes of the processor. */
function climber(
  sessionId: number,
  criticality: Criticality,
  { watts, cpuShares = watts }: { watts: number[]; cpuShares?: number[] },
): Climber {
  const steps = [{ device: "cpu" }, { rate: 0.5 }, "off"].slice(0, watts.length - 1);
  const rungs = freezeLadder(steps, {
    plan: { variant: "fp32", device: "npu" },
    variants: [{ id: "fp32", inputElements: 1 }],
    devices: ["cpu", "npu"],
  });
  return {
    sessionId,
    criticality,
    rungs: rungs.map((rung, at) => ({ rung, watts: watts[at]!, cpuShare: cpuShares[at]!, memoryBytes: 0 })),
  };
}

function view(nowUs: number, given: Partial<LadderView> = {}): LadderView {
  return {
    nowUs,
    pressures: [],
    mayClimb: true,
    hasRoomFor: () => true,
    lostDevices: new Set(),
    ...given,
  };
}

function ladderOf(...climbers: Climber[]): Ladder {
  const ladder = new Ladder(rules);
  for (const each of climbers) ladder.add(each);
  return ladder;
}

describe("who pays", () => {
  test("the least critical session goes first, whatever others would save", () => {
    const ladder = ladderOf(
      climber(1, "critical", { watts: [9, 1] }),
      climber(2, "interactive", { watts: [5, 1] }),
      climber(3, "background", { watts: [1, 0.9] }),
    );

    const move = ladder.decide(view(0, { pressures: [power] }));

    expect(move).toMatchObject({
      sessionId: 3,
      from: { index: 0 },
      to: { index: 1 },
      cause: "power",
      atUs: 0,
    });
    expect(move?.because).toBe("2 W over 8 W");
  });

  test("within a class it is whoever saves most of what is short", () => {
    const thirsty = climber(1, "background", { watts: [5, 1], cpuShares: [0.2, 0.1] });
    const busy = climber(2, "background", { watts: [2, 1], cpuShares: [0.9, 0.1] });

    expect(ladderOf(thirsty, busy).decide(view(0, { pressures: [power] }))?.sessionId).toBe(1);
    expect(ladderOf(thirsty, busy).decide(view(0, { pressures: [late] }))?.sessionId).toBe(2);
  });

  test("nobody above the payers' class moves, even when nobody else is left", () => {
    const ladder = ladderOf(climber(1, "critical", { watts: [9, 1] }));

    expect(ladder.decide(view(0, { pressures: [power] }))).toBeUndefined();
  });

  test("a session that takes too much itself pays alone, whoever stands below it", () => {
    const own: Pressure = { cause: "energy", payers: "critical", sessionId: 1, because: "9 mJ over 5 mJ" };
    const ladder = ladderOf(
      climber(1, "critical", { watts: [9, 1] }),
      climber(2, "background", { watts: [5, 1] }),
    );

    expect(ladder.decide(view(0, { pressures: [own] }))).toMatchObject({ sessionId: 1, cause: "energy" });
    expect(ladder.decide(view(200, { pressures: [own] }))).toBeUndefined();
  });

  test("what one session takes too much keeps no other from climbing, and itself from climbing until its own calm", () => {
    const own: Pressure = { cause: "energy", payers: "critical", sessionId: 1, because: "9 mJ over 5 mJ" };
    const ladder = ladderOf(
      climber(1, "interactive", { watts: [9, 1] }),
      climber(2, "background", { watts: [5, 1] }),
    );
    ladder.decide(view(0, { pressures: [power] }));
    ladder.decide(view(100, { pressures: [own] }));

    expect(ladder.decide(view(499, { pressures: [own] }))).toBeUndefined();
    expect(ladder.decide(view(500, { pressures: [own] }))).toMatchObject({ sessionId: 2, cause: "calm" });
    expect(ladder.decide(view(999))).toBeUndefined();
    expect(ladder.decide(view(1000))).toMatchObject({
      sessionId: 1,
      because: expect.stringMatching(/^no pressure for/),
    });
  });

  test("a lost device moves whoever stands on it, before anything else", () => {
    const ladder = ladderOf(
      climber(1, "critical", { watts: [2, 3, 1] }),
      climber(2, "background", { watts: [2] }),
    );
    const lost: Pressure = {
      cause: "device lost",
      payers: "critical",
      device: "npu",
      because: "npu is gone",
    };

    const move = ladder.decide(view(0, { pressures: [power, lost], lostDevices: new Set(["npu"]) }));

    expect(move).toMatchObject({ sessionId: 1, to: { device: "cpu" }, cause: "device lost" });
  });
});

describe("what is not a saving", () => {
  const lost: Pressure = { cause: "device lost", payers: "critical", device: "npu", because: "npu is gone" };

  test("a dearer device is passed over on the way down and on the way up", () => {
    const ladder = ladderOf(climber(1, "background", { watts: [2, 5, 1] }));

    expect(ladder.decide(view(0, { pressures: [power] }))).toMatchObject({ to: { index: 2 } });
    expect(ladder.decide(view(1000))).toMatchObject({ from: { index: 2 }, to: { index: 0 } });
  });

  test("a critical session is degraded and never turned off, not even for another one", () => {
    const ladder = ladderOf(climber(1, "critical", { watts: [3, 2, 1, 0] }));
    const pressures = [{ ...late, payers: "critical" as const }];

    const moves = [0, 100, 200].map((nowUs) => ladder.decide(view(nowUs, { pressures }))?.to.kind);

    expect(moves).toEqual(["device", "rate", undefined]);
  });

  test("whoever stands on a dearer device goes back to the plan when that is there again, also while power is short", () => {
    const ladder = ladderOf(climber(1, "critical", { watts: [2, 5] }));
    ladder.decide(view(0, { pressures: [lost], lostDevices: new Set(["npu"]) }));
    const pressed = { pressures: [power], hasRoomFor: () => false, mayClimb: false };

    expect(ladder.decide(view(400, pressed))).toBeUndefined();
    expect(ladder.decide(view(500, pressed))).toMatchObject({
      to: { index: 0 },
      because: "no move down for 0.0 s",
    });
  });

  test("a lost device that nobody can leave holds nobody else down", () => {
    const ladder = ladderOf(
      climber(1, "critical", { watts: [2] }),
      climber(2, "background", { watts: [3, 2] }),
    );
    const lostDevices = new Set(["npu"]);
    ladder.decide(view(0, { pressures: [lost], lostDevices }));

    expect(ladder.decide(view(100, { pressures: [lost], lostDevices }))).toBeUndefined();
    expect(ladder.decide(view(2000, { pressures: [lost] }))).toMatchObject({
      sessionId: 2,
      to: { index: 0 },
    });
  });
});

describe("how fast", () => {
  test("one rung per window over all sessions", () => {
    const ladder = ladderOf(
      climber(1, "background", { watts: [3, 2, 1] }),
      climber(2, "background", { watts: [3, 2, 1] }),
    );

    const moves = [0, 50, 99, 100, 200].map((nowUs) => ladder.decide(view(nowUs, { pressures: [power] })));

    expect(moves.map((move) => move !== undefined)).toEqual([true, false, false, true, true]);
  });

  test("a session climbs only after a calm without pressure", () => {
    const ladder = ladderOf(climber(1, "background", { watts: [3, 2, 1] }));
    ladder.decide(view(0, { pressures: [power] }));
    ladder.decide(view(300, { pressures: [power] }));

    expect(ladder.decide(view(799))).toBeUndefined();
    expect(ladder.decide(view(800))).toMatchObject({ from: { index: 2 }, to: { index: 1 }, cause: "calm" });
  });

  test("the calm doubles each time a climb is undone, up to its limit, and a climb that holds forgets it", () => {
    const ladder = ladderOf(climber(1, "background", { watts: [3, 2] }));
    let nowUs = 0;
    const calmAfterDownUs = (): number => {
      expect(ladder.decide(view(nowUs, { pressures: [power] }))).toBeDefined();
      const downUs = nowUs;
      while (ladder.decide(view(nowUs)) === undefined) nowUs += 100;
      return nowUs - downUs;
    };

    const undone = [0, 1, 2, 3].map(() => {
      const calmUs = calmAfterDownUs();
      nowUs += 200;
      return calmUs;
    });
    nowUs += 5000;

    expect([...undone, calmAfterDownUs()]).toEqual([500, 1000, 2000, 2000, 500]);
  });

  test("nobody climbs without room, onto a lost device, or while climbing is forbidden", () => {
    const ladder = ladderOf(climber(1, "background", { watts: [3, 2] }));
    ladder.decide(view(0, { pressures: [power] }));
    const asked: (number | "unknown")[] = [];
    const hasRoomFor = (watts: number | "unknown"): boolean => {
      asked.push(watts);
      return false;
    };

    expect(ladder.decide(view(1000, { hasRoomFor }))).toBeUndefined();
    expect(ladder.decide(view(1000, { mayClimb: false }))).toBeUndefined();
    expect(ladder.decide(view(1000, { lostDevices: new Set(["npu"]) }))).toBeUndefined();
    expect(asked).toEqual([1]);
    expect(ladder.decide(view(1000))).toMatchObject({ to: { index: 0 } });
  });

  test("the most critical session climbs first, and the cheapest within a class", () => {
    const ladder = ladderOf(
      climber(1, "background", { watts: [3, 2] }),
      climber(2, "interactive", { watts: [9, 2] }),
      climber(3, "interactive", { watts: [4, 2] }),
    );
    for (const nowUs of [0, 100, 200]) ladder.decide(view(nowUs, { pressures: [power] }));

    const order = [1000, 1100, 1200].map((nowUs) => ladder.decide(view(nowUs))?.sessionId);

    expect(order).toEqual([3, 2, 1]);
  });
});

test("the plan's watts are those of the rungs where sessions stand, unknown where one is", () => {
  const ladder = ladderOf(
    climber(1, "background", { watts: [3, 2] }),
    climber(2, "critical", { watts: [4] }),
  );

  expect(ladder.plannedWatts()).toBe(7);
  ladder.decide(view(0, { pressures: [power] }));
  expect(ladder.plannedWatts()).toBe(6);
  ladder.add({
    ...climber(3, "background", { watts: [1] }),
    rungs: [{ ...climber(3, "background", { watts: [1] }).rungs[0]!, watts: "unknown" }],
  });
  expect(ladder.plannedWatts()).toBe("unknown");
  ladder.remove(3);
  expect(ladder.plannedWatts()).toBe(6);
});
