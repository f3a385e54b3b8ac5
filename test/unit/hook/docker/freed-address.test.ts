import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  noteFreedAddress,
  untilAddressesAreForgotten,
} from "../../../../hook/target/docker/freed-address.ts";
import type { Workplace } from "../../../../hook/target/docker/mend.ts";

function placeOf(where: string, overlapMs: number, signal = new AbortController().signal): Workplace {
  return { engine: { where }, setting: { overlapMs }, signal } as unknown as Workplace;
}

describe("an address that was just freed on an Engine", () => {
  test("is waited for by every service there, as long as proxies of the one that had it may ask for it", async () => {
    const startedMs = performance.now();
    noteFreedAddress(placeOf("one", 200));
    noteFreedAddress(placeOf("one", 10));
    await untilAddressesAreForgotten(placeOf("one", 0));
    assert.ok(performance.now() - startedMs >= 199);
  });

  test("holds up nothing on another Engine, nor once it is forgotten", async () => {
    noteFreedAddress(placeOf("two", 3_600_000));
    await untilAddressesAreForgotten(placeOf("three", 0));
    noteFreedAddress(placeOf("four", 0));
    await untilAddressesAreForgotten(placeOf("four", 0));
  });

  test("is not waited for by a deployment that is told to stop", async () => {
    noteFreedAddress(placeOf("five", 3_600_000));
    await assert.rejects(untilAddressesAreForgotten(placeOf("five", 0, AbortSignal.abort())), /aborted/);
  });
});
