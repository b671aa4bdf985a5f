// Owns `redline power`: what this machine tells about its power, printed. Computes nothing.

import type { Command } from "commander";
import { examinePower, type MeterState, type PowerSurvey } from "../index.js";
import { positiveNumber } from "./number-option.js";
import type { Output } from "./output.js";
import type { Perform, Surroundings } from "./verb.js";

const EXAMPLES = `
Examples:
  redline power                every meter, what it says, and how to open those that only root may read
  redline power --seconds 60   the same, then one line a second
  redline power --json         one object per meter and zone, the package in the summary

A figure is "measured" by a counter or sensor or "estimated" from processor time; what cannot be read is "unknown" and says why.`;

/** Declares the verb. */
export function addPower(program: Command, perform: Perform): void {
  program
    .command("power")
    .description("which power meters there are, what they say, and how to read the others")
    .option("--seconds <count>", "go on for so long, one line a second", positiveNumber("seconds"))
    .addHelpText("after", EXAMPLES)
    .action((options: { seconds?: number }) => perform((surroundings) => power(options, surroundings)));
}

async function power({ seconds = 0 }: { seconds?: number }, { output, signal }: Surroundings): Promise<void> {
  let survey = await examinePower({ signal });
  printMeters(survey, output);
  summarise(survey, output);
  for (let second = 0; second < seconds && !signal.aborted; second += 1) {
    survey = await examinePower({ signal, spanMs: 1000 });
    if (signal.aborted) return;
    output.event({ type: "power", ...summaryOf(survey) }, lineOf(survey));
    summarise(survey, output);
  }
}

function printMeters(survey: PowerSurvey, output: Output): void {
  for (const meter of survey.meters) output.event({ type: "meter", ...meter }, meterText(meter));
  for (const device of survey.unmetered) {
    const reason = "nothing here tells what it draws";
    const text = `device   ${device.padEnd(34)} unknown\n${" ".repeat(9)}why: ${reason}`;
    output.event({ type: "unmetered", device, watts: "unknown", reason }, text);
  }
  for (const zone of survey.zones) {
    const heat =
      zone.celsius === "unknown"
        ? `unknown\n${" ".repeat(9)}why: ${zone.reason}`
        : `${zone.celsius.toFixed(1)} C`;
    const { type: kind, ...rest } = zone;
    output.event({ type: "zone", kind, ...rest }, `zone     ${kind.padEnd(34)} ${heat}`);
  }
  for (const { isSlowing, type: kind, ...cooler } of survey.coolers) {
    const text = isSlowing ? `cooler   ${kind.padEnd(34)} at ${cooler.state} of ${cooler.most}` : undefined;
    output.event({ type: "cooler", kind, isSlowing, ...cooler }, text);
  }
}

function summarise(survey: PowerSurvey, output: Output): void {
  const { source, batteryPercent } = survey.supply;
  const charge = batteryPercent === undefined ? "" : `, battery ${batteryPercent.toFixed(0)} %`;
  const refused = survey.package.refused.map(({ from, reason }) => `\n  not by ${from}: ${reason}`);
  output.summarise(summaryOf(survey), `\nSupply: ${source}${charge}.\n${lineOf(survey)}${refused.join("")}`);
}

function summaryOf(survey: PowerSurvey): Record<string, unknown> {
  const { figure, from, refused } = survey.package;
  const { supply, band, bandCause, processWatts, cpuPreference } = survey;
  return {
    ...supply,
    ...figure,
    supply: supply.source,
    from,
    refused,
    processWatts,
    band,
    bandCause,
    cpuPreference,
  };
}

function lineOf({ package: { figure, from }, processWatts, band, bandCause }: PowerSurvey): string {
  const whole =
    figure.watts === "unknown"
      ? `unknown (${figure.reason})`
      : `${figure.watts.toFixed(2)} W, ${figure.source} by ${from}`;
  const own = processWatts === "unknown" ? "unknown" : `${processWatts.toFixed(2)} W, estimated`;
  return `Package: ${whole}; this process: ${own}; band ${band}${bandCause === "" ? "" : `: ${bandCause}`}.`;
}

function meterText({ kind, label, watts, source, reason, fix }: MeterState): string {
  const figure = watts === "unknown" ? "unknown" : `${watts.toFixed(2)} W, ${source}`;
  const lines = [`${kind.padEnd(8)} ${label.padEnd(34)} ${figure}`];
  if (watts === "unknown") lines.push(`${" ".repeat(9)}why: ${reason}`);
  if (fix !== undefined) lines.push(`${" ".repeat(9)}fix: ${fix}`);
  return lines.join("\n");
}
