// Owns word error rate and the normaliser it is stated with. Knows no sound and no model.
// Invariant: label and answer pass the same normaliser; what it does is stated beside every rate.

/** What is done to text before its words are compared, said once for every report. */
export const NORMALISER =
  "NFKC, lower case, apostrophes within words kept, other punctuation and symbols to spaces, words as they stand (no numbers spelt out)";

/** Words of a text after the normaliser. */
export function wordsOf(text: string): string[] {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/(?<![\p{L}\p{N}])'|'(?![\p{L}\p{N}])/gu, " ")
    .replace(/[^\p{L}\p{N}\p{M}']+/gu, " ")
    .split(" ")
    .filter((word) => word !== "");
}

/** Substitutions, deletions and insertions of a best alignment, and the words of the label. */
export type WordCounts = readonly [
  substitutions: number,
  deletions: number,
  insertions: number,
  words: number,
];

/**
 * Counts the errors of a best alignment by Levenshtein's distance, as NIST's sclite does with equal costs. The rate is their
 * sum over the label's words; over a data set both are summed first. It can exceed 1.
 */
export function wordCounts(given: { readonly label: string; readonly answer: string }): WordCounts {
  const [label, answer] = [wordsOf(given.label), wordsOf(given.answer)];
  // A cell: substitutions, deletions, insertions of the best way there; its cost is their sum.
  type Cell = readonly [number, number, number];
  const cost = ([s, d, i]: Cell): number => s + d + i;
  let row: Cell[] = [[0, 0, 0]];
  for (let j = 1; j <= answer.length; j++) row.push([0, 0, j]);
  for (let i = 1; i <= label.length; i++) {
    const next: Cell[] = [[0, i, 0]];
    for (let j = 1; j <= answer.length; j++) {
      const [s, d, n] = row[j - 1]!;
      const kept: Cell = label[i - 1] === answer[j - 1] ? [s, d, n] : [s + 1, d, n];
      const [ds, dd, dn] = row[j]!;
      const [is, id, inn] = next[j - 1]!;
      const ways: Cell[] = [kept, [ds, dd + 1, dn], [is, id, inn + 1]];
      next.push(ways.reduce((best, way) => (cost(way) < cost(best) ? way : best)));
    }
    row = next;
  }
  const [substitutions, deletions, insertions] = row[answer.length]!;
  return [substitutions, deletions, insertions, label.length];
}
