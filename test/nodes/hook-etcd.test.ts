/** The etcd target and its agents: a real etcd, and Docker Engines that are machines of their own. */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { type Change, followRange } from "../../hook/etcd-api/follow.ts";
import { keysUnder } from "../../hook/etcd-api/keys.ts";
import { engineNodesMissing } from "../support/engine-nodes.ts";
import { etcdMissing } from "../support/etcd.ts";
import {
  type ClusterVisits,
  type EtcdCluster,
  startEtcdCluster,
  visitCluster,
} from "../support/etcd-cluster.ts";
import { type TestHook, until } from "../support/hook.ts";
import { registryMissing } from "../support/registry.ts";
import { siteImageMissing } from "../support/site-image.ts";

const summaryOf = (what: string, { failures, requests, gapsMs, mostAway }: ClusterVisits) =>
  `${what}: ${failures} of ${requests} requests failed; gaps ${gapsMs.join(", ")} ms, at most ${mostAway} away`;

/** What etcd is told of turns and failures, in its order. */
function followTurns({ etcd }: EtcdCluster): { steps: string[]; stop(): void } {
  const over = new AbortController();
  const steps: string[] = [];
  const read = async () => {
    const options = { signal: over.signal, retryDelayMs: 100, log() {} };
    for await (const news of followRange(etcd.client, keysUnder("/test/deployer/."), options)) {
      if (news.kind === "changes") steps.push(...news.changes.flatMap(stepsOf));
    }
  };
  void read();
  return { steps, stop: () => over.abort() };
}

function stepsOf(change: Change): string[] {
  const key = change.kind === "put" ? change.entry.key : change.key;
  if (key.includes("/.turn/")) return [change.kind === "put" ? "turn begun" : "turn ended"];
  return change.kind === "put" && change.entry.value.includes('"state":"failed"') ? ["failed"] : [];
}

const skip = engineNodesMissing || etcdMissing || registryMissing || siteImageMissing;

describe("the etcd target, with three machines", { skip }, () => {
  let cluster: EtcdCluster;
  let hook: TestHook | undefined;
  let version = 1;
  before(async () => {
    cluster = await startEtcdCluster(3);
  });
  after(() => cluster?.stop());
  afterEach(async () => {
    await hook?.stop();
    hook = undefined;
  });

  async function pushNext(): Promise<string> {
    version++;
    await cluster.push(`v${version}`);
    return `v${version}`;
  }

  const all = (tag: string) => [tag, tag, tag];

  test("replaces one machine after the other: no request fails in the cluster, and the hook follows to the end", async (t) => {
    hook = await cluster.startHook();
    const tag = await pushNext();
    const visitors = visitCluster(cluster.nodes);
    assert.equal((await hook.push(tag)).status, 202);
    const ended = await hook.untilEnded(1);
    const visits = await visitors.stop();
    assert.equal(ended.state, "succeeded", `${ended.reason}\n${hook.logOf(1)}\n${cluster.agents[0]?.log()}`);
    assert.match(ended.reason ?? "", /3 machines have v2, healthy \(m1, m2, m3\); replaced 4 containers/);
    assert.deepEqual(await cluster.pages(), all(tag));
    const log = hook.logOf(1);
    for (const machine of ["m1", "m2", "m3"]) {
      assert.match(log, new RegExp(`^${machine}: pulling v2$`, "m"));
      assert.match(log, new RegExp(`^${machine}: its turn: replacing blog$`, "m"));
      assert.match(
        log,
        new RegExp(
          `^${machine}: its ${machine === "m1" ? "2 containers have" : "container has"} v2, healthy$`,
          "m",
        ),
      );
    }
    t.diagnostic(summaryOf("good", visits));
    assert.equal(visits.failures, 0);
    // Each one's end comes before the next one's begin. The first machine's second container may have a line of its own.
    const turns = [...log.matchAll(/^(m\d): its (?:turn: replacing|container|2 containers)/gm)]
      .map(([, machine]) => machine)
      .filter((machine, index, machines) => machine !== machines[index - 1]);
    assert.equal(turns.length, 3, log);
    assert.equal(new Set(turns).size, 3, log);
  });

  test("a release that fails on the first machine is begun on no other, and that one has its old container again", async (t) => {
    hook = await cluster.startHook();
    await cluster.push("sick", { kind: "sick" });
    const before = await cluster.pages();
    const visitors = visitCluster(cluster.nodes);
    const told = followTurns(cluster);
    await hook.push("sick");
    const ended = await hook.untilEnded(1);
    const visits = await visitors.stop();
    // Whoever has the turn next has to know of the failure.
    await until("the turn was given back", () => told.steps.includes("turn ended"));
    told.stop();
    assert.deepEqual(told.steps.slice(0, 3), ["turn begun", "failed", "turn ended"]);
    assert.equal(ended.state, "rolled-back", `${ended.reason}\n${hook.logOf(1)}`);
    assert.match(ended.reason ?? "", /^m\d: blog: the new container is not healthy.*no machine has sick$/);
    assert.deepEqual(await cluster.pages(), before, hook.logOf(1));
    assert.equal(hook.logOf(1).match(/its turn: replacing blog/g)?.length, 1, hook.logOf(1));
    t.diagnostic(summaryOf("failing", visits));
    assert.equal(visits.failures, 0);
    const { tag } = JSON.parse(
      (await cluster.etcd.read("/test/deployer/blog"))["/test/deployer/blog"] ?? "{}",
    );
    assert.equal(tag, before[0]);
  });

  test("an image that cannot be pulled changes nothing anywhere", async () => {
    hook = await cluster.startHook();
    const before = await cluster.pages();
    await hook.push("no-such-tag");
    const ended = await hook.untilEnded(1);
    assert.equal(ended.state, "failed");
    assert.match(ended.reason ?? "", /could not pull .*no-such-tag/);
    assert.deepEqual(await cluster.pages(), before);
  });

  test("an agent that is killed in its turn holds up nobody: its turn ends with its lease, and it finishes when it is back", async () => {
    hook = await cluster.startHook();
    const tag = await pushNext();
    await hook.push(tag);
    const log = () => hook?.logOf(1) ?? "";
    await until("a machine has its turn", () => /m\d: its turn/.test(log()));
    const killed = Number(/m(\d): its turn/.exec(log())?.[1]);
    cluster.agents[killed - 1]?.signal("SIGKILL");
    await until(
      "the others have it",
      () => log().match(/its (?:container has|2 containers have) v\d+, healthy/g)?.length === 2,
      30_000,
    );
    assert.match(
      log(),
      new RegExp(`m${killed}: its agent is gone in the middle of its turn; waiting for it`),
    );
    cluster.startAgent(killed - 1);
    const ended = await hook.untilEnded(1);
    assert.equal(ended.state, "succeeded", `${ended.reason}\n${log()}`);
    assert.deepEqual(await cluster.pages(), all(tag));
  });

  test("etcd is away in the middle of a roll for longer than a session lives, and the roll goes on", async () => {
    hook = await cluster.startHook();
    const tag = await pushNext();
    await hook.push(tag);
    await until("a machine has its turn", () => /m\d: its turn/.test(hook?.logOf(1) ?? ""));
    await cluster.etcd.kill();
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    await cluster.etcd.start();
    const ended = await hook.untilEnded(1);
    assert.equal(ended.state, "succeeded", `${ended.reason}\n${hook.logOf(1)}`);
    assert.deepEqual(await cluster.pages(), all(tag));
  });
});
