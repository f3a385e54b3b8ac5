/** Webhooks at a steady rate, whatever the hook does. */
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { apiToken, secretOf, services } from "./process.ts";

export interface Latencies {
  count: number;
  /** Other answers than the wanted one, and none. */
  failures: number;
  p50Ms: number;
  p99Ms: number;
  highestMs: number;
}

/** Each with a tag of its own, newer than the one before: nothing is a duplicate, and nothing outdated when it comes. */
function bodyOf(service: string, release: number): string {
  const tag = `release-${String(release).padStart(14, "0")}`;
  const repository = { repo_name: `acme/${service}`, namespace: "acme", name: service };
  return JSON.stringify({
    push_data: { tag, pushed_at: 1_700_000_000 + release, pusher: "bench" },
    repository,
  });
}

export interface LoadOptions {
  origin: string;
  ratePerSecond: number;
  seconds: number;
  /** The first release's number. */
  from: number;
}

/**
 * Open loop: a webhook is sent when it is due, not when the one before is answered, and its time counts from when it
 * was due. Else a hook that stops for a second would delay one webhook and not five hundred.
 */
export async function sendWebhooks({
  origin,
  ratePerSecond,
  seconds,
  from,
}: LoadOptions): Promise<Latencies> {
  const agent = new Agent({ keepAlive: true, maxSockets: 200 });
  const total = ratePerSecond * seconds;
  const times: number[] = [];
  const pending: Promise<void>[] = [];
  let failures = 0;
  const startedMs = performance.now() + 100;
  for (let index = 0; index < total; index++) {
    const dueMs = startedMs + (index * 1000) / ratePerSecond;
    while (performance.now() < dueMs - 0.5) await sleep(Math.max(0, dueMs - performance.now() - 0.5));
    const service = services[index % services.length] ?? "";
    const url = `${origin}/hooks/${service}/${secretOf(service)}`;
    const sent = post(url, bodyOf(service, from + index), agent).then((status) => {
      times.push(performance.now() - dueMs);
      if (status !== 202) failures++;
    });
    pending.push(sent);
  }
  await Promise.all(pending);
  agent.destroy();
  return summarize(times, failures);
}

/** The answer's status, 0 when there is none. */
function post(url: string, body: string, agent: Agent): Promise<number> {
  return new Promise((resolve) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const sent = request(url, { method: "POST", agent, headers }, (response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode ?? 0));
    });
    sent.once("error", () => resolve(0));
    sent.end(body);
  });
}

/** One after another: a page of the history each time. */
export async function listPages(origin: string, query: string, count: number): Promise<Latencies> {
  const times: number[] = [];
  let failures = 0;
  for (let index = 0; index < count; index++) {
    const startedMs = performance.now();
    const answer = await fetch(`${origin}/api/deployments?${query}`, {
      headers: { authorization: `Bearer ${apiToken}` },
    });
    await answer.text();
    times.push(performance.now() - startedMs);
    if (answer.status !== 200) failures++;
  }
  return summarize(times, failures);
}

function summarize(times: number[], failures: number): Latencies {
  const sorted = times.toSorted((one, other) => one - other);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { count: times.length, failures, p50Ms: at(0.5), p99Ms: at(0.99), highestMs: at(1) };
}
