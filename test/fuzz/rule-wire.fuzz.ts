/** Sites with damaged `_headers` and `_redirects` on every runtime: the same answers, the same reports, and nobody dies. */
import { findResponseProblem } from "../support/response-check.ts";
import { type Runtime, type ServerProcess, startServer } from "../support/server-process.ts";
import { makeSiteFolder, writeSiteFile } from "../support/site-folder.ts";
import type { FuzzOptions, FuzzResult } from "./attempts.ts";
import { exchangeInput } from "./exchange.ts";
import { loadTexts } from "./kept-texts.ts";
import { Random } from "./random.ts";
import { makeRuleTexts, makeTargets, type RuleTexts } from "./rule-texts.ts";

const targetsPerSite = 60;
const pace = { pauseMs: 2, silenceMs: 2000 };

/** Every runtime's answer to one target, where they differ or are no HTTP. */
async function findDifference(target: string, servers: readonly ServerProcess[]): Promise<string> {
  const input = [`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`];
  const answers = await Promise.all(servers.map(({ port }) => exchangeInput(port, input, pace)));
  const [first] = answers;
  for (const { bytes, ended } of answers) {
    const problem = ended === "hung" ? "the connection does not end" : findResponseProblem(bytes, []);
    if (problem !== "") return `${target}: ${problem}`;
    if (bytes !== first?.bytes)
      return `${target}: ${JSON.stringify(first?.bytes)} and ${JSON.stringify(bytes)}`;
  }
  return "";
}

function reportOf({ stderr }: ServerProcess): string {
  return stderr
    .split("\n")
    .filter((line) => line.includes("/_headers:") || line.includes("/_redirects:"))
    .join("\n");
}

async function checkSite(texts: RuleTexts, random: Random, runtimes: readonly Runtime[]): Promise<string> {
  const folder = makeSiteFolder();
  const servers: ServerProcess[] = [];
  try {
    writeSiteFile(folder.root, "_headers", texts.headers);
    writeSiteFile(folder.root, "_redirects", texts.redirects);
    for (const runtime of runtimes) servers.push(await startServer(runtime, ["-root-dir", folder.root]));
    const targets = makeTargets(texts, random, targetsPerSite);
    const problems = await Promise.all(targets.map((target) => findDifference(target, servers)));
    const statuses = await Promise.all(servers.map((server) => server.stop()));
    const reports = servers.map(reportOf);
    if (statuses.some((status) => status !== 0))
      return `ended with ${statuses}: ${servers.map(({ stderr }) => stderr)}`;
    if (new Set(reports).size !== 1) return `reported ${JSON.stringify(reports)}`;
    return problems.find((problem) => problem !== "") ?? "";
  } finally {
    for (const server of servers) await server.stop("SIGKILL");
    folder.remove();
  }
}

/** Stops at three failures. */
export async function fuzzRulesOnWire(
  { seed, seconds, inputs = Number.POSITIVE_INFINITY }: FuzzOptions,
  runtimes: readonly Runtime[],
): Promise<FuzzResult> {
  const deadline = performance.now() + seconds * 1000;
  const kept = loadTexts("rule").join("\n");
  const failures: string[] = [];
  let count = 0;
  for (; count < inputs && failures.length < 3 && performance.now() < deadline; count++) {
    const random = new Random(seed + count);
    const texts = count === 0 ? { headers: kept, redirects: kept } : makeRuleTexts(random);
    const problem = await checkSite(texts, random, runtimes);
    if (problem !== "") failures.push(`seed ${seed + count}: ${problem}: ${JSON.stringify(texts)}`);
  }
  return { inputs: count, counts: { requests: count * targetsPerSite }, failures };
}
