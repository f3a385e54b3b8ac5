import { z } from "zod";
import type { Fields } from "../config/fields.ts";
import { explainConnectionError } from "../connection-error.ts";
import { type Answer, sendRequest } from "../http-request.ts";
import { isJsonObject } from "../json.ts";
import type { Deployment } from "../store/deployment.ts";
import { tlsSchema } from "../tls.ts";
import type { DeployContext, Outcome, Target, TargetKind } from "./target.ts";

type Options = z.output<ReturnType<typeof schema>>;

/** Calls one of Portainer's webhooks. Done means that Portainer took it: it tells no more than that. */
export const portainer: TargetKind<Options> = { name: "portainer", schema, create };

function schema(fields: Fields) {
  return z
    .strictObject({
      serviceWebhook: webhookField(fields, "api/webhooks", "a Swarm service's webhook URL").optional(),
      stackWebhook: webhookField(fields, "api/stacks/webhooks", "a git stack's webhook URL").optional(),
      tls: tlsSchema(fields).optional(),
      // Portainer asks the registry before it answers.
      timeout: fields.duration("how long Portainer may take", {
        default: "60s",
        minimum: "1s",
        maximum: "15m",
      }),
    })
    .refine(
      ({ serviceWebhook, stackWebhook }) => (serviceWebhook === undefined) !== (stackWebhook === undefined),
      "must have exactly one of serviceWebhook, stackWebhook",
    );
}

/** Whoever has the URL can deploy with it, so it may be written like a secret. */
function webhookField(fields: Fields, path: string, description: string) {
  return fields.secret(description, (text) => {
    const url = URL.parse(text);
    if (url === null || !/^https?:$/.test(url.protocol))
      return "must be an http or https URL, as Portainer shows it";
    const hasPath = new RegExp(`/${path}/[^/]+$`).test(url.pathname);
    return hasPath ? undefined : `must be the URL that Portainer shows, which has /${path}/ in it`;
  });
}

function create(options: Options): Target {
  const { serviceWebhook, stackWebhook, timeout: timeoutMs } = options;
  const webhook = new URL(serviceWebhook ?? stackWebhook ?? "");
  const isService = serviceWebhook !== undefined;
  const deploy = ({ tag }: Deployment, context: DeployContext) =>
    callWebhook(isService ? { url: withTag(webhook, tag), tag } : { url: webhook }, options, context);
  return { name: "portainer", timeoutMs, deploy };
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
  { tls }: Options,
  { log, signal }: DeployContext,
): Promise<Outcome> {
  log(
    `asking Portainer at ${url.origin} for ${tag === undefined ? "the stack as it is in git" : `the tag ${tag}`}`,
  );
  try {
    return judge(await sendRequest({ method: "POST", url, tls, signal }), url.origin, tag);
  } catch (error) {
    if (signal.aborted)
      return { kind: "failed", reason: `Portainer at ${url.origin} did not answer in time` };
    return { kind: "failed", reason: explainConnectionError(error, "Portainer", url.origin, tls) };
  }
}

function judge(answer: Answer, origin: string, tag: string | undefined): Outcome {
  if (answer.status >= 200 && answer.status < 300) {
    const what = tag === undefined ? "the stack's update" : `the tag ${tag}`;
    return {
      kind: "succeeded",
      summary: `Portainer took ${what} (${answer.status}); it does not tell how it went on`,
    };
  }
  return { kind: "failed", reason: `Portainer at ${origin} ${explainRefusal(answer, tag)}` };
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

/** Portainer's errors are `{"message","details"}`; a proxy in front of it may answer anything. */
function readError(body: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return "";
  }
  if (!isJsonObject(parsed)) return "";
  const parts = [parsed["message"], parsed["details"]].filter((part) => typeof part === "string");
  return [...new Set(parts)].join("; ").slice(0, 500);
}
