import { connectEngine, type Engine } from "../../engine-api/engine.ts";
import { EngineError } from "../../engine-api/error.ts";
import type { SwarmService } from "../../engine-api/services.ts";
import { adviceFor, callPortainer, type PortainerAccess } from "./api.ts";

export interface Environment {
  access: PortainerAccess;
  /** The number of Portainer's environment. */
  endpoint: number;
}

/** The Engine of an environment: the same API, under Portainer's address and with its key. */
export async function connectThrough(
  { access, endpoint }: Environment,
  signal: AbortSignal,
): Promise<Engine> {
  const { base, apiKey, tls, readTimeoutMs } = access;
  const url = new URL(`api/endpoints/${endpoint}/docker`, base);
  const address = { text: `${base.origin} (Portainer's environment ${endpoint})`, url };
  try {
    const setting = { address, tls, headers: { "x-api-key": apiKey }, readTimeoutMs };
    return await connectEngine(setting, signal);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const { message, status, said, isTemporary, hasNoEffect } = error;
    const advice =
      status === 404
        ? `: is ${endpoint} the number of a Docker environment in Portainer?`
        : adviceFor(status);
    throw new EngineError(`${message}${advice}`, {
      ...(status !== undefined && { status }),
      said,
      isTemporary,
      hasNoEffect,
    });
  }
}

/** Has Portainer pull the tag that a service has, and replace its tasks. */
export async function forceUpdate(
  { access, endpoint }: Environment,
  { ID, Spec }: SwarmService,
  signal: AbortSignal,
): Promise<void> {
  const path = `endpoints/${endpoint}/forceupdateservice`;
  const body = { ServiceID: ID, PullImage: true };
  await callPortainer(access, { method: "PUT", path, body, what: `update the service ${Spec.Name}`, signal });
}
