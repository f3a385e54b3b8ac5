import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { connect } from "node:net";
import { after, describe, test } from "node:test";
import { apiOf, type Json, type Stream } from "../../support/api.ts";
import {
  adminToken,
  configOf,
  readConfig,
  script,
  startHook,
  type TestHook,
  temporaryFolder,
  tokenEntry,
  until,
} from "../../support/hook.ts";

const yaml = configOf({ blog: script("exit 0"), site: script("exit 0") });
const hooks: TestHook[] = [];
after(() => Promise.all(hooks.map((hook) => hook.stop())));

async function start(options: Parameters<typeof startHook>[1] = {}): Promise<TestHook> {
  const hook = await startHook(yaml, options);
  hooks.push(hook);
  return hook;
}

async function take(stream: Stream, count: number): Promise<Json[]> {
  const taken: Json[] = [];
  while (taken.length < count) {
    const event = await stream.next();
    if (event === undefined) break;
    assert.equal(event.event, "transition");
    assert.equal(event.id, String(event.data["id"]));
    taken.push(event.data);
  }
  return taken;
}

const states = (events: readonly Json[]) => events.map(({ tag, state }) => `${tag} ${state}`);

describe("GET /api/events", () => {
  test("tells every change of state from now on, as it happens", async () => {
    const hook = await start();
    await hook.push("v1");
    await hook.untilEnded(1);
    const stream = await apiOf(hook).stream("events");
    assert.equal(stream.response.headers.get("x-accel-buffering"), "no");
    await hook.push("v2");
    const seen = await take(stream, 4);
    assert.deepEqual(states(seen), ["v2 accepted", "v2 waiting", "v2 deploying", "v2 succeeded"]);
    const { id: _, at, ...last } = seen[3] ?? {};
    assert.match(String(at), /^\d{4}-.*Z$/);
    assert.deepEqual(last, {
      deployment: 2,
      service: "blog",
      tag: "v2",
      state: "succeeded",
      reason: "/bin/sh ended with status 0",
      actor: "hook",
    });
    await stream.close();
  });

  test("can be for one service, and from any event on", async () => {
    const hook = await start();
    await hook.push("v1");
    await hook.push("v2", { service: "site", image: "stut/site" });
    for (const id of [1, 2]) await hook.untilEnded(id);
    const stream = await apiOf(hook).stream("events?service=site&after=0");
    assert.deepEqual(states(await take(stream, 4)), [
      "v2 accepted",
      "v2 waiting",
      "v2 deploying",
      "v2 succeeded",
    ]);
    await stream.close();
    const rest = await apiOf(hook).stream("events?after=0", 6);
    assert.deepEqual(
      (await take(rest, 2)).map(({ id }) => id),
      [7, 8],
    );
    await rest.close();
  });

  test("goes on after a restart of the hook where the client was, which may be before the first event", async () => {
    const folder = temporaryFolder();
    const first = await start({ folder });
    const stream = await apiOf(first).stream("events");
    const none = stream.next();
    await until("the place to go on from is known", () => stream.ids.length > 0);
    await first.stop();
    assert.equal(await none, undefined);
    const second = await start({ folder });
    await second.push("v1");
    await second.untilEnded(1);
    const again = await apiOf(second).stream("events", Number(stream.ids[0]));
    assert.deepEqual(states(await take(again, 4)), [
      "v1 accepted",
      "v1 waiting",
      "v1 deploying",
      "v1 succeeded",
    ]);
    await again.close();
    await second.stop();
    rmSync(folder, { recursive: true });
  });

  test("tells what another process on the same store did", async () => {
    const folder = temporaryFolder();
    const [one, other] = [await start({ folder, eventStreams: { pollMs: 20 } }), await start({ folder })];
    const stream = await apiOf(one).stream("events");
    await other.push("v1");
    assert.deepEqual(states(await take(stream, 1)), ["v1 accepted"]);
    await stream.close();
    await Promise.all([one.stop(), other.stop()]);
    rmSync(folder, { recursive: true });
  });

  test("sends comments while nothing happens, so that nobody takes it for dead", async () => {
    const hook = await start({ eventStreams: { heartbeatMs: 20 } });
    const stream = await apiOf(hook).stream("events");
    const event = stream.next();
    await until("heartbeats come", () => stream.comments.length >= 3);
    await hook.push("v1");
    assert.equal((await event)?.data["state"], "accepted");
    await stream.close();
  });

  test("ends for a token that was taken out of the config", async () => {
    const hook = await start({ eventStreams: { heartbeatMs: 20 } });
    const stream = await apiOf(hook).stream("events");
    hook.reload(readConfig(yaml.replace(adminToken, "another-token-0123456789"), hook.folder));
    assert.equal((await stream.next())?.event, "config");
    assert.equal(await stream.next(), undefined);
  });

  test("ends for a token that is for other services now", async () => {
    const of = (...services: string[]) =>
      yaml.replace("api: { tokens: [", `api: { tokens: [${tokenEntry("ci", narrow, "read", services)}, `);
    const narrow = "narrow-token-0123456789";
    const hook = await startHook(of("blog"), { eventStreams: { heartbeatMs: 20 } });
    hooks.push(hook);
    const stream = await apiOf(hook, narrow).stream("events");
    hook.reload(readConfig(of("blog", "site"), hook.folder));
    assert.equal((await stream.next())?.event, "config");
    assert.equal(await stream.next(), undefined);
  });

  test("takes no more streams than it may, and takes new ones when old ones have gone", async () => {
    const hook = await start({ eventStreams: { maximum: 2 } });
    const api = apiOf(hook);
    const [first, second] = [await api.stream("events"), await api.stream("events")];
    const refused = await api.get("events");
    assert.equal(refused.status, 503);
    assert.equal(((await refused.json()) as { error: Json }).error["code"], "too_many_streams");
    await Promise.all([first.close(), second.close()]);
    await until("a place is free", async () => {
      const answer = await api.get("events");
      await answer.body?.cancel();
      return answer.status === 200;
    });
  });

  test("ends with a stopping hook, also for a client that does not read", async () => {
    const hook = await start();
    const { port } = new URL(hook.origin);
    const socket = connect(Number(port), "127.0.0.1");
    socket.pause();
    socket.write(`GET /api/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${adminToken}\r\n\r\n`);
    await until("it is served", () => hook.app.server.listening);
    const stream = await apiOf(hook).stream("events");
    const begunMs = performance.now();
    await hook.stop();
    assert.ok(performance.now() - begunMs < 20_000);
    assert.equal(await stream.next(), undefined);
    socket.destroy();
  });

  test("refuses a place that is none, two services and what it does not know", async () => {
    const hook = await start();
    for (const query of ["after=-1", "after=x", "service=a&service=b", "tag=v1"])
      assert.equal((await apiOf(hook).get(`events?${query}`)).status, 400, query);
  });
});

describe("what is said about services", () => {
  test("is told at once, with what there is from now on, and has no id of its own", async () => {
    // Nothing here waits for the next look: what the hook does itself wakes the stream.
    const hook = await start({ eventStreams: { pollMs: 60_000 } });
    await hook.push("v1");
    await hook.untilEnded(1);
    const api = apiOf(hook);
    const stream = await api.stream("events");
    const told = async () => {
      const { event, id, data } = (await stream.next()) ?? assert.fail("the stream has ended");
      assert.equal(id, undefined);
      const { at, ...rest } = data;
      assert.match(String(at ?? rest["configLoadedAt"]), /^\d{4}-.*Z$/);
      return { event, ...rest } as Json;
    };
    const shown = async (): Promise<Json> => {
      const service = await api.json("services/blog");
      const holds = Object.entries(service).filter(([name]) => /^(?:state|paused|frozen)/.test(name));
      return { event: "hold", service: "blog", ...Object.fromEntries(holds) };
    };

    await api.post("services/blog/pause", { reason: "the fair" });
    const paused = await told();
    assert.deepEqual(paused, await shown());
    assert.deepEqual(
      [paused["state"], paused["pausedBy"], paused["pausedReason"]],
      ["paused", "root", "the fair"],
    );
    await api.post("services/blog/freeze", { until: "1h" });
    assert.deepEqual(await told(), await shown());
    await api.post("services/blog/resume");
    const frozen = await told();
    assert.deepEqual(frozen, await shown());
    assert.equal(frozen["state"], "frozen");
    await api.post("services/blog/unfreeze");
    assert.equal((await told())["state"], "active");
    // Of what is so already there is nothing to tell: the next event is of the reload.
    await api.post("services/blog/resume");
    hook.reload(readConfig(yaml, hook.folder));
    assert.equal((await told())["event"], "config");
    assert.deepEqual(stream.ids, [String(hook.store.lastTransitionId())]);
    await stream.close();
  });

  test("is told only of services that were asked for, and that a token is for", async () => {
    const narrow = "narrow-token-0123456789";
    const hook = await startHook(
      yaml.replace("api: { tokens: [", `api: { tokens: [${tokenEntry("ci", narrow, "read", ["site"])}, `),
    );
    hooks.push(hook);
    const asked = await apiOf(hook).stream("events?service=site");
    const mine = await apiOf(hook, narrow).stream("events");
    for (const service of ["blog", "site"]) await apiOf(hook).post(`services/${service}/pause`);
    for (const stream of [asked, mine]) {
      assert.equal((await stream.next())?.data["service"], "site");
      await stream.close();
    }
  });

  test("is told of what another process did, and of a freeze that ends by the clock", async () => {
    const folder = temporaryFolder();
    const [one, other] = [await start({ folder, eventStreams: { pollMs: 20 } }), await start({ folder })];
    const stream = await apiOf(one).stream("events");
    await other.operations.freeze("blog", Date.now() + 600, null, "anna");
    assert.equal((await stream.next())?.data["state"], "frozen");
    assert.deepEqual((await stream.next())?.data["state"], "active");
    await stream.close();
    await Promise.all([one.stop(), other.stop()]);
    rmSync(folder, { recursive: true });
  });

  test("an approval is the deployment's own next step", async () => {
    const hook = await startHook(yaml.replace("image: stut/blog", "image: stut/blog\n    approval: true"));
    hooks.push(hook);
    await hook.push("v1");
    const stream = await apiOf(hook).stream("events");
    await apiOf(hook).post("deployments/1/approve");
    const [approved] = await take(stream, 1);
    assert.deepEqual(
      [approved?.["state"], approved?.["actor"], approved?.["reason"]],
      ["waiting", "root", "approved by root"],
    );
    await stream.close();
  });
});
