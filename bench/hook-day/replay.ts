/** Sends a planned day in less time than a day, and keeps what each webhook was answered. */
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { secretOf, tagOf } from "./fleet.ts";
import type { PlannedWebhook } from "./plan.ts";

export interface Answered {
  webhook: PlannedWebhook;
  /** 0 when there was no answer. */
  status: number;
  /** How often it was sent before it was answered, as senders do. */
  sentBefore: number;
  as: PlannedWebhook["expected"] | "something else";
  durationMs: number;
}

interface Body {
  status?: string;
  deployments?: { state: string; reason?: string }[];
}

/** When they are due; of one service each after the one before was answered, as its order is what is counted. */
export async function replayDay(
  origin: string,
  plan: readonly PlannedWebhook[],
  totalMs: number,
): Promise<Answered[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const last = new Map<string, Promise<unknown>>();
  const startedMs = performance.now();
  const sent: Promise<Answered>[] = [];
  for (const webhook of plan) {
    const dueMs = startedMs + webhook.at * totalMs;
    const earlyMs = dueMs - performance.now();
    if (earlyMs > 0) await sleep(earlyMs);
    const before = last.get(webhook.service) ?? Promise.resolve();
    const answered = before.then(() => sendUntilAnswered(origin, webhook, agent));
    last.set(webhook.service, answered);
    sent.push(answered);
  }
  const all = await Promise.all(sent);
  agent.destroy();
  return all;
}

/** A sender that gets no answer, or none that says it was stored, comes again. */
async function sendUntilAnswered(origin: string, webhook: PlannedWebhook, agent: Agent): Promise<Answered> {
  for (let sentBefore = 0; ; sentBefore++) {
    const answered = await send(origin, webhook, agent);
    if (answered.status === 202 || sentBefore >= 5) return { ...answered, sentBefore };
    await sleep(1000);
  }
}

/** As Docker Hub does; the time of the push tells one push from another. */
function send(origin: string, webhook: PlannedWebhook, agent: Agent): Promise<Answered> {
  const { service, release } = webhook;
  const body = JSON.stringify({
    push_data: { tag: tagOf(release), pushed_at: 1_700_000_000 + release, pusher: "day" },
    repository: { repo_name: `acme/${service}`, namespace: "acme", name: service },
  });
  const startedMs = performance.now();
  return new Promise((resolve) => {
    const end = (status: number, text: string) =>
      resolve({
        webhook,
        status,
        sentBefore: 0,
        as: judge(status, text),
        durationMs: performance.now() - startedMs,
      });
    const url = `${origin}/hooks/${service}/${secretOf(service)}`;
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const sent = request(url, { method: "POST", agent, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.once("end", () => end(response.statusCode ?? 0, text));
    });
    sent.once("error", () => end(0, ""));
    sent.end(body);
  });
}

function judge(status: number, text: string): Answered["as"] {
  if (status !== 202) return "something else";
  const { status: said, deployments = [] } = JSON.parse(text) as Body;
  if (said === "duplicate") return "duplicate";
  return /^older than /.test(deployments[0]?.reason ?? "") ? "older" : "new";
}
