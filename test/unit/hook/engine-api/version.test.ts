import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseApiVersion, formatApiVersion, parseApiVersion } from "../../../../hook/engine-api/version.ts";

const table: [newest: string, oldest: string | undefined, spoken: string | undefined, why: string][] = [
  ["1.41", "1.12", "1.41", "Debian's 20.10: the Engine's newest"],
  ["1.45", "1.24", "1.45", "ours and the Engine's are the same"],
  ["1.51", "1.24", "1.45", "a newer Engine: ours"],
  ["1.60", "1.50", "1.50", "an Engine that has dropped ours: its oldest"],
  ["1.40", undefined, "1.40", "the oldest that will do"],
  ["1.39", "1.12", undefined, "too old"],
  ["2.0", "1.44", "1.45", "a major version that still speaks the old one"],
];
for (const [newest, oldest, spoken, why] of table) {
  test(`an Engine with ${newest} (from ${oldest}): ${why}`, () => {
    const engine = { newest: parseApiVersion(newest), oldest: parseApiVersion(oldest) };
    assert.ok(engine.newest);
    const chosen = chooseApiVersion({ newest: engine.newest, oldest: engine.oldest });
    assert.equal(chosen && formatApiVersion(chosen), spoken);
  });
}

test("what is no version is none", () => {
  for (const text of ["", "1", "1.", "v1.41", "1.41.2", "1.41\n", 1.41, undefined, null, {}])
    assert.equal(parseApiVersion(text), undefined);
});
