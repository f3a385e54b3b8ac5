/** A short run of the fuzzer, the same inputs each time; a longer one: npm run fuzz -- --only webhooks --minutes 60. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzWebhooks } from "../../fuzz/webhook.fuzz.ts";

test("no damaged webhook makes a sender's code throw, or bring what is no image tag", () => {
  const { failures, triggers, ignored, malformed } = fuzzWebhooks({
    seed: 20_260_101,
    seconds: 3,
    inputs: 4000,
  });
  assert.deepEqual(failures, []);
  const counts = `${triggers} triggers, ${ignored} ignored, ${malformed} malformed`;
  assert.ok(triggers > 200 && ignored > 200 && malformed > 200, counts);
});
