/** A short run of the fuzzer, the same images each time; longer ones: npm run fuzz -- --only images --minutes 60. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzImages } from "../../fuzz/image.fuzz.ts";

test("hostile images write nothing outside of their folder, leave nothing that leads there, and crash nothing", async () => {
  const { failures, unpacked, refused } = await fuzzImages({ seed: 20_260_101, seconds: 60, inputs: 200 });
  assert.deepEqual(failures, []);
  assert.ok(
    unpacked > 20 && refused > 20,
    `${unpacked} unpacked, ${refused} refused: too hostile or not enough`,
  );
});
