import { setTimeout as sleep } from "node:timers/promises";
import { type Probe, runProbe, type StatusRange } from "../../deploy/probe.ts";
import {
  type Container,
  type ContainerState,
  findContainer,
  type Health,
  healthWords,
  readLastWords,
} from "../../engine-api/containers.ts";
import type { Engine } from "../../engine-api/engine.ts";
import { EngineError } from "../../engine-api/error.ts";
import type { TlsOptions } from "../../http/tls.ts";

/** How a new container is found to be healthy. */
export interface HealthPolicy {
  timeoutMs: number;
  /** Without a HEALTHCHECK and without a probe: how long it has to run without having been restarted. */
  stableMs: number;
  probe: ContainerProbe | undefined;
}

export interface ContainerProbe {
  port: number;
  path: string;
  scheme: "http" | "https";
  /** Whose address of the container's is asked; the first network that has one, when undefined. */
  network: string | undefined;
  status: readonly StatusRange[];
  everyMs: number;
  answerMs: number;
  tls: TlsOptions | undefined;
}

export type HealthResult = { isHealthy: true; how: string } | { isHealthy: false; reason: string };

interface Watch {
  policy: HealthPolicy;
  signal: AbortSignal;
}

/** The Engine's own events would be sooner by some milliseconds, and can be missed. */
const pollMs = 100;

/**
 * Follows a started container until it is healthy, or certainly is not. An end of the caller's signal is thrown as the
 * Engine's error that it makes.
 */
export async function waitUntilHealthy(engine: Engine, id: string, watch: Watch): Promise<HealthResult> {
  const { policy, signal } = watch;
  const startedMs = performance.now();
  let seen = "nothing";
  while (performance.now() - startedMs < policy.timeoutMs) {
    const container = await findContainer(engine, id, { signal }).catch(messageOfPassing);
    const result =
      typeof container === "string" ? container : await look(container, watch, performance.now() - startedMs);
    if (typeof result !== "string")
      return result.isHealthy ? result : explain(engine, id, result.reason, signal);
    seen = result;
    await sleep(pollMs);
  }
  return explain(engine, id, `not healthy after ${policy.timeoutMs / 1000} s: ${seen}`, signal);
}

/** An Engine that cannot be asked for a moment says nothing of the container. */
function messageOfPassing(error: unknown): string {
  if (error instanceof EngineError && error.isTemporary) return error.message;
  throw error;
}

/** A result, or what was seen when it is too early for one. */
async function look(
  container: Container | undefined,
  { policy, signal }: Watch,
  elapsedMs: number,
): Promise<HealthResult | string> {
  if (container === undefined) return { isHealthy: false, reason: "somebody has removed it" };
  const { State: state, RestartCount: restarts } = container;
  const problem = findEnd(state, restarts);
  if (problem !== undefined) return { isHealthy: false, reason: problem };
  const health = healthOf(state);
  if (health !== undefined && health.Status !== "healthy") return judgeHealth(health);
  const { probe } = policy;
  if (probe !== undefined) return askProbe(container, probe, signal);
  if (health !== undefined) return { isHealthy: true, how: "its health check passes" };
  if (elapsedMs < policy.stableMs) return "it runs";
  return { isHealthy: true, how: `it has run for ${policy.stableMs / 1000} s` };
}

function findEnd({ Running, Restarting, ExitCode, Error: error }: ContainerState, restarts: number) {
  if (!Running) return `it ended with status ${ExitCode}${error ? ` (${error})` : ""}`;
  if (Restarting || restarts > 0) return `it ended with status ${ExitCode} and was restarted`;
  return undefined;
}

/** `undefined` without a health check. */
export function healthOf({ Health: health, Healthcheck: older }: ContainerState): Health | undefined {
  const found = health ?? older;
  return found == null || found.Status === "" || found.Status === "none" ? undefined : found;
}

function judgeHealth(health: Health): HealthResult | string {
  const { Status } = health;
  const said = healthWords(health);
  const words = said === "" ? "" : `: ${said}`;
  if (Status === "unhealthy") return { isHealthy: false, reason: `its health check fails${words}` };
  return `its health check has not passed yet${words}`;
}

async function askProbe(
  container: Container,
  { port, path, scheme, status, everyMs, answerMs, tls, network }: ContainerProbe,
  signal: AbortSignal,
): Promise<HealthResult | string> {
  const address = addressOf(container, network);
  if (address === undefined) return "it has no address to ask";
  const url = new URL(path, `${scheme}://${address.includes(":") ? `[${address}]` : address}:${port}`);
  const probe: Probe = {
    method: "GET",
    url,
    headers: {},
    tls,
    redirects: 0,
    timeoutMs: answerMs,
    expected: { status },
  };
  const { isGood, seen } = await runProbe(probe, signal);
  if (isGood) return { isHealthy: true, how: `${url.href} answers with ${seen}` };
  await sleep(everyMs);
  return `${url.href}: ${seen}`;
}

export function addressOf({ HostConfig, NetworkSettings }: Container, network?: string): string | undefined {
  if (HostConfig.NetworkMode === "host") return "127.0.0.1";
  const networks = NetworkSettings.Networks ?? {};
  const candidates = network === undefined ? Object.values(networks) : [networks[network]];
  return candidates.map((one) => one?.IPAddress).find((address) => address);
}

/** Its last words go with the reason: the container is removed after this. */
async function explain(
  engine: Engine,
  id: string,
  reason: string,
  signal: AbortSignal,
): Promise<HealthResult> {
  const words = await readLastWords(engine, id, { signal }).catch(() => []);
  const last = words.at(-1)?.slice(0, 200);
  return { isHealthy: false, reason: last === undefined ? reason : `${reason}; its last words: ${last}` };
}
