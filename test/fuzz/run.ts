/**
 * npm run fuzz -- [--only heads|wire] [--seed N] [--seconds N] [--replay '["GET …"]']
 * Every failure is printed with its input, ready for --replay and for corpus.json.
 */
import { parseArgs } from "node:util";
import { runtimes } from "../support/server-process.ts";
import { fuzzHeads } from "./head.fuzz.ts";
import { fuzzHeadMemory } from "./head-memory.fuzz.ts";
import type { Input } from "./input.ts";
import { fuzzWire } from "./wire.fuzz.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
    seconds: { type: "string", default: "60" },
    replay: { type: "string" },
  },
});
const seed = Number(values.seed);
const seconds = Number(values.seconds);

function report(name: string, counts: string, failures: readonly string[]): void {
  console.log(`${name}: ${counts}, seed ${seed}: ${failures.length === 0 ? "no failure" : "FAILED"}`);
  for (const failure of failures) console.log(failure);
  if (failures.length > 0) process.exitCode = 1;
}

if (values.only !== "wire" && values.replay === undefined) {
  const { inputs, accepted, refused, failures } = fuzzHeads({ seed, seconds });
  const memory = fuzzHeadMemory({ seed, seconds: seconds / 4 });
  report("remembered heads", `${memory.inputs} inputs, ${memory.recalled} recalled`, memory.failures);
  report("heads", `${inputs} inputs, ${accepted} accepted, ${refused} refused`, failures);
}

if (values.only !== "heads") {
  const present = runtimes.filter(({ missing }) => missing === false);
  for (const { missing } of runtimes) if (missing !== false) console.log(`left out: ${missing}`);
  const replay = values.replay === undefined ? {} : { inputs: [JSON.parse(values.replay) as Input] };
  const { inputs, failures } = await fuzzWire({ seed, seconds, runtimes: present, ...replay });
  report(`wire on ${present.map(({ name }) => name).join(", ")}`, `${inputs} inputs`, failures);
}
