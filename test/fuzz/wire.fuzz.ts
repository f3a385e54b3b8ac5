/**
 * Damaged byte streams, cut into parts, to the server on every runtime: all answer the same bytes, those are well-formed
 * responses, the servers stay alive, and neither their memory nor their descriptors grow.
 */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { get } from "../support/raw-http.ts";
import { findResponseProblem } from "../support/response-check.ts";
import { nativeRuntime, type Runtime, type ServerProcess, startServer } from "../support/server-process.ts";
import { makeSiteFolder } from "../support/site-folder.ts";
import { type Answer, exchangeInput, type Pace } from "./exchange.ts";
import { escapeInput, type Input, loadCorpus } from "./input.ts";
import { mutate } from "./mutation.ts";
import { Random } from "./random.ts";
import { rightRequests } from "./requests.ts";

export interface WireFuzzOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly runtimes: readonly Runtime[];
  /** Instead of made ones. */
  readonly inputs?: readonly Input[];
}

export interface WireFuzzResult {
  readonly inputs: number;
  /** Each with the input that shows it, where there is one. */
  readonly failures: readonly string[];
}

const batchSize = 128;
const concurrency = 16;
const maxFailures = 5;
/** A difference counts once it outlives the slower ones: a busy machine joins parts, or is silent for a while. */
const paces: readonly Pace[] = [
  { pauseMs: 2, silenceMs: 80 },
  { pauseMs: 25, silenceMs: 400 },
  { pauseMs: 100, silenceMs: 1500 },
];
/** Apache's combined format, escaped so that no client writes a line of its own. */
const logLine =
  /^127\.0\.0\.1 - - \[[^\]]+\] "(?:-|(?:[^"\\]|\\["\\]|\\x[0-9a-f]{2})* HTTP\/1\.[01])" \d{3} (?:-|\d+) "(?:[^"\\]|\\["\\]|\\x[0-9a-f]{2})*" "(?:[^"\\]|\\["\\]|\\x[0-9a-f]{2})*"$/;
/** Beyond this a native server that was warmed up has a leak; the sanitizer keeps freed memory, Node its heap. */
const residentGrowthBytes = 1_500_000;

interface Subject {
  readonly runtime: Runtime;
  readonly server: ServerProcess;
  baseline: { descriptors: number; residentBytes: number } | undefined;
}

/** One to four requests, some damaged, joined and cut into parts somewhere. */
export function makeInput(random: Random, starts: readonly string[]): Input {
  const count = 1 + Math.floor(random.next() ** 2 * 4);
  const requests = Array.from({ length: count }, () => random.pick(starts));
  const damaged = requests.map((text) => (random.chance(0.8) ? mutate(text, random, starts) : text));
  let rest = damaged.join("");
  const parts: string[] = [];
  while (random.chance(0.35) && rest.length > 1 && parts.length < 6) {
    const at = 1 + random.below(rest.length - 1);
    parts.push(rest.slice(0, at));
    rest = rest.slice(at);
  }
  return [...parts, rest];
}

/** Method by method where all requests are plain to see; a HEAD somewhere in a damaged stream leaves it open. */
function canCheckResponses(input: Input): boolean {
  return !input.join("").includes("HEAD");
}

function findProblem(input: Input, subjects: readonly Subject[], answers: readonly Answer[]): string {
  for (const [index, answer] of answers.entries()) {
    const name = subjects[index]?.runtime.name;
    if (answer.ended === "hung") return `${name} does not end the connection`;
    const problem = canCheckResponses(input) ? findResponseProblem(answer.bytes, []) : "";
    if (problem !== "") return `${name}: ${problem}`;
    if (answer.bytes !== answers[0]?.bytes) {
      const [left, right] = [answers[0]?.bytes ?? "", answer.bytes].map((bytes) =>
        JSON.stringify(bytes.slice(0, 600)),
      );
      return `${subjects[0]?.runtime.name} answers ${left}, ${name} ${right}`;
    }
  }
  return "";
}

async function checkInput(input: Input, subjects: readonly Subject[]): Promise<string> {
  let problem = "";
  for (const pace of paces) {
    const answers = await Promise.all(subjects.map(({ server }) => exchangeInput(server.port, input, pace)));
    problem = findProblem(input, subjects, answers);
    if (problem === "") return "";
    if (subjects.some(({ server }) => server.child.exitCode !== null || server.child.signalCode !== null))
      break;
  }
  return `${problem}\n  input: ${escapeInput(input)}`;
}

function countDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

async function findServerProblem({ runtime, server }: Subject): Promise<string> {
  const { exitCode, signalCode } = server.child;
  if (exitCode !== null || signalCode !== null)
    return `${runtime.name} died (${signalCode ?? exitCode}): ${server.stderr}`;
  const { status } = await get(server.port, "/page.html");
  if (status !== 200) return `${runtime.name} answers an ordinary request with ${status}`;
  if (/Sanitizer|runtime error/.test(server.stderr)) return `${runtime.name}: ${server.stderr}`;
  const lines = server.stdout.split("\n");
  const wrong = lines.slice(0, -1).find((line) => !logLine.test(line));
  server.stdout = lines.at(-1) ?? "";
  return wrong === undefined ? "" : `${runtime.name} logs ${JSON.stringify(wrong)}`;
}

/** Waits for lingering connections to go, then compares with the first time. */
async function findGrowth(subject: Subject): Promise<string> {
  const pid = subject.server.child.pid ?? 0;
  const { baseline, runtime } = subject;
  if (baseline === undefined) return "";
  const until = Date.now() + 5000;
  while (countDescriptors(pid) > baseline.descriptors && Date.now() < until) await sleep(50);
  const descriptors = countDescriptors(pid);
  if (descriptors > baseline.descriptors)
    return `${runtime.name}: ${baseline.descriptors} descriptors became ${descriptors}`;
  const grown = residentBytes(pid) - baseline.residentBytes;
  if (runtime === nativeRuntime && grown > residentGrowthBytes)
    return `${runtime.name} grew by ${grown} bytes`;
  return "";
}

async function takeBaseline(subject: Subject): Promise<void> {
  const pid = subject.server.child.pid ?? 0;
  const descriptors = countDescriptors(pid);
  // Connections that linger are counted in; so the least of a while is taken.
  let least = descriptors;
  for (let i = 0; i < 25; i++) {
    await sleep(100);
    least = Math.min(least, countDescriptors(pid));
  }
  subject.baseline = { descriptors: least, residentBytes: residentBytes(pid) };
}

/** Checks all inputs, a few at a time; the problems. */
async function checkBatch(inputs: readonly Input[], subjects: readonly Subject[]): Promise<string[]> {
  const problems: string[] = [];
  let next = 0;
  const work = async () => {
    for (
      let input = inputs[next++];
      input !== undefined && problems.length < maxFailures;
      input = inputs[next++]
    ) {
      const problem = await checkInput(input, subjects);
      if (problem !== "") problems.push(problem);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  for (const subject of subjects) {
    const problem = await findServerProblem(subject).catch((error) => `${subject.runtime.name}: ${error}`);
    if (problem !== "") problems.push(`${problem}\n  among: ${inputs.map(escapeInput).join("\n  ")}`);
  }
  return problems;
}

async function runBatches(options: WireFuzzOptions, subjects: readonly Subject[]): Promise<WireFuzzResult> {
  const starts = [...rightRequests, ...loadCorpus().map(({ parts }) => parts.join(""))];
  const given = options.inputs ?? loadCorpus().map(({ parts }) => parts);
  const failures = await checkBatch(given, subjects);
  let count = given.length;
  await Promise.all(subjects.map(takeBaseline));
  const deadline = performance.now() + options.seconds * 1000;
  while (options.inputs === undefined && failures.length === 0 && performance.now() < deadline) {
    const batch = Array.from({ length: batchSize }, (_, index) =>
      makeInput(new Random(options.seed + count + index), starts),
    );
    failures.push(...(await checkBatch(batch, subjects)));
    count += batch.length;
  }
  if (failures.length === 0)
    failures.push(...(await Promise.all(subjects.map(findGrowth))).filter((problem) => problem !== ""));
  return { inputs: count, failures };
}

/** First the corpus, then made inputs for `seconds`. Ends with the first batch that has a failure in it. */
export async function fuzzWire(options: WireFuzzOptions): Promise<WireFuzzResult> {
  const folder = makeSiteFolder();
  const subjects: Subject[] = [];
  try {
    for (const runtime of options.runtimes) {
      subjects.push({
        runtime,
        server: await startServer(runtime, ["-root-dir", folder.root]),
        baseline: undefined,
      });
    }
    const result = await runBatches(options, subjects);
    const failures = [...result.failures];
    for (const { runtime, server } of subjects) {
      const status = await server.stop();
      if (status !== 0) failures.push(`${runtime.name} ended with ${status}: ${server.stderr}`);
    }
    return { inputs: result.inputs, failures };
  } finally {
    for (const { server } of subjects) await server.stop("SIGKILL");
    folder.remove();
  }
}
