import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { apiToken, configOf, script, startHook, type TestHook } from "../support/hook.ts";

let hook: TestHook;
before(async () => {
  hook = await startHook(configOf({ blog: script("echo out; echo err >&2"), site: script("exit 3") }));
  // One after the other: only the newest of those that wait is deployed.
  for (const id of [1, 2, 3]) {
    await hook.push(`v${id}`);
    await hook.untilEnded(id);
  }
  await hook.push("v4", { service: "site", image: "stut/site" });
  await hook.untilEnded(4);
});
after(() => hook.stop());

type Json = Record<string, unknown>;

interface Listing {
  deployments: Json[];
  next: number | null;
}

function ask(path: string, authorization = `Bearer ${apiToken}`): Promise<Response> {
  return fetch(`${hook.origin}/api/${path}`, { headers: { authorization } });
}

async function list(query = ""): Promise<Listing> {
  return (await ask(`deployments${query}`)).json() as Promise<Listing>;
}

const ids = ({ deployments }: Listing) => deployments.map(({ id }) => id);

describe("GET /api/deployments", () => {
  test("lists the newest first, with all that is known", async () => {
    const { deployments, next } = await list();
    assert.deepEqual(ids({ deployments, next }), [4, 3, 2, 1]);
    assert.equal(next, null);
    const { acceptedAt, firstStartedAt, startedAt, finishedAt, ...rest } = deployments[1] ?? {};
    for (const time of [acceptedAt, firstStartedAt, startedAt, finishedAt])
      assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.deepEqual(rest, {
      id: 3,
      service: "blog",
      image: "stut/blog",
      tag: "v3",
      digest: null,
      source: "docker-hub",
      target: "command",
      cause: "webhook",
      actor: "webhook",
      pusher: "ci",
      deliveryId: null,
      state: "succeeded",
      reason: "/bin/sh ended with status 0",
      waitingFor: null,
      approvedBy: null,
      attempt: 1,
      replaces: 2,
      restores: null,
      rolledBackTo: null,
      pushedAt: "2023-11-14T22:13:20.000Z",
      notBefore: null,
      verifyingAt: null,
    });
  });

  test("is paged with limit and before, and says what comes next", async () => {
    const first = await list("?limit=3");
    assert.deepEqual([ids(first), first.next], [[4, 3, 2], 2]);
    const second = await list(`?limit=3&before=${first.next}`);
    assert.deepEqual([ids(second), second.next], [[1], null]);
  });

  test("can be for one state, alone or with a service", async () => {
    assert.deepEqual(ids(await list("?state=failed")), [4]);
    assert.deepEqual(ids(await list("?state=succeeded&service=blog&limit=2")), [3, 2]);
    assert.deepEqual(ids(await list("?state=waiting")), []);
  });

  test("can be for one service, also for one that is not there any more", async () => {
    assert.deepEqual(ids(await list("?service=site")), [4]);
    assert.deepEqual(ids(await list("?service=gone")), []);
  });

  for (const query of [
    "limit=0",
    "limit=201",
    "limit=x",
    "before=-1",
    "before=1.5",
    "page=2",
    "state=done",
    "service=a&service=b",
    "limit=1&limit=2",
  ]) {
    test(`refuses ?${query}`, async () => assert.equal((await ask(`deployments?${query}`)).status, 400));
  }
});

describe("GET /api/deployments/<id>", () => {
  test("has its way through the states, with time, reason and who", async () => {
    const { transitions } = (await (await ask("deployments/1")).json()) as { transitions: Json[] };
    assert.deepEqual(
      transitions.map(({ state, actor }) => [state, actor]),
      [
        ["accepted", "webhook"],
        ["waiting", "webhook"],
        ["deploying", "hook"],
        ["succeeded", "hook"],
      ],
    );
    for (const { at, deployment } of transitions) {
      assert.match(String(at), /^\d{4}-.*Z$/);
      assert.equal(deployment, 1);
    }
    assert.equal(transitions.at(-1)?.["reason"], "/bin/sh ended with status 0");
  });

  test("tells why one failed", async () => {
    const shown = (await (await ask("deployments/4")).json()) as { state: string; reason: string };
    assert.deepEqual(
      [shown.state, shown.reason],
      ["failed", "/bin/sh ended with status 3; its output is in the log"],
    );
  });

  for (const id of ["0", "99", "1e3", "x", "99999999999999999999", "1%20OR%201=1"]) {
    test(`knows no ${id}`, async () => assert.equal((await ask(`deployments/${id}`)).status, 404));
  }
});

describe("the API's tokens", () => {
  for (const authorization of [
    "",
    "Bearer",
    `Bearer ${apiToken}x`,
    `Basic ${apiToken}`,
    apiToken,
    "Bearer a b",
  ]) {
    test(`do not include ${JSON.stringify(authorization)}`, async () => {
      for (const path of ["deployments", "deployments/1", "deployments/99"]) {
        assert.equal((await ask(path, authorization)).status, 401);
      }
    });
  }

  test("may be none at all: then nobody gets in", async () => {
    const closed = await startHook(configOf({ blog: script("exit 0") }).replace(/^api: .*$/m, ""));
    assert.equal((await fetch(`${closed.origin}/api/deployments`)).status, 401);
    await closed.stop();
  });
});

describe("what asks how the hook does", () => {
  test("gets 204 from / and /health", async () => {
    for (const path of ["/", "/health"]) assert.equal((await fetch(`${hook.origin}${path}`)).status, 204);
    assert.equal((await fetch(`${hook.origin}/health`, { method: "HEAD" })).status, 204);
  });

  test("gets metrics whose labels come from the config, whatever was asked for", async () => {
    for (let index = 0; index < 20; index++)
      await fetch(`${hook.origin}/hooks/guess-${index}/x`, { method: "POST" });
    await hook.push("latest");
    const answer = await fetch(`${hook.origin}/metrics`);
    assert.match(answer.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    const text = await answer.text();
    assert.match(
      text,
      /^statigo_hook_webhooks_total\{service="blog",source="docker-hub",result="accepted"\} 3$/m,
    );
    assert.match(
      text,
      /^statigo_hook_webhooks_total\{service="blog",source="docker-hub",result="ignored"\} 1$/m,
    );
    assert.match(text, /^statigo_hook_refused_total\{reason="unknown"\} 20$/m);
    assert.match(
      text,
      /^statigo_hook_deployments_total\{service="site",target="command",outcome="failed"\} 1$/m,
    );
    assert.match(text, /^statigo_hook_deployments_open\{service="blog",state="waiting"\} 0$/m);
    assert.match(
      text,
      /^statigo_hook_deployment_duration_seconds_count\{service="blog",target="command"\} [123]$/m,
    );
    assert.match(text, /^process_resident_memory_bytes /m);
    assert.doesNotMatch(text, /guess|secret-0123/);
  });
});
