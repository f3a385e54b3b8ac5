import { closestMatch } from "leven";

/** The candidate that was probably meant: at most a third of the typed letters (and always one) may be wrong. */
export function nearest(typed: string, candidates: readonly string[]): string | undefined {
  const maxDistance = Math.max(1, Math.ceil(typed.length / 3));
  const lowerCase = typed.toLowerCase();
  return (
    candidates.find((candidate) => candidate === lowerCase) ??
    closestMatch(lowerCase, candidates, { maxDistance })
  );
}

/** ` Did you mean 'init'?`, or nothing: to be put behind an error message. */
export function suggestion(typed: string, candidates: readonly string[]): string {
  const match = nearest(typed, candidates);
  return match === undefined ? "" : ` Did you mean '${match}'?`;
}
