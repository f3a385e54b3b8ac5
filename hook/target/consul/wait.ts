import { createRepeatLog } from "../../deploy/repeat-log.ts";
import type { DeployContext, Release } from "../target.ts";
import { explainConsulError, isRefusal } from "./error.ts";
import type { Session } from "./session.ts";
import type { ConsulOptions, WaitOptions } from "./setting.ts";

/** An instance of a service as `/v1/health/service` tells it, as far as somebody here reads it. */
export interface Instance {
  Node: { Node: string };
  Service: { ID: string; Tags?: readonly string[] | null; Meta?: Readonly<Record<string, string>> | null };
  Checks: readonly { Status: string; Name: string; Output?: string }[];
}

export async function countInstances(
  { client, request }: Session,
  { service }: WaitOptions,
): Promise<number> {
  const instances = (await client.health.service({ service, ...request })) as readonly Instance[];
  return instances.length;
}

export interface Verdict {
  isHealthy: boolean;
  /** For a person. */
  seen: string;
}

/** All of them have the release and pass all their checks, and there are as many as there have to be. */
export function judgeInstances(
  instances: readonly Instance[],
  { service, tag, meta }: WaitOptions,
  release: Release,
  needed: number,
): Verdict {
  const wanted = tag?.fill({ tag: release.tag, digest: release.digest ?? "" });
  const hasRelease = ({ Service: { Tags, Meta } }: Instance) =>
    wanted !== undefined ? (Tags ?? []).includes(wanted) : Meta?.[meta ?? ""] === release.tag;
  const failing = instances.filter(({ Checks }) => Checks.some(({ Status }) => Status !== "passing"));
  const current = instances.filter(hasRelease);
  const good = current.filter((one) => !failing.includes(one));
  const isHealthy = good.length === instances.length && good.length >= needed;
  const checks = failing.flatMap(({ Service, Checks }) =>
    Checks.filter(({ Status }) => Status !== "passing").map(
      ({ Name, Status }) => `${Service.ID}: ${Name} is ${Status}`,
    ),
  );
  const said = checks.length === 0 ? "" : ` (${checks.slice(0, 5).join(", ")})`;
  const seen = `${good.length} of ${Math.max(instances.length, needed)} instances of ${service} have ${release.tag} and are healthy${said}`;
  return { isHealthy, seen };
}

interface Waiting {
  release: Release;
  /** How many instances there were before. */
  before: number;
  context: DeployContext;
}

/**
 * An instance that is registered again under its own name keeps what its checks said of the one before, until they are
 * made again: so it has to stay healthy for a while.
 *
 * Blocking queries, by the client's own watch: it takes care of indexes that go back, and of an agent that is away.
 */
export function waitForService(
  { client }: Session,
  options: ConsulOptions,
  wait: WaitOptions,
  { release, before, context: { log, signal } }: Waiting,
): Promise<Verdict> {
  const needed = wait.instances ?? Math.max(1, before);
  const lines = createRepeatLog(log);
  const startedMs = performance.now();
  const watch = client.watch({
    method: client.health.service,
    options: { service: wait.service, wait: "30s" },
    backoffFactor: 100,
    backoffMax: 2_000,
  });
  return new Promise((resolve) => {
    let last = judgeInstances([], wait, release, needed).seen;
    let stable: NodeJS.Timeout | undefined;
    const end = (verdict: Verdict) => {
      clearTimeout(timer);
      clearTimeout(stable);
      signal.removeEventListener("abort", stop);
      watch.end();
      lines.end();
      resolve(verdict);
    };
    const timer = setTimeout(
      () => end({ isHealthy: false, seen: `after ${wait.timeout / 1000} s ${last}` }),
      wait.timeout,
    );
    const stop = () => end({ isHealthy: false, seen: `it was not waited for to the end: ${last}` });
    signal.addEventListener("abort", stop, { once: true });
    watch.on("change", (instances: readonly Instance[]) => {
      const { isHealthy, seen } = judgeInstances(instances, wait, release, needed);
      last = seen;
      lines.add(seen);
      clearTimeout(stable);
      if (isHealthy)
        stable = setTimeout(
          () => end({ isHealthy, seen: `${seen} after ${secondsSince(startedMs)} s` }),
          wait.stable,
        );
    });
    watch.on("error", (error: Error) => {
      const need = `service:read on "${wait.service}"`;
      last = explainConsulError(error, options, wait.service, false, need);
      lines.add(last);
      if (isRefusal(error)) end({ isHealthy: false, seen: last });
    });
    if (signal.aborted) stop();
  });
}

function secondsSince(startedMs: number): string {
  return ((performance.now() - startedMs) / 1000).toFixed(1);
}
