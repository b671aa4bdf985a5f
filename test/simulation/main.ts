// Owns `npm run simulate`: seeds and simulated hours from the command line, one line per world, the log's hash last.

import { createHash } from "node:crypto";
import { breachReport } from "./breach-report.js";
import { CYCLE_US, simulate } from "./simulate.js";

/** A world lives ten minutes: long enough for what creeps, short enough to see many machines. */
const CYCLES_PER_WORLD = 20;

const seed = numberOption("seed", 1);
const hours = numberOption("hours", 1);
const only = process.argv.includes("--cycles") ? numberOption("cycles", 1) : undefined;

console.log(`seed ${seed}`);
const worlds = only === undefined ? Math.ceil((hours * 3.6e9) / (CYCLES_PER_WORLD * CYCLE_US)) : 1;
const whole = createHash("sha256");
let records = 0;
const judged = new Map<number, { readonly law: string; times: number }>();
for (let world = 0; world < worlds; world += 1) {
  const result = simulate(seed + world, { cycles: only ?? CYCLES_PER_WORLD });
  records += result.records;
  for (const { number, law, judged: times } of result.invariants) {
    judged.set(number, { law, times: times + (judged.get(number)?.times ?? 0) });
  }
  whole.update(result.hash);
  if (result.breach) {
    console.log(breachReport(result, { cycles: only ?? CYCLES_PER_WORLD }));
    process.exit(1);
  }
  if (world % 50 === 49) console.log(`${world + 1} of ${worlds} worlds, ${records} records`);
}
for (const [number, { law, times }] of judged) console.log(`${number}. ${law}: judged ${times} times`);
console.log(`${worlds} worlds, ${records} records, no invariant broken`);
console.log(whole.digest("hex"));

function numberOption(name: string, otherwise: number): number {
  const at = process.argv.indexOf(`--${name}`);
  if (at < 0) return otherwise;
  const value = Number(process.argv[at + 1]);
  if (Number.isFinite(value) && value >= 0) return value;
  console.error(`--${name} takes a number, received ${process.argv[at + 1]}`);
  process.exit(64);
}
