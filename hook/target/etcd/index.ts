import { createEtcdClient } from "../../etcd-api/client.ts";
import { commit, readKey } from "../../etcd-api/store.ts";
import { ApiError } from "../api-error.ts";
import type { CheckContext, CheckResult, Release, Target, TargetKind, TargetSetting } from "../target.ts";
import { type EtcdPlan, listMachines, rollRelease } from "./deploy.ts";
import { placesUnder } from "./places.ts";
import { parseRelease } from "./record.ts";
import { accessOf, type EtcdOptions, etcdSchema } from "./setting.ts";

/**
 * Writes the release into etcd, where an agent on every machine reads it (`statigo agent`). They pull it at once and
 * replace their containers one machine after the other; this follows them to the end.
 */
export const etcd: TargetKind<EtcdOptions> = { name: "etcd", schema: etcdSchema, create };

function create(options: EtcdOptions, { service, image }: TargetSetting): Target {
  const plan: EtcdPlan = {
    client: createEtcdClient(accessOf(options)),
    places: placesUnder(options.prefix),
    name: options.key ?? service,
    service,
    image,
    replace: options.replace,
    pauseMs: options.pause,
    retryDelayMs: options.retryDelay,
  };
  return {
    name: "etcd",
    timeoutMs: options.timeout,
    deploy: (deployment, context) => rollRelease(plan, deployment, "deploy", context),
    rollback: (to, deployment, context) => rollRelease(plan, { ...deployment, ...to }, "rollback", context),
    current: (context) => readCurrent(plan, context),
    check: (context) => checkAccess(plan, context),
  };
}

async function readCurrent(
  { client, places, name }: EtcdPlan,
  context: CheckContext,
): Promise<Release | undefined> {
  const entry = await readKey(client, places.release(name), context);
  const record = entry && parseRelease(entry.value);
  return record && { tag: record.tag, digest: record.digest };
}

/** No key is ever as old as this: a commit with it is judged like any other, and changes nothing. */
const impossibleRevision = Number.MAX_SAFE_INTEGER;

async function checkAccess(plan: EtcdPlan, context: CheckContext): Promise<CheckResult> {
  const { client, places, name } = plan;
  const key = places.release(name);
  try {
    const machines = await listMachines(client, places, context.signal);
    await commit(client, {
      when: [{ key, modRevision: impossibleRevision }],
      put: { [key]: "" },
      remove: [places.progressOf(name)],
      signal: context.signal,
    });
    if (machines.length === 0)
      return {
        ok: false,
        problem: `no machine has an agent under ${places.machines.key}: start \`statigo agent\` on each`,
      };
    const now = (await readCurrent(plan, context))?.tag ?? "not there yet";
    return {
      ok: true,
      detail: `etcd at ${client.where} lets ${key} be written (it is ${now}); agents: ${machines.join(", ")}`,
    };
  } catch (error) {
    if (error instanceof ApiError) return { ok: false, problem: error.message };
    return { ok: false, problem: `etcd at ${client.where} did not answer in time` };
  }
}
