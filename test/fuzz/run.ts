/**
 * npm run fuzz -- [--only heads,fields,rules,…] [--seed N] [--seconds N | --minutes N] [--replay '["GET …"]']
 * The time is for each fuzzer. Every failure is printed with its input: it belongs into corpus/, and into a test.
 */
import { parseArgs } from "node:util";
import { runtimes } from "../support/server-process.ts";
import type { FuzzOptions } from "./attempts.ts";
import { fuzzChunked } from "./chunked.fuzz.ts";
import { fuzzConfigs } from "./config.fuzz.ts";
import { fuzzFields } from "./field.fuzz.ts";
import { fuzzHeads } from "./head.fuzz.ts";
import { fuzzHeadMemory } from "./head-memory.fuzz.ts";
import { fuzzImages } from "./image.fuzz.ts";
import type { Input } from "./input.ts";
import { fuzzRegistries } from "./registry.fuzz.ts";
import { fuzzRules } from "./rule.fuzz.ts";
import { fuzzRulesOnWire } from "./rule-wire.fuzz.ts";
import { fuzzTars } from "./tar.fuzz.ts";
import { fuzzWebhooks } from "./webhook.fuzz.ts";
import { fuzzWire } from "./wire.fuzz.ts";

type Fuzzer = (
  options: FuzzOptions,
) => Promise<{ failures: readonly string[] }> | { failures: readonly string[] };

const present = runtimes.filter(({ missing }) => missing === false);

const fuzzers: Readonly<Record<string, Fuzzer>> = {
  heads: fuzzHeads,
  "head-memory": fuzzHeadMemory,
  chunked: fuzzChunked,
  fields: fuzzFields,
  rules: fuzzRules,
  "rules-wire": (options) => fuzzRulesOnWire(options, present),
  configs: fuzzConfigs,
  webhooks: fuzzWebhooks,
  registries: fuzzRegistries,
  tars: fuzzTars,
  images: fuzzImages,
  wire: (options) => fuzzWire({ seed: options.seed, seconds: options.seconds, runtimes: present }),
};

const { values } = parseArgs({
  options: {
    only: { type: "string", default: Object.keys(fuzzers).join() },
    seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
    seconds: { type: "string", default: "60" },
    minutes: { type: "string" },
    replay: { type: "string" },
  },
});
const seed = Number(values.seed);
const seconds = values.minutes === undefined ? Number(values.seconds) : Number(values.minutes) * 60;

function report(name: string, { failures, ...counts }: { failures: readonly string[] }): void {
  const outcome = failures.length === 0 ? "no failure" : "FAILED";
  console.log(`${name}: ${JSON.stringify(counts)}, seed ${seed}: ${outcome}`);
  for (const failure of failures) console.log(failure);
  if (failures.length > 0) process.exitCode = 1;
}

for (const { missing } of runtimes) if (missing !== false) console.log(`left out: ${missing}`);
if (values.replay !== undefined) {
  const inputs = [JSON.parse(values.replay) as Input];
  report("wire", await fuzzWire({ seed, seconds, runtimes: present, inputs }));
} else {
  for (const name of values.only.split(",")) {
    const fuzz = fuzzers[name];
    if (fuzz === undefined) throw new Error(`no fuzzer ${name}: ${Object.keys(fuzzers).join(", ")}`);
    report(name, await fuzz({ seed, seconds }));
  }
}
