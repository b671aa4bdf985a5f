// Owns turning option text into numbers, with an error that says what is accepted.

import { InvalidArgumentError } from "commander";

/** A parser of whole numbers from 1. */
export function wholeNumber(what: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= 1) return value;
    throw new InvalidArgumentError(`${what} is a whole number from 1.`);
  };
}

/** A parser of numbers above 0. */
export function positiveNumber(what: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isFinite(value) && value > 0) return value;
    throw new InvalidArgumentError(`${what} is a number above 0.`);
  };
}

/** A parser of a budget of power: watts, as in 6W, or a share of what the load draws without one, as in 70%. */
export function powerGoal(text: string): { watts: number } | { share: number } {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?(W|%)$/i.exec(text) ?? [];
  const value = Number(number);
  if (unit === "%" && value > 0 && value <= 100) return { share: value / 100 };
  if (unit !== undefined && unit !== "%" && value > 0) return { watts: value };
  throw new InvalidArgumentError(
    "a power budget is written as 6W, or as 70% of what the load draws without one.",
  );
}

/** A parser of a picture's size, as in 640x360. */
export function pictureSize(text: string): { width: number; height: number } {
  const [, width, height] = /^([1-9]\d*)x([1-9]\d*)$/.exec(text) ?? [];
  if (width === undefined || height === undefined) {
    throw new InvalidArgumentError("a size is written WIDTHxHEIGHT, as in 640x360.");
  }
  return { width: Number(width), height: Number(height) };
}

const UNITS: Readonly<Record<string, number>> = { "": 1, B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/** A parser of an amount of bytes, as in 500MB or 2GB: decimal units, as disks are sold. */
export function byteSize(text: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?) ?([KMGT]?B)?$/i.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError("a size is written as 500MB or 2GB, or 0.");
  return Math.round(Number(number) * (UNITS[unit.toUpperCase()] ?? 1));
}
