import { setTimeout as sleep } from "node:timers/promises";
import { pauseAfter } from "../queue/retry.ts";
import { EngineError } from "./error.ts";

const pauses = { firstMs: 100, maximumMs: 2000 };

/** Asks until there is an answer: what is under way goes on, whether or not its Engine can be asked just now. */
export async function insist<Answer>(
  ask: () => Promise<Answer>,
  { log, signal }: { log(line: string): void; signal: AbortSignal },
): Promise<Answer> {
  for (let failures = 1; ; failures++) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof EngineError) || !error.isTemporary || signal.aborted) throw error;
      if (failures === 1) log(`${error.message}; asking again until it does`);
      await sleep(pauseAfter(failures, pauses), undefined, { signal }).catch(() => {});
    }
  }
}
