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

/** A parser of a picture's size, as in 640x360. */
export function pictureSize(text: string): { width: number; height: number } {
  const [, width, height] = /^([1-9]\d*)x([1-9]\d*)$/.exec(text) ?? [];
  if (width === undefined || height === undefined) {
    throw new InvalidArgumentError("a size is written WIDTHxHEIGHT, as in 640x360.");
  }
  return { width: Number(width), height: Number(height) };
}
