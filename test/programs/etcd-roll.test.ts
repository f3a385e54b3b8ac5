/** What the etcd target makes of what the machines say, with a real etcd and machines that a test plays. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createFields } from "../../hook/config/fields.ts";
import { commit } from "../../hook/etcd-api/store.ts";
import type { Deployment } from "../../hook/store/deployment.ts";
import { etcd as kind } from "../../hook/target/etcd/index.ts";
import type { Progress, ReleaseRecord } from "../../hook/target/etcd/record.ts";
import type { Outcome } from "../../hook/target/target.ts";
import { startedDeployment } from "../support/deployments.ts";
import { type Etcd, etcdMissing, startEtcd } from "../support/etcd.ts";
import { until } from "../support/hook.ts";

describe("a roll over etcd", { skip: etcdMissing }, () => {
  let etcd: Etcd;
  let number = 0;
  before(async () => {
    etcd = await startEtcd();
  });
  after(() => etcd?.stop());

  const signal = AbortSignal.timeout(60_000);

  /** A prefix of its own, with these machines. */
  async function startRoll(machines: readonly string[]) {
    const prefix = `/roll${++number}`;
    const fields = createFields({ environment: {}, directory: "/" });
    const image = { registry: "docker.io", repository: "stut/blog", text: "stut/blog" };
    const setting = { service: "blog", image, directory: "/", environment: {} };
    const options = kind.schema(fields).parse({ nodes: etcd.nodes, prefix, retryDelay: "50ms" });
    const target = kind.create(options, setting as Parameters<typeof kind.create>[1]);
    const write = (key: string, value: object) =>
      commit(etcd.client, { when: [], put: { [`${prefix}/${key}`]: JSON.stringify(value) }, signal });
    const lines: string[] = [];
    const abort = new AbortController();
    const context = {
      log: (line: string) => void lines.push(line),
      signal: abort.signal,
      deadline: new Date(),
      remember: async () => {},
    };
    const release = async () => {
      const text = (await etcd.read(`${prefix}/blog`))[`${prefix}/blog`];
      return text === undefined ? undefined : (JSON.parse(text) as ReleaseRecord);
    };
    const roll = {
      target,
      lines,
      abort,
      release,
      write,
      deploy: (tag: string, more: Partial<Deployment> = {}): Promise<Outcome> =>
        target.deploy(startedDeployment({ tag, ...more }), context),
      rollback: (tag: string): Promise<Outcome> =>
        target.rollback?.({ tag, digest: null }, startedDeployment({ tag: "bad" }), context) ?? assert.fail(),
      current: () => target.current?.({ signal }),
      remove: (key: string) =>
        commit(etcd.client, { when: [], remove: [{ key: `${prefix}/${key}` }], signal }),
      /** What a machine says of the release of this tag, once it is there. */
      async say(machine: string, tag: string, said: Partial<Progress>) {
        await until(`${tag} is written`, async () => (await release())?.tag === tag);
        const { id } = (await release()) as ReleaseRecord;
        await write(`.progress/blog/${machine}`, { release: id, machine, line: said.state, ...said });
      },
      async converge(tag: string, names: readonly string[]) {
        for (const machine of names)
          await roll.say(machine, tag, { state: "converged", containers: 1, replaced: 1 });
      },
    };
    for (const machine of machines) await write(`.machines/${machine}`, {});
    return roll;
  }

  test("it fails on the second machine: the release before is written again, and all go back", async () => {
    const roll = await startRoll(["a", "b", "c"]);
    const first = roll.deploy("v1");
    await roll.converge("v1", ["a", "b", "c"]);
    assert.equal((await first).kind, "succeeded");
    const second = roll.deploy("v2");
    await roll.converge("v2", ["a"]);
    await roll.say("b", "v2", {
      state: "failed",
      line: "blog: not healthy",
      engine: "unchanged",
      isRolledBack: true,
    });
    await roll.converge("v1", ["a", "b", "c"]);
    assert.deepEqual(await second, {
      kind: "rolled-back",
      reason: "b: blog: not healthy; every machine has v1 again",
    });
    assert.equal((await roll.release())?.kind, "rollback");
    assert.deepEqual(await roll.current(), { tag: "v1", digest: null });
  });

  test("it fails where nothing was before: the hook's history has to say what to go back to, and no agent begins it again", async () => {
    const roll = await startRoll(["a", "b"]);
    const outcome = roll.deploy("v1");
    await roll.converge("v1", ["a"]);
    await roll.say("b", "v1", { state: "failed", line: "not healthy", engine: "unchanged" });
    assert.deepEqual(await outcome, { kind: "failed", reason: "b: not healthy", engine: "changed" });
    assert.equal(await roll.release(), undefined);
  });

  test("it fails everywhere for a reason that may pass: worth another try", async () => {
    const roll = await startRoll(["a"]);
    const outcome = roll.deploy("v1");
    await roll.say("a", "v1", {
      state: "failed",
      line: "the registry is away",
      engine: "unchanged",
      isTemporary: true,
    });
    assert.deepEqual(await outcome, {
      kind: "failed",
      reason: "a: the registry is away",
      isTemporary: true,
      engine: "unchanged",
    });
  });

  test("a way back that fails is not followed by another one", async () => {
    const roll = await startRoll(["a"]);
    await roll.write("blog", { id: "x", service: "blog", image: "stut/blog", tag: "bad" });
    const outcome = roll.rollback("v1");
    await roll.say("a", "v1", { state: "failed", line: "not healthy", engine: "unknown" });
    assert.deepEqual(await outcome, { kind: "failed", reason: "a: not healthy", engine: "unknown" });
    assert.equal((await roll.release())?.tag, "v1");
  });

  test("what a machine says of another release is no word about this one", async () => {
    const roll = await startRoll(["a"]);
    await roll.write(".progress/blog/a", { release: "old", machine: "a", state: "failed", line: "old" });
    const outcome = roll.deploy("v1");
    await until("v1 is written", async () => (await roll.release())?.tag === "v1");
    await roll.write(".progress/blog/a", { release: "old", machine: "a", state: "failed", line: "old" });
    await roll.converge("v1", ["a"]);
    assert.equal((await outcome).kind, "succeeded");
    assert.ok(!roll.lines.includes("a: old"));
  });

  test("somebody else writes another release: this one is not followed any more, and the other is not overwritten", async () => {
    const roll = await startRoll(["a"]);
    const outcome = roll.deploy("v1");
    await until("v1 is written", async () => (await roll.release())?.tag === "v1");
    await roll.write("blog", { id: "other", service: "blog", image: "stut/blog", tag: "v9" });
    const ended = await outcome;
    assert.ok(ended.kind === "failed" && /somebody else has written another release/.test(ended.reason));
    assert.equal((await roll.release())?.tag, "v9");
  });

  test("a machine whose agent goes before its turn is not waited for; one that goes in its turn is", async () => {
    const roll = await startRoll(["a", "b", "c"]);
    const outcome = roll.deploy("v1");
    await roll.converge("v1", ["a"]);
    await roll.say("b", "v1", { state: "waiting" });
    await roll.say("c", "v1", { state: "replacing" });
    await roll.remove(".machines/b");
    await roll.remove(".machines/c");
    await until("it is told", () => roll.lines.some((line) => line.startsWith("c: its agent is gone")));
    assert.ok(roll.lines.includes("b: its agent is gone; it takes the release when it is back"));
    assert.ok(roll.lines.includes("c: its agent is gone in the middle of its turn; waiting for it"));
    await roll.converge("v1", ["c"]);
    const ended = await outcome;
    assert.ok(
      ended.kind === "succeeded" &&
        /^2 machines have v1, healthy \(a, c\); replaced 2 containers$/.test(ended.summary),
    );
  });

  test("a hook that is started again goes on with the roll that it has begun", async () => {
    const roll = await startRoll(["a"]);
    const first = roll.deploy("v1", { id: 7 });
    await until("v1 is written", async () => (await roll.release())?.tag === "v1");
    const { id } = (await roll.release()) as ReleaseRecord;
    roll.abort.abort();
    const ended = await first;
    assert.ok(
      ended.kind === "failed" && ended.engine === "changed" && /a: nothing yet/.test(ended.reason),
      JSON.stringify(ended),
    );
    const context = {
      log: (line: string) => void roll.lines.push(line),
      signal,
      deadline: new Date(),
      remember: async () => {},
    };
    const again = roll.target.deploy(startedDeployment({ tag: "v1", id: 7, attempt: 2 }), context);
    await roll.converge("v1", ["a"]);
    assert.equal((await again).kind, "succeeded");
    assert.equal((await roll.release())?.id, id);
    assert.match(roll.lines.join("\n"), /written for this deployment: going on with it/);
  });

  test("no machine has a container: that is no success", async () => {
    const roll = await startRoll(["a"]);
    const outcome = roll.deploy("v1");
    await roll.say("a", "v1", { state: "converged", containers: 0 });
    const ended = await outcome;
    assert.ok(ended.kind === "failed" && /no machine \(a\) has a container to replace/.test(ended.reason));
  });
});
