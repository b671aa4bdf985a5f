// Owns the lines exchanged with the child program: a verb, a number, fields with percent-encoded values. Knows no verb.
// Invariant: what it reads has at most LINE_BYTES, and a line that is none throws.

/** The longest line either side reads; native/child holds the same number. */
export const LINE_BYTES = 1_048_576;

/** One request or reply. A name may occur several times. */
export interface Line {
  readonly verb: string;
  readonly id: number;
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** The line as it is sent, line feed included. */
export function formatLine({ verb, id, fields }: Line): string {
  const words = fields.map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `${[verb, id, ...words].join(" ")}\n`;
}

/**
 * Reads a line, without its line feed.
 *
 * @throws Error for text that is no line
 */
export function parseLine(text: string): Line {
  const [verb = "", number = "", ...words] = text.split(" ");
  const id = Number(number);
  if (verb === "" || number === "" || !Number.isSafeInteger(id))
    throw new Error(`no line: ${text.slice(0, 80)}`);
  const fields = words.map((word): [string, string] => {
    const equals = word.indexOf("=");
    if (equals < 1) throw new Error(`no field: ${word.slice(0, 80)}`);
    return [word.slice(0, equals), decodeURIComponent(word.slice(equals + 1))];
  });
  return { verb, id, fields };
}

/** Several values in one field. */
export function joinList(values: readonly (string | number)[]): string {
  return values.map((value) => encodeURIComponent(String(value))).join(",");
}

/** The values of one field. */
export function splitList(value: string): string[] {
  return value.split(",").map((part) => decodeURIComponent(part));
}

/** The first value of a field, or an empty text. */
export function fieldOf(line: Line, name: string): string {
  return line.fields.find(([key]) => key === name)?.[1] ?? "";
}

/** Every value of a field, in order. */
export function fieldsOf(line: Line, name: string): string[] {
  return line.fields.filter(([key]) => key === name).map(([, value]) => value);
}
