import { createFields } from "../config/fields.ts";
import { connectEngine } from "../engine-api/engine.ts";
import { createEtcdClient } from "../etcd-api/client.ts";
import { commit, readRange } from "../etcd-api/store.ts";
import { dockerSchema } from "../target/docker/setting.ts";
import { placesUnder } from "../target/etcd/places.ts";
import { parseRelease } from "../target/etcd/record.ts";
import type { AgentSetting } from "./setting.ts";

export interface CheckedAgentPart {
  isGood: boolean;
  line: string;
}

/** Asks etcd and Docker whether they would let this agent do its work; changes nothing. */
export function checkAgent(setting: AgentSetting, signal: AbortSignal): Promise<CheckedAgentPart[]> {
  const ask = async (work: () => Promise<string>): Promise<CheckedAgentPart> => {
    try {
      return { isGood: true, line: await work() };
    } catch (error) {
      return { isGood: false, line: (error as Error).message };
    }
  };
  return Promise.all([ask(() => askEtcd(setting, signal)), ask(() => askDocker(setting, signal))]);
}

/** No key is ever as old as this: a commit with it is judged like any other, and changes nothing. */
const impossibleRevision = Number.MAX_SAFE_INTEGER;

async function askEtcd({ etcd, prefix, machine }: AgentSetting, signal: AbortSignal): Promise<string> {
  const client = createEtcdClient(etcd);
  const places = placesUnder(prefix);
  const key = places.machine(machine);
  const { entries } = await readRange(client, places.releases, { signal });
  await commit(client, { when: [{ key, modRevision: impossibleRevision }], put: { [key]: "" }, signal });
  const releases = entries.map(
    ({ key: name, value }) => `${places.nameOf(name)} ${parseRelease(value)?.tag ?? "(no release)"}`,
  );
  return `etcd at ${client.where}: ${releases.length === 0 ? "no release yet" : releases.join(", ")}`;
}

async function askDocker(
  { docker, directory, environment }: AgentSetting,
  signal: AbortSignal,
): Promise<string> {
  const { engine: address, tls } = dockerSchema(createFields({ environment, directory })).parse(docker);
  const engine = await connectEngine({ address, tls }, signal);
  return `${engine.product} at ${engine.where} answers`;
}
