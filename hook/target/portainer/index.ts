import { readTimeoutIn } from "../../engine-api/engine.ts";
import { readCredentials, swarmTarget } from "../swarm/index.ts";
import { planPartsOf } from "../swarm/setting.ts";
import type { Target, TargetKind, TargetSetting } from "../target.ts";
import { connectThrough, type Environment, forceUpdate } from "./docker-proxy.ts";
import { type PortainerOptions, portainerSchema } from "./setting.ts";
import { stackTarget } from "./stack.ts";
import { webhookTarget } from "./webhook.ts";

/**
 * Portainer in one of its three ways: a webhook, which it takes and says no more of; services of a swarm through its
 * Docker proxy; a stack by one of its environment variables.
 */
export const portainer: TargetKind<PortainerOptions> = { name: "portainer", schema: portainerSchema, create };

/** Portainer asks the registry before it answers a webhook. */
const webhookTimeoutMs = 60_000;
const rolloutTimeoutMs = 300_000;

function create(options: PortainerOptions, setting: TargetSetting): Target {
  const {
    serviceWebhook,
    stackWebhook,
    tls,
    url: base,
    apiKey = "",
    endpoint = 0,
    stack,
    variable,
  } = options;
  if (base === undefined) {
    const url = new URL(serviceWebhook ?? stackWebhook ?? "");
    const kind = serviceWebhook === undefined ? "stack" : "service";
    return webhookTarget({ kind, url, tls, timeoutMs: options.timeout ?? webhookTimeoutMs });
  }
  const timeoutMs = options.timeout ?? rolloutTimeoutMs;
  const access = { base, apiKey, tls, readTimeoutMs: readTimeoutIn(timeoutMs) };
  const environment: Environment = { access, endpoint };
  if (stack !== undefined && variable !== undefined)
    return stackTarget({ ...environment, stack, variable, timeoutMs });
  return servicesTarget(options, environment, timeoutMs, setting);
}

function servicesTarget(
  options: PortainerOptions,
  environment: Environment,
  timeoutMs: number,
  setting: TargetSetting,
): Target {
  const { registry, force } = options;
  return swarmTarget("portainer", {
    ...planPartsOf(options),
    image: setting.image,
    connect: (signal) => connectThrough(environment, signal),
    credentials: (signal) => readCredentials(options, setting, signal),
    ...(registry !== undefined && { registryHeaders: registryHeader(registry) }),
    ...(force && { force: (service, signal) => forceUpdate(environment, service, signal) }),
    timeoutMs,
  });
}

/** Portainer puts the login of its registry in the place of the number. */
function registryHeader(registryId: number): Record<string, string> {
  return { "x-registry-auth": Buffer.from(JSON.stringify({ registryId })).toString("base64") };
}
