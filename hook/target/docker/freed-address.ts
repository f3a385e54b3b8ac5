import { setTimeout as sleep } from "node:timers/promises";
import type { Workplace } from "./mend.ts";

/** Until when somebody may still ask at an address that was freed, by Engine; kept by this process only. */
const waitedForUntilMs = new Map<string, number>();

/** A container was stopped that had a name: proxies may know its address for as long as both were to run. */
export function noteFreedAddress({ engine, setting }: Workplace): void {
  const until = Math.max(waitedForUntilMs.get(engine.where) ?? 0, performance.now() + setting.overlapMs);
  waitedForUntilMs.set(engine.where, until);
}

/**
 * An Engine gives the lowest free address (seen with 20.10): the one that the last container has just left. What is
 * started at once would be sent that one's visitors, before it is healthy or for another site.
 */
export async function untilAddressesAreForgotten({ engine, signal }: Workplace): Promise<void> {
  for (;;) {
    const leftMs = (waitedForUntilMs.get(engine.where) ?? 0) - performance.now();
    if (leftMs <= 0) return;
    await sleep(leftMs, undefined, { signal });
  }
}
