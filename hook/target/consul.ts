import { EventEmitter } from "node:events";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import Consul from "consul";
import { z } from "zod";
import type { Fields } from "../config/fields.ts";
import { explainConnectionError } from "../connection-error.ts";
import type { Deployment } from "../store/deployment.ts";
import { tlsSchema } from "../tls.ts";
import type { DeployContext, Outcome, Target, TargetKind } from "./target.ts";

type Options = z.output<ReturnType<typeof schema>>;

/**
 * Writes the tag into Consul's KV store, where a Nomad job's template reads it (`change_mode = "restart"`).
 * Done means that the key is written; what the consumers make of it is theirs.
 */
export const consul: TargetKind<Options> = { name: "consul", schema, create };

function schema(fields: Fields) {
  return z.strictObject({
    address: addressField.default("http://127.0.0.1:8500"),
    key: z
      .string()
      .regex(/^[^/].*[^/]$/s, "a key neither starts nor ends with a slash")
      .optional()
      .describe("the key to write; configs/<repository>/IMAGE_TAG when left out"),
    token: fields.secret("an ACL token with key:write on the key").optional(),
    datacenter: z.string().min(1).optional().describe("the datacenter whose store is meant"),
    tls: tlsSchema(fields).optional(),
    timeout: fields.duration("how long the agent may take", { default: "10s", minimum: "1s", maximum: "5m" }),
  });
}

const addressField = z
  .string()
  .refine((text) => {
    const url = URL.parse(text);
    return (
      url !== null && /^https?:$/.test(url.protocol) && url.pathname === "/" && !url.search && !url.username
    );
  }, "must be http://host:port or https://host:port, with nothing after it")
  .describe("the agent's address, such as http://127.0.0.1:8500");

function create(options: Options, { image }: { image: { repository: string } }): Target {
  const key = options.key ?? `configs/${image.repository}/IMAGE_TAG`;
  const write = (deployment: Deployment, context: DeployContext) =>
    writeTag(options, key, deployment.tag, context);
  return { name: "consul", timeoutMs: options.timeout, deploy: write };
}

async function writeTag(
  options: Options,
  key: string,
  tag: string,
  context: DeployContext,
): Promise<Outcome> {
  const client = connect(options);
  // The client's way to cancel a request: an emitter, not a signal.
  const cancellation = new EventEmitter();
  const cancel = () => cancellation.emit("cancel");
  context.signal.addEventListener("abort", cancel, { once: true });
  try {
    return await setWithoutOverwriting(client, key, tag, { ctx: cancellation }, context);
  } catch (error) {
    return { kind: "failed", reason: explain(error, options, key, context.signal.aborted) };
  } finally {
    context.signal.removeEventListener("abort", cancel);
    client.destroy();
  }
}

function connect({ address, token, datacenter, tls }: Options): Consul {
  const url = new URL(address);
  const secure = url.protocol === "https:";
  const host = url.hostname;
  // The client passes an IPv6 address with its brackets on to the resolver; what the agent says wins over it.
  const agentOptions = { ...tls, host: host.replace(/^\[|\]$/g, "") };
  const settings = {
    host,
    port: Number(url.port) || (secure ? 443 : 80),
    secure,
    agent: secure ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions),
    defaults: { ...(token !== undefined && { token }), ...(datacenter !== undefined && { dc: datacenter }) },
  };
  return new Consul(settings);
}

const maximumTries = 5;

/** Check-and-set: a key that somebody else changes in between is read again, never overwritten unseen. */
async function setWithoutOverwriting(
  client: Consul,
  key: string,
  tag: string,
  request: { ctx: EventEmitter },
  { log, signal }: DeployContext,
): Promise<Outcome> {
  for (let tries = 1; tries <= maximumTries; tries++) {
    const current = await client.kv.get({ key, ...request });
    if (current?.Value === tag) return { kind: "succeeded", summary: `${key} has the value ${tag} already` };
    log(`${key} is ${current?.Value ?? "not there yet"}; writing ${tag}`);
    // A lost race resolves to undefined here, not to false.
    const written = await client.kv.set({ key, value: tag, cas: current?.ModifyIndex ?? 0, ...request });
    if (written === true) return { kind: "succeeded", summary: `${key} is now ${tag}` };
    log(`${key} was changed by somebody else meanwhile (try ${tries} of ${maximumTries})`);
    await sleep(50 * tries, undefined, { signal });
  }
  return { kind: "failed", reason: `${key} kept being changed by somebody else; find out who writes it` };
}

interface ResponseError extends Error {
  statusCode?: number;
  response?: { body?: unknown };
}

function explain(error: unknown, { address, tls, token }: Options, key: string, isStopped: boolean): string {
  const { statusCode, message, response } = error as ResponseError;
  const said =
    typeof response?.body === "string" && response.body !== "" ? response.body.trim().slice(0, 300) : message;
  if (statusCode === 403) {
    const whose = token === undefined ? "a request without a token" : "the token";
    return `Consul at ${address} refused ${whose} (403: ${said}): it needs key:write on "${key}"`;
  }
  if (statusCode !== undefined)
    return `Consul at ${address} answered ${statusCode} to a request for ${key}: ${said}`;
  if (isStopped) return `Consul at ${address} did not answer in time`;
  return explainConnectionError(error, "Consul", address, tls);
}
