/** Runs a check over made inputs, each from a seed of its own, until the time or the number is used up. */
import { Random } from "./random.ts";

export interface FuzzOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly inputs?: number;
}

export interface FuzzResult {
  readonly inputs: number;
  /** How many inputs ended so: shows that the damage is neither too small nor too great. */
  readonly counts: Readonly<Record<string, number>>;
  /** Each with the seed that shows it, and its input. */
  readonly failures: readonly string[];
}

/** What became of one input: a word that is counted, or a failure. */
export type Attempt = string | { readonly failure: string };

const maxFailures = 10;

/**
 * Stops at ten failures. What the check throws is a failure.
 * @param kept checked before any that is made
 */
export async function attemptInputs<Input>(
  { seed, seconds, inputs = Number.POSITIVE_INFINITY }: FuzzOptions,
  kept: readonly Input[],
  make: (random: Random) => Input,
  check: (input: Input, random: Random) => Attempt | Promise<Attempt>,
): Promise<FuzzResult> {
  const deadline = performance.now() + seconds * 1000;
  const counts: Record<string, number> = {};
  const failures: string[] = [];
  let count = 0;
  for (; count < inputs && failures.length < maxFailures && performance.now() < deadline; count++) {
    const random = new Random(seed + count);
    const input = kept[count] ?? make(random);
    const attempt = await tryOne(input, random, check);
    if (typeof attempt === "string") counts[attempt] = (counts[attempt] ?? 0) + 1;
    else failures.push(`seed ${seed + count}: ${attempt.failure}: ${JSON.stringify(input)}`);
  }
  return { inputs: count, counts, failures };
}

async function tryOne<Input>(
  input: Input,
  random: Random,
  check: (input: Input, random: Random) => Attempt | Promise<Attempt>,
): Promise<Attempt> {
  try {
    return await check(input, random);
  } catch (error) {
    return { failure: `threw ${error instanceof Error ? error.stack : error}` };
  }
}
