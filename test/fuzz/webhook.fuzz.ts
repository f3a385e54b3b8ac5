/** Damaged webhooks of every sender into the code that reads them: it neither throws nor brings what is no image tag. */
import { parseBody } from "../../hook/source/body.ts";
import { findSource, findVerifier, sources } from "../../hook/source/index.ts";
import { defaultSetting } from "../../hook/source/setting.ts";
import type { Reading, WebhookRequest } from "../../hook/source/source.ts";
import type { Trigger } from "../../hook/trigger.ts";
import { listFixtures, readFixture, type WebhookFixture } from "../support/webhooks.ts";
import { mutate } from "./mutation.ts";
import { Random } from "./random.ts";
import { damageValue } from "./value-damage.ts";

export interface WebhookFuzzResult {
  readonly inputs: number;
  readonly triggers: number;
  readonly ignored: number;
  readonly malformed: number;
  /** Each with the input that shows it. */
  readonly failures: readonly string[];
}

/** Written again here, so that a mistake there shows. */
const tagGrammar = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const digestGrammar = /^sha256:[0-9a-f]{64}$/;
const triggerKeys = new Set(["image", "tag", "digest", "pushedAtMs", "pusher"]);

const setting = { ...defaultSetting, signing: ["key-0123456789abcdef"] };

/** What is wrong with a trigger, or "". */
function checkTrigger(trigger: Trigger): string {
  const { image, tag, digest, pushedAtMs, pusher } = trigger;
  const unknown = Object.keys(trigger).find((key) => !triggerKeys.has(key));
  if (unknown !== undefined) return `it has ${unknown}`;
  if (typeof tag !== "string" || !tagGrammar.test(tag)) return "its tag is none";
  if (image !== undefined && typeof image !== "string") return "its image is none";
  if (digest !== undefined && !digestGrammar.test(digest)) return "its digest is none";
  if (pushedAtMs !== undefined && !(Number.isSafeInteger(pushedAtMs) && pushedAtMs > 0))
    return "its time is none";
  if (pusher !== undefined && (pusher === "" || pusher.length > 200 || /\p{Cc}/u.test(pusher)))
    return "who pushed it is not fit for display";
  return "";
}

function checkReading(reading: Reading): string {
  switch (reading.kind) {
    case "triggers":
      if (reading.triggers.length > 100) return `${reading.triggers.length} triggers`;
      if (reading.deliveryId !== undefined && typeof reading.deliveryId !== "string")
        return "the delivery's id is none";
      return reading.triggers.map(checkTrigger).find((problem) => problem !== "") ?? "";
    case "ignored":
      return typeof reading.reason === "string" && reading.reason !== "" ? "" : "ignored without a reason";
    case "malformed":
      return typeof reading.problem === "string" && reading.problem !== ""
        ? ""
        : "malformed without a problem";
  }
}

interface Counts {
  triggers: number;
  ignored: number;
  malformed: number;
}

/** Through every sender, not only the one that it is taken for: the config may fix any. */
function check(request: WebhookRequest, counts: Counts): string {
  const found = findSource(request, defaultSetting);
  findVerifier(request, setting);
  for (const source of sources) {
    const reading = source.read(request, setting);
    if (source === found) counts[reading.kind] += 1;
    const problem = checkReading(reading);
    if (problem !== "") return `${source.name}: ${problem}`;
    // What is damaged is signed by nobody; Google's token is a promise, and fuzzed by nobody's keys.
    if (source.verify !== undefined && source.name !== "google-artifact-registry")
      void source.verify(request, setting, Date.now());
  }
  return "";
}

/** The body's bytes damaged as any text's, or a value in its JSON replaced; a header now and then. */
function damage(
  fixture: WebhookFixture,
  random: Random,
  texts: readonly string[],
): WebhookRequest | undefined {
  const headers = damageHeaders(fixture.headers, random);
  const text = fixture.raw.toString("utf8");
  const raw = Buffer.from(random.chance(0.4) ? mutate(text, random, texts) : text, "latin1");
  const parsed = parseBody(raw, headers["content-type"] ?? "");
  if ("problem" in parsed) return undefined;
  const body = random.chance(0.8) ? damageValue(parsed.body, random) : parsed.body;
  const query = Object.fromEntries(new URLSearchParams(fixture.search));
  return { method: fixture.method, headers, query, raw, body };
}

const oddHeaders = [
  "",
  " ",
  "%",
  "%C0%A0",
  '"',
  '"\\',
  "Bearer",
  "Bearer ",
  "Basic ==",
  ";",
  "application/json",
];

function damageHeaders(headers: Record<string, string>, random: Random): Record<string, string> {
  const names = Object.keys(headers);
  if (names.length === 0 || random.chance(0.6)) return headers;
  return { ...headers, [random.pick(names)]: random.pick(oddHeaders) };
}

export function loadWebhooks(): WebhookFixture[] {
  return sources.flatMap(({ name }) => listFixtures(name).map((fixture) => readFixture(name, fixture)));
}

/** Runs for `seconds`, or through `inputs` inputs, whichever ends first. Stops at ten failures. */
export function fuzzWebhooks(options: { seed: number; seconds: number; inputs?: number }): WebhookFuzzResult {
  const { seed, seconds, inputs = Number.POSITIVE_INFINITY } = options;
  const fixtures = loadWebhooks();
  const texts = fixtures.map(({ raw }) => raw.toString("utf8"));
  const deadline = performance.now() + seconds * 1000;
  const failures: string[] = [];
  const counts = { triggers: 0, ignored: 0, malformed: 0 };
  let count = 0;
  for (; count < inputs && failures.length < 10 && performance.now() < deadline; count++) {
    const random = new Random(seed + count);
    const request = damage(random.pick(fixtures), random, texts);
    if (request === undefined) continue;
    const problem = attempt(request, counts);
    if (problem !== "")
      failures.push(`${problem}: ${JSON.stringify(request.headers)} ${JSON.stringify(request.body)}`);
  }
  return { inputs: count, ...counts, failures };
}

function attempt(request: WebhookRequest, counts: Counts): string {
  try {
    return check(request, counts);
  } catch (error) {
    return `threw ${error}`;
  }
}
