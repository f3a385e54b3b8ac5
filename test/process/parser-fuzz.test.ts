/** Short runs of the fuzzers of what is read, the same inputs each time; longer ones: npm run fuzz -- --minutes 60. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FuzzOptions, FuzzResult } from "../fuzz/attempts.ts";
import { fuzzConfigs } from "../fuzz/config.fuzz.ts";
import { fuzzFields } from "../fuzz/field.fuzz.ts";
import { fuzzRegistries } from "../fuzz/registry.fuzz.ts";
import { fuzzRules } from "../fuzz/rule.fuzz.ts";
import { fuzzTars } from "../fuzz/tar.fuzz.ts";

interface ShortRun {
  readonly title: string;
  readonly fuzz: (options: FuzzOptions) => Promise<FuzzResult>;
  readonly inputs: number;
  /** Outcomes of which there are so many at least: the damage is neither too small nor too great. */
  readonly least: Readonly<Record<string, number>>;
}

const runs: readonly ShortRun[] = [
  {
    title: "a damaged config is read, or refused with the line and column of all that is wrong",
    fuzz: fuzzConfigs,
    inputs: 250,
    least: { refused: 50, configs: 10 },
  },
  {
    title: "a damaged Range, Accept-Encoding, entity tag or date is read as RFC 9110 says",
    fuzz: fuzzFields,
    inputs: 3000,
    least: { slices: 30, whole: 50 },
  },
  {
    title: "damaged _headers and _redirects give no field, no host and no line of a client's making",
    fuzz: fuzzRules,
    inputs: 2000,
    least: { matched: 500, unmatched: 50 },
  },
  {
    title: "damaged answers of registries are read or refused in words, and get no password without TLS",
    fuzz: fuzzRegistries,
    inputs: 500,
    least: { challenges: 50, names: 50 },
  },
  {
    title: "a damaged tar archive is read the same however it is cut, or refused as one",
    fuzz: fuzzTars,
    inputs: 1000,
    least: { read: 50, refused: 50 },
  },
];

for (const { title, fuzz, inputs, least } of runs) {
  test(title, async () => {
    const { failures, counts } = await fuzz({ seed: 20_260_101, seconds: 100, inputs });
    assert.deepEqual(failures, []);
    for (const [outcome, count] of Object.entries(least))
      assert.ok((counts[outcome] ?? 0) >= count, `${outcome}: ${JSON.stringify(counts)}`);
  });
}
