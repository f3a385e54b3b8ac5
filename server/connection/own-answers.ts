/** What the server answers by itself, whatever the site has: its health and its metrics. */
import type { Head } from "../head/head.ts";
import { noReply, type Reply, replyWithoutContent, replyWithText } from "../reply.ts";
import { originForm } from "../route.ts";
import type { Serving } from "../serving.ts";
import { version } from "../version.ts";

/** The reply, or noReply for what the site is to answer. */
export function answerItself(serving: Serving, head: Head): Reply {
  const options = serving.options;
  if (head.method !== "GET" && head.method !== "HEAD") return noReply;
  const target = originForm(head.target);
  const question = target.indexOf("?");
  const path = question < 0 ? target : target.slice(0, question);
  let reply = noReply;
  if (path === options.healthUrl) reply = replyWithoutContent(204, "");
  else if (options.hasMetrics && path === options.metricsUrl) {
    const text = serving.metrics.render(version, serving.connections.size);
    reply = replyWithText(200, "", "text/plain; version=0.0.4; charset=utf-8", text);
  }
  reply.isRecorded = false;
  return reply;
}
