/** What the hook and the agents ask of etcd, with a real one: watches, leases, turns, access control, TLS, members that go away. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startSession } from "../../hook/agent/session.ts";
import { takeTurn } from "../../hook/agent/turn.ts";
import { createFields } from "../../hook/config/fields.ts";
import { createEtcdClient, type EtcdSetting } from "../../hook/etcd-api/client.ts";
import { followRange } from "../../hook/etcd-api/follow.ts";
import { encodeBytes, keysUnder } from "../../hook/etcd-api/keys.ts";
import { commit, grantLease, keepLease, readKey } from "../../hook/etcd-api/store.ts";
import { etcd as kind } from "../../hook/target/etcd/index.ts";
import { startedDeployment } from "../support/deployments.ts";
import { type Etcd, etcdMissing, startEtcd } from "../support/etcd.ts";
import { temporaryFolder, until } from "../support/hook.ts";
import { createCertificate } from "../support/registry.ts";

const signal = AbortSignal.timeout(60_000);
const put = (etcd: Etcd, key: string, value: string) =>
  commit(etcd.client, { when: [], put: { [key]: value }, signal });

/** Follows a range until it is stopped; `seen` has each key's last value. */
function startFollowing(client: Etcd["client"], prefix: string) {
  const seen = new Map<string, string>();
  const lines: string[] = [];
  const kinds: string[] = [];
  const leaving = new AbortController();
  const options = { signal: leaving.signal, retryDelayMs: 100, log: (line: string) => void lines.push(line) };
  const ended = (async () => {
    for await (const news of followRange(client, keysUnder(prefix), options)) {
      kinds.push(news.kind);
      if (news.kind === "all") {
        seen.clear();
        for (const { key, value } of news.entries) seen.set(key, value);
        continue;
      }
      for (const change of news.changes) {
        if (change.kind === "put") seen.set(change.entry.key, change.entry.value);
        else seen.delete(change.key);
      }
    }
  })();
  const stop = async () => {
    leaving.abort();
    await ended;
  };
  return { seen, lines, kinds, stop, ended };
}

function clientOf(etcd: Etcd, more: Partial<EtcdSetting> = {}) {
  return createEtcdClient({ nodes: etcd.nodes.map((node) => new URL(node)), dialTimeoutMs: 500, ...more });
}

function targetOf(options: object) {
  const fields = createFields({ environment: {}, directory: "/" });
  const image = { registry: "docker.io", repository: "stut/blog", text: "stut/blog" };
  const setting = { service: "blog", image, directory: "/", environment: {} };
  return kind.create(kind.schema(fields).parse(options), setting as Parameters<typeof kind.create>[1]);
}

describe("etcd", { skip: etcdMissing }, () => {
  let etcd: Etcd;
  before(async () => {
    etcd = await startEtcd();
  });
  after(() => etcd?.stop());

  test("a commit is made only while what it was made for is so", async () => {
    const key = "/commit/a";
    const first = await commit(etcd.client, {
      when: [{ key, modRevision: 0 }],
      put: { [key]: "ü 1" },
      signal,
    });
    assert.equal(first.isDone, true);
    const again = await commit(etcd.client, { when: [{ key, modRevision: 0 }], put: { [key]: "2" }, signal });
    assert.equal(again.isDone, false);
    const entry = await readKey(etcd.client, key, { signal });
    assert.deepEqual([entry?.value, entry?.modRevision], ["ü 1", first.revision]);
  });

  test("a watch tells each change, also those made while etcd was away", async () => {
    await put(etcd, "/follow/a", "1");
    const follower = startFollowing(clientOf(etcd), "/follow/");
    await until("it has read", () => follower.seen.get("/follow/a") === "1");
    await put(etcd, "/follow/b", "1");
    await until("it is told", () => follower.seen.get("/follow/b") === "1");
    await etcd.kill();
    await sleep(400);
    await etcd.start();
    await put(etcd, "/follow/a", "2");
    await until("it is told", () => follower.seen.get("/follow/a") === "2");
    assert.deepEqual(follower.kinds.slice(0, 1), ["all"]);
    assert.ok(!follower.kinds.slice(1).includes("all"), "it goes on where it was");
    assert.match(follower.lines.join("\n"), /; trying again\netcd at .* answers again/);
    await follower.stop();
  });

  test("a watch survives that what it has not been told was compacted away: it reads everything again", async () => {
    await put(etcd, "/compact/a", "1");
    await put(etcd, "/compact/gone", "1");
    const follower = startFollowing(clientOf(etcd), "/compact/");
    await until("it has read", () => follower.seen.size === 2);
    await etcd.kill();
    await etcd.start();
    await put(etcd, "/compact/a", "2");
    await commit(etcd.client, { when: [], remove: [{ key: "/compact/gone" }], signal });
    const { revision } = await put(etcd, "/compact/a", "3");
    await etcd.call("kv/compaction", { revision: String(revision), physical: true });
    await until("it is told", () => follower.seen.get("/compact/a") === "3" && follower.seen.size === 1);
    await follower.stop();
  });

  test("a watch from a revision that is compacted away begins anew", async () => {
    const { revision } = await put(etcd, "/old/a", "1");
    await put(etcd, "/old/a", "2");
    await etcd.call("kv/compaction", { revision: String(revision + 1) });
    // The client is given an answer to its first reading that is as old as that.
    let isFirst = true;
    const old: Etcd["client"] = {
      ...etcd.client,
      async call(call) {
        const answer = await etcd.client.call(call);
        if (!isFirst || call.path !== "kv/range") return answer;
        isFirst = false;
        return { ...answer, header: { revision: String(revision - 1) }, kvs: [] };
      },
    };
    const follower = startFollowing(old, "/old/");
    await until("it is told", () => follower.seen.get("/old/a") === "2");
    assert.deepEqual(follower.kinds, ["all", "all"]);
    await follower.stop();
  });

  test("a lease that nobody keeps ends, and a session begins another one", async () => {
    const lease = await grantLease(etcd.client, 60, { signal });
    assert.equal(await keepLease(etcd.client, lease, { signal }), 60);
    await etcd.call("lease/revoke", { ID: lease });
    assert.equal(await keepLease(etcd.client, lease, { signal }), 0);
    const lines: string[] = [];
    const session = startSession(etcd.client, {
      ttlMs: 2_000,
      retryDelayMs: 100,
      put: { "/session/me": "here" },
      log: (line) => lines.push(line),
    });
    const first = await session.untilAlive(signal);
    await etcd.call("lease/revoke", { ID: first.id });
    await until("the session is lost", () => !first.isAlive());
    const second = await session.untilAlive(signal);
    assert.notEqual(second.id, first.id);
    assert.equal((await readKey(etcd.client, "/session/me", { signal }))?.value, "here");
    await session.stop();
    assert.equal(await readKey(etcd.client, "/session/me", { signal }), undefined);
    assert.match(lines.join(), /the session with etcd is lost/);
  });

  test("of many that want it, one at a time has the turn; it ends with the session of one that does not give it back", async () => {
    const key = "/turn/a";
    let atWork = 0;
    let most = 0;
    const done: number[] = [];
    const machines = Array.from({ length: 5 }, async (_, index) => {
      const session = startSession(etcd.client, { ttlMs: 2_000, retryDelayMs: 100, put: {}, log: () => {} });
      const turn = await takeTurn(etcd.client, {
        key,
        machine: `m${index}`,
        session,
        retryDelayMs: 100,
        signal,
        log: () => {},
      });
      atWork++;
      most = Math.max(most, atWork);
      await sleep(50);
      assert.equal(turn.isOurs(), true);
      atWork--;
      done.push(index);
      // One does not give it back: its session does.
      if (done.length > 1) await turn.end();
      await session.stop();
    });
    await Promise.all(machines);
    assert.deepEqual([most, done.length], [1, 5]);
  });

  test("a member that takes no connection is left for the next one within the dial time", async () => {
    // It takes the connection and says nothing: with TLS that is none yet.
    const deaf = createServer(() => {}).listen(0, "127.0.0.1");
    await new Promise((resolve) => deaf.once("listening", resolve));
    const { port } = deaf.address() as AddressInfo;
    const nodes = [new URL(`https://127.0.0.1:${port}`), ...etcd.nodes.map((node) => new URL(node))];
    const sinceMs = performance.now();
    const client = createEtcdClient({ nodes, dialTimeoutMs: 300 });
    await readKey(client, "/dial/a", { signal });
    const tookMs = performance.now() - sinceMs;
    deaf.close();
    assert.ok(tookMs >= 290 && tookMs < 20_000, `${tookMs} ms`);
    // The one that has answered is asked first from now on.
    const laterMs = performance.now();
    await readKey(client, "/dial/a", { signal });
    assert.ok(performance.now() - laterMs < 10_000);
  });

  test("a check says what is missing: agents, etcd itself", async () => {
    const check = async (options: object) =>
      targetOf(options).check?.({ signal: AbortSignal.timeout(60_000) });
    const none = await check({ nodes: etcd.nodes, prefix: "/nobody" });
    assert.match(JSON.stringify(none), /no machine has an agent under \/nobody\/\.machines\//);
    await put(etcd, "/some/.machines/m1", "{}");
    const good = await check({ nodes: etcd.nodes, prefix: "/some" });
    assert.match(JSON.stringify(good), /lets \/some\/blog be written \(it is not there yet\); agents: m1/);
    assert.equal(await readKey(etcd.client, "/some/blog", { signal }), undefined);
    const away = await check({ nodes: ["http://127.0.0.1:1"] });
    assert.match(JSON.stringify(away), /nothing listens at http:\/\/127\.0\.0\.1:1: is etcd running there\?/);
  });

  test("a release that nobody can take is not written", async () => {
    const target = targetOf({ nodes: etcd.nodes, prefix: "/empty" });
    const context = { log: () => {}, signal, deadline: new Date(), remember: async () => {} };
    const outcome = await target.deploy(startedDeployment(), context);
    assert.ok(outcome.kind === "failed" && outcome.engine === "unchanged" && outcome.isTemporary === true);
    assert.equal(await readKey(etcd.client, "/empty/blog", { signal }), undefined);
  });
});

describe("etcd with access control", { skip: etcdMissing }, () => {
  let etcd: Etcd;
  before(async () => {
    etcd = await startEtcd();
    const call = (path: string, body: object) => etcd.call(`auth/${path}`, body);
    await call("user/add", { name: "root", password: "root-pass" });
    await call("role/add", { name: "root" });
    await call("user/grant", { user: "root", role: "root" });
    await call("user/add", { name: "hook", password: "hook-pass" });
    await call("role/add", { name: "deployer" });
    const perm = { permType: 2, key: encodeBytes("/deployer/"), range_end: encodeBytes("/deployer0") };
    await call("role/grant", { name: "deployer", perm });
    await call("user/grant", { user: "hook", role: "deployer" });
    await call("enable", {});
  });
  after(() => etcd?.stop());

  const user = { name: "hook", password: "hook-pass" };

  test("the hook logs in, and again when etcd has forgotten it", async () => {
    const client = clientOf(etcd, { user });
    assert.equal(await readKey(client, "/deployer/a", { signal }), undefined);
    const follower = startFollowing(client, "/deployer/");
    await etcd.kill();
    await etcd.start();
    await until("it is there again", () =>
      readKey(client, "/deployer/a", { signal }).then(
        () => true,
        () => false,
      ),
    );
    await commit(client, { when: [], put: { "/deployer/a": "1" }, signal });
    await until("it is told", () => follower.seen.get("/deployer/a") === "1");
    await follower.stop();
  });

  const refusals: [string, object, RegExp][] = [
    ["no login", {}, /user name is empty\): set the user and the password/],
    [
      "a wrong password",
      { user: "hook", password: "wrong" },
      /refused to log hook in \(400: .*authentication failed.*set the user and the password/,
    ],
    [
      "another prefix",
      { user: "hook", password: "hook-pass", prefix: "/other" },
      /permission denied\): its role needs readwrite on the prefix/,
    ],
  ];
  for (const [title, options, expected] of refusals) {
    test(`says what is wrong: ${title}`, async () => {
      const result = await targetOf({ nodes: etcd.nodes, ...options }).check?.({ signal });
      assert.match(result?.ok === false ? result.problem : "good", expected);
    });
  }
});

describe("etcd with TLS", { skip: etcdMissing }, () => {
  test("its certificate is checked against the authority that the config names", async () => {
    const folder = temporaryFolder();
    const pair = createCertificate(folder);
    const etcd = await startEtcd({ tls: pair });
    try {
      const check = (tls: object) => targetOf({ nodes: etcd.nodes, ...tls }).check?.({ signal });
      const trusted = await check({ tls: { ca: pair.certificate } });
      assert.match(JSON.stringify(trusted), /no machine has an agent/);
      assert.match(JSON.stringify(await check({})), /certificate that is not trusted .*: set tls\.ca/);
    } finally {
      await etcd.stop();
      rmSync(folder, { recursive: true });
    }
  });
});

describe("three members of etcd", { skip: etcdMissing }, () => {
  let etcd: Etcd;
  before(async () => {
    etcd = await startEtcd({ members: 3 });
  });
  after(() => etcd?.stop());

  test("a watch goes on at another member when its own is ended", async () => {
    const follower = startFollowing(clientOf(etcd), "/members/");
    await until("it has read", () => follower.kinds.length > 0);
    await etcd.kill(0);
    await until("a value is written", () =>
      put(etcd, "/members/a", "1").then(
        () => true,
        () => false,
      ),
    );
    await until("it is told", () => follower.seen.get("/members/a") === "1");
    await follower.stop();
    await etcd.start();
  });

  test("a watch at a member that has lost the leader is ended by it, and goes on when there is one again", async () => {
    const only = clientOf(etcd, { nodes: [new URL(etcd.nodes[0] ?? "")] });
    await until(
      "the member is there",
      () =>
        readKey(only, "/leader/a", { signal }).then(
          () => true,
          () => false,
        ),
      20_000,
    );
    const follower = startFollowing(only, "/leader/");
    await until("it has read", () => follower.kinds.length > 0);
    etcd.freeze(1);
    etcd.freeze(2);
    await until("it has noticed", () => /trying again/.test(follower.lines.join("\n")));
    etcd.thaw(1);
    etcd.thaw(2);
    await until(
      "a value is written",
      () =>
        put(etcd, "/leader/a", "1").then(
          () => true,
          () => false,
        ),
      20_000,
    );
    await until("it is told", () => follower.seen.get("/leader/a") === "1");
    await follower.stop();
  });
});
