/** Small damages to a value of JSON: another type, another text, a key gone, a list grown. */
import type { Random } from "./random.ts";

const oddTexts = [
  ...[
    "",
    " ",
    "latest",
    "v1\n",
    "v1\u0000",
    "../../etc/passwd",
    "$(reboot)",
    "-rf",
    "sha256:",
    "\u202eexe.v1",
  ],
  ...[
    "a".repeat(128),
    "a".repeat(129),
    "ä",
    "\ud800",
    "%00",
    "v1;id",
    "1e400",
    "0",
    "-1",
    "null",
    "@",
    ":",
    "/",
  ],
  ...[
    "host/name:tag",
    "host:5000/name",
    "name@sha256:1",
    "https://host/",
    "//",
    "PUSH",
    "push",
    "INSERT",
    "1.0",
  ],
  ...["e30=", "e30", "AAAA", "bnVsbA==", "constructor", "__proto__"],
];

function makeValue(random: Random): unknown {
  return random.pick<() => unknown>([
    () => random.pick(oddTexts),
    () => random.pick(oddTexts),
    () => random.pick([0, -1, 1.5, 1e21, Number.MAX_SAFE_INTEGER + 1, -0]),
    () => random.pick([true, false, null, undefined]),
    () => [],
    () => ({}),
    () => Array.from({ length: 150 }, (_, index) => `v${index}`),
    () => [makeValue(random)],
    () => JSON.parse('{"__proto__":{"tag":"v1"}}'),
  ])();
}

/** A copy in which one value, at any depth, is another one, is gone, or is there several times. */
export function damageValue(value: unknown, random: Random): unknown {
  const isLeaf = typeof value !== "object" || value === null;
  if (isLeaf || Object.keys(value).length === 0 || random.chance(0.1)) return makeValue(random);
  if (Array.isArray(value)) return damageList(value, random);
  const entries = Object.entries(value);
  const [chosen] = random.pick(entries);
  if (random.chance(0.1)) return Object.fromEntries(entries.filter(([key]) => key !== chosen));
  return Object.fromEntries(
    entries.map(([key, entry]) => [key, key === chosen ? damageValue(entry, random) : entry]),
  );
}

function damageList(list: readonly unknown[], random: Random): unknown[] {
  if (random.chance(0.2)) return Array.from({ length: 1 + random.below(120) }, () => random.pick(list));
  const chosen = random.below(list.length);
  return list.map((entry, index) => (index === chosen ? damageValue(entry, random) : entry));
}
