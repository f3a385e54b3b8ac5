import leven from "leven";

/** The candidate that a misspelt word most likely meant, or `undefined` when none is near. */
export function findNearest(word: string, candidates: readonly string[]): string | undefined {
  // One slip in three letters is a misspelling, more is another word.
  const maximumEdits = Math.max(2, Math.ceil(word.length / 3));
  const measured = candidates.map((candidate) => ({
    candidate,
    edits: leven(word.toLowerCase(), candidate.toLowerCase()),
  }));
  return measured.filter(({ edits }) => edits <= maximumEdits).sort((a, b) => a.edits - b.edits)[0]
    ?.candidate;
}
