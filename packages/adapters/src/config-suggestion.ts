/** A slip of the finger or two; beyond that a suggestion would be a guess. */
const SHARE_MAX = 0.34;

/** @returns the candidate that was probably meant, null where none is near. */
export function closestTo(word: string, candidates: readonly string[]): string | null {
  const nearest = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .toSorted((a, b) => a.distance - b.distance)[0];
  if (nearest === undefined || nearest.distance > word.length * SHARE_MAX) return null;
  return nearest.candidate;
}

/** Levenshtein's distance: letters to insert, to remove and to replace. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...to].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
