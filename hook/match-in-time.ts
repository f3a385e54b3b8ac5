import { createContext, Script } from "node:vm";

/** Whether a pattern matches; `too-slow` where that took longer than it may. */
export type Match = "matches" | "differs" | "too-slow";

/**
 * By the clock, and on a machine that is short of processors a match that takes a quarter of a millisecond has been seen
 * to take more than 100: a good webhook must not be refused for that.
 */
const limitMs = 1_000;

const subject = createContext({ pattern: /^/, text: "" });
const script = new Script("pattern.test(text)");

/**
 * Matches a pattern of the config with a text from outside. `^(\w+\.?)+$` takes longer than the universe is old for
 * some texts of a hundred letters, and nothing else runs meanwhile; whoever may send tags could stop the hook by one.
 */
export function matchInTime(pattern: RegExp, text: string): Match {
  Object.assign(subject, { pattern, text });
  try {
    return script.runInContext(subject, { timeout: limitMs }) === true ? "matches" : "differs";
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return "too-slow";
    throw error;
  }
}

/** For the answer to whoever sent the text, and for the log. */
export function describeSlowness(pattern: RegExp): string {
  return `takes longer than ${limitMs / 1000} s to match with ${pattern.source}; write the pattern without repetitions in repetitions`;
}
