/** Short runs of the fuzzers, the same inputs each time; longer ones: npm run fuzz -- --minutes 60. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzChunked } from "../fuzz/chunked.fuzz.ts";
import { fuzzHeads } from "../fuzz/head.fuzz.ts";
import { fuzzHeadMemory } from "../fuzz/head-memory.fuzz.ts";
import { escapeInput, loadCorpus } from "../fuzz/input.ts";
import { fuzzRulesOnWire } from "../fuzz/rule-wire.fuzz.ts";
import { fuzzWire } from "../fuzz/wire.fuzz.ts";
import { nativeRuntime, nodeRuntime, type Runtime, sanitizedRuntime } from "../support/server-process.ts";

const seed = 20_260_101;

test("the parser accepts no damaged head that RFC 9112 refuses, and reads no byte beyond the ends", () => {
  const { failures, accepted, refused } = fuzzHeads({ seed, seconds: 4, inputs: 10_000 });
  assert.deepEqual(failures, []);
  assert.ok(
    accepted > 100 && refused > 100,
    `${accepted} accepted, ${refused} refused: the damages are too small or too great`,
  );
});

test("a head whose fields are remembered is read as the parser reads it, whatever stands behind it", () => {
  const { failures, recalled, recalledPlain } = fuzzHeadMemory({ seed, seconds: 3, inputs: 20_000 });
  assert.deepEqual(failures, []);
  assert.ok(recalled > 500 && recalledPlain > 100, `${recalled} and ${recalledPlain} recalled`);
});

test("chunked content ends where RFC 9112 says, or is refused, however it is damaged and cut", () => {
  const { failures, whole, refused } = fuzzChunked({ seed, seconds: 3, inputs: 20_000 });
  assert.deepEqual(failures, []);
  assert.ok(whole > 1000 && refused > 1000, `${whole} whole, ${refused} refused`);
});

async function compare(runtime: Runtime): Promise<void> {
  const { failures } = await fuzzWire({ seed, seconds: 3, runtimes: [nodeRuntime, runtime] });
  assert.deepEqual(failures, []);
}

test(
  "damaged streams get the same well-formed answers from Node and native, and nothing grows",
  {
    skip: nativeRuntime.missing,
  },
  () => compare(nativeRuntime),
);

test(
  "damaged streams get the same well-formed answers from Node and the sanitized build, which finds nothing",
  {
    skip: sanitizedRuntime.missing,
  },
  () => compare(sanitizedRuntime),
);

test("sites with damaged _headers and _redirects answer and report the same on every runtime", {
  skip: nativeRuntime.missing || sanitizedRuntime.missing,
}, async () => {
  const all = [nodeRuntime, nativeRuntime, sanitizedRuntime];
  const { failures } = await fuzzRulesOnWire({ seed, seconds: 20, inputs: 4 }, all);
  assert.deepEqual(failures, []);
});

test("every input of the corpus is of bytes, printed as it is read", () => {
  const corpus = loadCorpus();
  assert.ok(corpus.length > 100);
  for (const { note, parts } of corpus) {
    assert.match(parts.join(""), /^[\0-\xff]+$/, note);
    assert.match(escapeInput(parts), /^[ -~]+$/, note);
    assert.deepEqual(JSON.parse(escapeInput(parts)), parts, note);
  }
});
