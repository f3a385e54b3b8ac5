import {
  explainConnectionError,
  isTemporaryConnectionError,
  isUnreached,
} from "../../http/connection-error.ts";
import { type Answer, sendRequest } from "../../http/http-request.ts";
import type { TlsOptions } from "../../http/tls.ts";
import type { Deployment } from "../../store/deployment.ts";
import type { CheckContext, CheckResult, DeployContext, Outcome, Release, Target } from "../target.ts";
import { findPortainer, isTemporaryRefusal, readError } from "./api.ts";

export interface WebhookPlan {
  /** Only a service's is told the tag. */
  kind: "service" | "stack";
  url: URL;
  tls: TlsOptions | undefined;
  timeoutMs: number;
}

/** Calls one of Portainer's webhooks. Done means that Portainer took it: it tells no more than that. */
export function webhookTarget(plan: WebhookPlan): Target {
  const { url: webhook, timeoutMs, tls } = plan;
  const isService = plan.kind === "service";
  const deploy = ({ tag }: Deployment, context: DeployContext) =>
    callWebhook(isService ? { url: withTag(webhook, tag), tag } : { url: webhook }, tls, context);
  // It would bring the same again, and call that a rollback.
  const rollback = async ({ tag }: Release): Promise<Outcome> => ({
    kind: "failed",
    reason: `a stack's webhook deploys what git has: put ${tag} back there`,
    engine: "changed",
  });
  const check = (context: CheckContext) => checkWebhook(webhook, tls, context);
  return { name: "portainer", timeoutMs, deploy, check, ...(!isService && { rollback }) };
}

async function checkWebhook(
  webhook: URL,
  tls: TlsOptions | undefined,
  { signal }: CheckContext,
): Promise<CheckResult> {
  // Portainer may lie under a path of a proxy's.
  const base = new URL(webhook.pathname.replace(/\/api\/(?:stacks\/)?webhooks\/[^/]+$/, "/"), webhook.origin);
  const found = await findPortainer(base, tls, signal);
  if ("problem" in found) return { ok: false, problem: found.problem };
  const detail = `Portainer ${found.version} answers at ${webhook.origin}; its webhook was not called`;
  return { ok: true, detail };
}

function withTag(webhook: URL, tag: string): URL {
  const url = new URL(webhook);
  url.searchParams.set("tag", tag);
  return url;
}

interface Call {
  url: URL;
  /** Only a service's webhook takes one; a stack's deploys what its git repository says. */
  tag?: string;
}

async function callWebhook(
  { url, tag }: Call,
  tls: TlsOptions | undefined,
  { log, signal }: DeployContext,
): Promise<Outcome> {
  log(
    `asking Portainer at ${url.origin} for ${tag === undefined ? "the stack as it is in git" : `the tag ${tag}`}`,
  );
  try {
    return judge(await sendRequest({ method: "POST", url, tls, signal }), url.origin, tag);
  } catch (error) {
    // It may be at work on what it was asked for: not a reason to ask for it once more.
    if (signal.aborted)
      return { kind: "failed", reason: `Portainer at ${url.origin} did not answer in time` };
    return {
      kind: "failed",
      reason: explainConnectionError(error, "Portainer", url.origin, tls),
      isTemporary: isTemporaryConnectionError(error),
      engine: isUnreached(error) ? "unchanged" : "unknown",
    };
  }
}

function judge(answer: Answer, origin: string, tag: string | undefined): Outcome {
  if (isPage(answer)) {
    const reason = `what answers at ${origin} is not Portainer: it sent a page (${answer.status})`;
    return { kind: "failed", reason, isTemporary: true, engine: "unknown" };
  }
  if (answer.status >= 200 && answer.status < 300) {
    const what = tag === undefined ? "the stack's update" : `the tag ${tag}`;
    return {
      kind: "succeeded",
      summary: `Portainer took ${what} (${answer.status}); it does not tell how it went on`,
    };
  }
  return {
    kind: "failed",
    reason: `Portainer at ${origin} ${explainRefusal(answer, tag)}`,
    isTemporary: isTemporaryRefusal(answer),
    engine: answer.status < 500 ? "unchanged" : "unknown",
  };
}

/** Of a proxy in between, such as its login or "back in a moment": Portainer's own answer has nothing in it, or JSON. */
function isPage({ status, headers }: Answer): boolean {
  return status < 300 && /^text\/html/i.test(headers["content-type"] ?? "");
}

function explainRefusal({ status, headers, body }: Answer, tag: string | undefined): string {
  const said = readError(body);
  const quote = said === "" ? `${status}` : `${status}: ${said}`;
  if (status >= 300 && status < 400) {
    const to = URL.parse(headers.location ?? "")?.origin ?? "another place";
    return `redirects to ${to} (${status}), which is not followed: write the final address into the config`;
  }
  if (status === 404 && /pulling image/i.test(said))
    return `could not pull the tag ${tag} (${quote}): is it pushed?`;
  if (status === 404) return `does not know this webhook (${quote}): copy its URL from Portainer again`;
  if (status === 400) return `refused the webhook's URL (${quote}): copy it from Portainer again`;
  if (status === 409) return `cannot update the stack now (${quote}): see the stack in Portainer`;
  return `failed (${quote})`;
}
