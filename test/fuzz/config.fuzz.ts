/** Damaged configs into the code that reads them: it finds what is wrong and where, and never throws. */
import { readFileSync } from "node:fs";
import { parseAgentSetting } from "../../hook/agent/load.ts";
import { parseConfig } from "../../hook/config/load.ts";
import { blocksOf, completeConfig, environmentOf, hookPages } from "../support/documented-configs.ts";
import { type Attempt, attemptInputs, type FuzzOptions, type FuzzResult } from "./attempts.ts";
import { loadTexts } from "./kept-texts.ts";
import { mutate } from "./mutation.ts";
import type { Random } from "./random.ts";

/** The example of every target, and every piece of a config that the docs show, made whole. */
const starts: readonly string[] = [
  readFileSync(new URL("../../hook.example.yaml", import.meta.url), "utf8"),
  ...hookPages.flatMap((page) => blocksOf(page, "yaml").map(completeConfig)),
];
const secret = "secret-0123456789-abcdefghijklm";
const names = Object.keys(environmentOf(starts.join("\n")));
const environment: Readonly<Record<string, string>> = {
  ...Object.fromEntries(names.map((name) => [name, name.endsWith("URL") ? "https://example.org/x" : secret])),
  EMPTY: "",
};

const words: readonly string[] = [
  ...[
    "\n",
    "\n  ",
    "\t",
    " ",
    ": ",
    "- ",
    "? ",
    "# ",
    ", ",
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    "\\",
    "\0",
    "\r",
    "\ufeff",
  ],
  ...[
    "&a ",
    "*a",
    "*lost",
    "<<: *a",
    "!!map ",
    "!!binary ",
    "!x ",
    "| ",
    "|2-\n",
    ">+\n",
    "%YAML 1.1\n",
    "---\n",
    "...\n",
  ],
  ...[
    "null",
    "~",
    "true",
    "yes",
    "0x10",
    "0o7",
    "1_000",
    ".inf",
    ".nan",
    "-0",
    "1e400",
    "2001-12-14",
    "__proto__: ",
  ],
  ...[
    "$\u007bBLOG_SECRET}",
    "${",
    "$$\u007bx}",
    "$\u007btag}",
    "$\u007bEMPTY}",
    "{ env: NOT_SET }",
    "{ file: ./nowhere }",
    "{ sha256: x }",
  ],
  ...[
    "services:",
    "  blog:\n",
    "store: x\n",
    "secret: ",
    "target: ",
    "tags: '('",
    "tags: '^(a+)+$'",
    "1s",
    "-1s",
    "99999d",
  ],
  ...[
    "http://",
    "https://[::1",
    "http://a b/",
    "::",
    "127.0.0.1:99999",
    "unix:///x",
    "constructor: ",
    "toString: {}",
  ],
  ...[
    "[[[[[[[[",
    "{a: {a: {a: ",
    "&x [*x, *x]",
    "? [a, b]\n: c\n",
    "\u2028",
    "\ud800",
    "ä",
    "!!set {a}",
    "!!omap [a: 1]",
  ],
];

/** `hook.yaml:12:5 services.blog.tags: what is wrong`, on one line. */
const problemLine = /^hook\.yaml:[1-9]\d*:[1-9]\d* ?[^\n]*: ?[^\n]+$/;

function checkProblems(problems: readonly string[], lineCount: number): string {
  if (problems.length === 0) return "neither a config nor a problem";
  for (const problem of problems) {
    if (!problemLine.test(problem)) return `a problem without its place: ${JSON.stringify(problem)}`;
    const [, line = ""] = problem.split(":");
    if (Number(line) > lineCount) return `a problem in line ${line} of ${lineCount}`;
    if (problem.includes(secret)) return `a problem that tells a secret: ${problem}`;
  }
  return "";
}

function check(text: string): Attempt {
  const lineCount = text.split("\n").length;
  const before = process.cpuUsage();
  const result = parseConfig(text, "hook.yaml", environment);
  const { user, system } = process.cpuUsage(before);
  // Processor time, which a busy machine does not change: a few milliseconds.
  if (user + system > 5_000_000) return { failure: `it took ${(user + system) / 1000} ms` };
  const failure = "problems" in result ? checkProblems(result.problems, lineCount) : "";
  if (failure !== "") return { failure };
  // The agent's file has other keys and the same ways to be wrong.
  const agent = parseAgentSetting(text, "hook.yaml", new Map(), environment);
  if ("problems" in agent && agent.problems.length === 0) return { failure: "an agent without a problem" };
  return "config" in result ? "configs" : "refused";
}

export function fuzzConfigs(options: FuzzOptions): Promise<FuzzResult> {
  const kept = loadTexts("config");
  const make = (random: Random) => {
    const start = random.pick(random.chance(0.7) ? starts : [...starts, ...kept]);
    return mutate(start, random, starts, words);
  };
  return attemptInputs(options, [...kept, ...starts], make, check);
}
