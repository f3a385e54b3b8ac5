/** Tags of the whole fleet in a real Consul, written by the hook's own target, and watched as templates do. */
import { Agent, get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createFields } from "../../hook/config/fields.ts";
import { consul as consulTarget } from "../../hook/target/consul/index.ts";
import { findConsul, startConsul } from "../../test/support/consul.ts";
import { count, type Fleet, type FleetFigure } from "./report.ts";
import { childNamed, eachOf, residentMegabytesOf, timed } from "./resident.ts";

/** Below the 200 connections that Consul takes of one address. */
const mostWatchers = 150;
/** By the target; the other keys are written together, 64 in a transaction. */
const deployed = 500;
const writtenTogether = 64;
const signal = AbortSignal.timeout(600_000);

/** A blocking read, as consul-template and Nomad's templates send them; resolves with the key's index. */
function read(address: string, key: string, index: number, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get(`${address}/v1/kv/${key}?index=${index}&wait=5m`, { agent }, (response) => {
      response.resume();
      response.once("end", () => resolve(Number(response.headers["x-consul-index"])));
    });
    request.once("error", reject);
  });
}

async function deploySite(address: string, site: number, tag: string): Promise<void> {
  const fields = createFields({ environment: {}, directory: "/" });
  const options = consulTarget.schema(fields).parse({ address, key: `configs/site-${site}` });
  const setting = { image: { repository: `acme/site-${site}` } } as Parameters<typeof consulTarget.create>[1];
  const context = { signal, log() {} } as unknown as Parameters<
    ReturnType<typeof consulTarget.create>["deploy"]
  >[1];
  const outcome = await consulTarget
    .create(options, setting)
    .deploy(
      { tag, digest: null } as Parameters<ReturnType<typeof consulTarget.create>["deploy"]>[0],
      context,
    );
  if (outcome.kind !== "succeeded") throw new Error(JSON.stringify(outcome));
}

async function writeTogether(address: string, sites: readonly number[]): Promise<void> {
  const Value = Buffer.from("v1").toString("base64");
  const operations = sites.map((site) => ({ KV: { Verb: "set", Key: `configs/site-${site}`, Value } }));
  const answer = await fetch(`${address}/v1/txn`, { method: "PUT", body: JSON.stringify(operations) });
  if (!answer.ok) throw new Error(await answer.text());
}

export async function measureConsul({ sites, machines }: Fleet): Promise<FleetFigure[]> {
  const found = await findConsul();
  if ("reason" in found) throw new Error(found.reason);
  const consul = await startConsul(found);
  try {
    const empty = residentMegabytesOf(childNamed("consul"));
    const numbers = Array.from({ length: sites }, (_, index) => index);
    const byTarget = numbers.slice(0, deployed);
    const { ms } = await timed(() => eachOf(byTarget, 16, (site) => deploySite(consul.address, site, "v1")));
    for (let at = deployed; at < sites; at += writtenTogether)
      await writeTogether(consul.address, numbers.slice(at, at + writtenTogether));
    const full = residentMegabytesOf(childNamed("consul"));
    const watchers = Math.min(mostWatchers, sites);
    const agent = new Agent({ keepAlive: true, maxSockets: watchers });
    const keys = numbers.slice(0, watchers).map((site) => `configs/site-${site}`);
    const indexes = await Promise.all(keys.map((key) => read(consul.address, key, 0, agent)));
    const waiting = keys.map((key, at) => read(consul.address, key, indexes[at] ?? 0, agent));
    await sleep(1000);
    const watched = residentMegabytesOf(childNamed("consul"));
    const told = await timed(async () => {
      await deploySite(consul.address, 0, "v2");
      await waiting[0];
    });
    agent.destroy();
    await Promise.allSettled(waiting);
    return [
      {
        name: "Consul: deployments by the hook's target, 16 at a time",
        paper: "2 requests each",
        measured: count((byTarget.length / ms) * 1000, "a second"),
      },
      {
        name: "Consul: its memory with all keys",
        paper: "1 kB a key",
        measured: `${count(full, "MB")}, ${count(empty, "MB")} empty`,
      },
      {
        name: `Consul: ${watchers} templates that wait, its memory`,
        paper: `0.05 MB each; ${count(sites / machines)} a machine's agent`,
        measured: count(watched, "MB"),
      },
      {
        name: "Consul: from a deployment's begin to the template that waits for it",
        paper: "two round trips",
        measured: count(told.ms, "ms"),
      },
    ];
  } finally {
    await consul.stop();
  }
}
