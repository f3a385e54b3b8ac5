import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { type Api, apiOf, type Json } from "../../support/api.ts";
import { configOf, readConfig, script, startHook, type TestHook, until } from "../../support/hook.ts";

/** Deploys when the file `go` is there; the tag `bad` fails. */
const gated = script('until [ -e go ]; do sleep 0.01; done; [ "$STATIGO_TAG" != bad ]');

let hook: TestHook;
let api: Api;
beforeEach(async () => {
  hook = await startHook(configOf({ blog: gated, site: script("exit 0") }, "deployments: { grace: 0s }"));
  api = apiOf(hook);
});
afterEach(() => hook.stop());

const open = () => writeFileSync(join(hook.folder, "go"), "");
const service = () => api.json("services/blog");
const bodyOf = async (answer: Promise<Response>) => (await (await answer).json()) as Json;

async function deploy(tag: string): Promise<void> {
  const { id } = await bodyOf(api.post("services/blog/deployments", { tag }));
  await hook.untilEnded(Number(id));
}

describe("a service", () => {
  test("that was never deployed has no release, no last deployment and no next one", async () => {
    assert.deepEqual(await service(), {
      name: "blog",
      image: "stut/blog",
      target: "command",
      state: "active",
      release: null,
      pausedAt: null,
      pausedBy: null,
      pausedReason: null,
      frozenUntil: null,
      frozenBy: null,
      frozenReason: null,
      last: null,
      next: null,
    });
  });

  test("shows what runs, what was last begun, and what waits", async () => {
    open();
    await deploy("v1");
    await deploy("bad");
    await api.post("services/blog/pause");
    await hook.push("v2");
    const { release, last, next } = await service();
    const { since, ...shown } = release as Json;
    assert.deepEqual(shown, { tag: "v1", digest: null, deployment: 1 });
    assert.ok(Math.abs(Date.parse(String(since)) - Date.now()) < 10_000);
    assert.deepEqual([(last as Json)["id"], (last as Json)["state"]], [2, "failed"]);
    assert.deepEqual([(next as Json)["id"], (next as Json)["tag"]], [3, "v2"]);
  });

  test("is listed with the others, in the config's order", async () => {
    const { services } = (await api.json("services")) as { services: Json[] };
    assert.deepEqual(
      services.map(({ name }) => name),
      ["blog", "site"],
    );
  });

  test("that the config does not have is not there, whatever its name", async () => {
    for (const name of ["gone", "__proto__", "constructor", "%2e%2e", "a%2Fb"])
      assert.equal((await api.get(`services/${name}`)).status, 404, name);
  });
});

describe("deploying a tag", () => {
  test("is answered 202 with a deployment that names who asked", async () => {
    const answer = await api.post("services/blog/deployments", { tag: "v1" });
    assert.equal(answer.status, 202);
    const { id, tag, cause, source, actor } = (await answer.json()) as Json;
    assert.deepEqual(
      { id, tag, cause, source, actor },
      { id: 1, tag: "v1", cause: "deploy", source: "api", actor: "root" },
    );
    open();
    assert.equal((await hook.untilEnded(1)).state, "succeeded");
  });

  test("takes a tag that the service's webhooks may not bring", async () => {
    assert.equal((await api.post("services/blog/deployments", { tag: "latest" })).status, 202);
  });

  test("with the same Idempotency-Key is done once; another service's, or none, is another request", async () => {
    const key = { "idempotency-key": "build-77" };
    const ask = (name: string, headers = {}) =>
      bodyOf(api.post(`services/${name}/deployments`, { tag: "v1" }, headers));
    assert.deepEqual([(await ask("blog", key))["id"], (await ask("blog", key))["id"]], [1, 1]);
    assert.deepEqual([(await ask("site", key))["id"], (await ask("blog"))["id"]], [2, 3]);
  });

  const wrong: [what: string, body: unknown, code: string][] = [
    ["no tag", {}, "invalid_body"],
    ["a tag that is none", { tag: "a b" }, "invalid_body"],
    ["a tag that would be a path", { tag: "../x" }, "invalid_body"],
    ["a digest that is none", { tag: "v1", digest: "sha256:12" }, "invalid_body"],
    ["a field that is not known", { tag: "v1", force: true }, "invalid_body"],
    ["a list", ["v1"], "invalid_body"],
    ["null", null, "invalid_body"],
    ["a body of more than a MiB", { tag: "v".repeat(1024 * 1024) }, "body_too_large"],
  ];
  test(`refuses ${wrong.map(([what]) => what).join(", ")}`, async () => {
    for (const [what, body, code] of wrong) {
      const { error } = await bodyOf(api.post("services/blog/deployments", body));
      assert.equal((error as Json)["code"], code, what);
    }
    assert.equal(hook.store.find(1), undefined);
  });

  test("refuses bodies that are not JSON, forms and plain text among them", async () => {
    const url = `${hook.origin}/api/services/blog/deployments`;
    const send = async (type: string, body: string) =>
      (
        await fetch(url, {
          method: "POST",
          headers: { authorization: "Bearer admin-token-0123456789", "content-type": type },
          body,
        })
      ).status;
    assert.equal(await send("application/x-www-form-urlencoded", "tag=v1"), 415);
    assert.equal(await send("text/plain", `{"tag":"v1"}`), 415);
    assert.equal(await send("application/json", "{"), 400);
    assert.equal(await send("application/json; charset=utf-8", `{"tag":"v1"}`), 202);
  });
});

describe("rolling back", () => {
  test("goes to the release before, and to a tag that ran before", async () => {
    open();
    for (const tag of ["v1", "v2", "v3"]) await deploy(tag);
    const back = await bodyOf(api.post("services/blog/rollback"));
    assert.deepEqual([back["tag"], back["cause"], back["restores"]], ["v2", "rollback", 2]);
    await hook.untilEnded(4);
    assert.equal((await bodyOf(api.post("services/blog/rollback", { tag: "v1" })))["restores"], 1);
    await hook.untilEnded(5);
    assert.equal(((await service())["release"] as Json)["tag"], "v1");
  });

  test("is refused where there is nothing to go back to", async () => {
    open();
    await deploy("v1");
    assert.equal((await api.post("services/blog/rollback")).status, 409);
    assert.equal((await api.post("services/blog/rollback", { tag: "v7" })).status, 409);
  });
});

describe("a hold", () => {
  test("is shown with who and why, and keeps webhooks waiting until it ends", async () => {
    open();
    const paused = await bodyOf(api.post("services/blog/pause", { reason: "stock-taking" }));
    assert.deepEqual(
      [paused["state"], paused["pausedBy"], paused["pausedReason"]],
      ["paused", "root", "stock-taking"],
    );
    await hook.push("v1");
    await until("it says what it waits for", async () => {
      const { next } = await service();
      return (next as Json)["waitingFor"] === "pause";
    });
    assert.equal((await bodyOf(api.post("services/blog/resume")))["state"], "active");
    assert.equal((await hook.untilEnded(1)).state, "succeeded");
  });

  test("until a time, or for a duration, is shown with who and why", async () => {
    const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();
    const given: [until: string, expectedMs: number][] = [
      ["90m", 90 * 60_000],
      ["3d", 3 * 24 * 3_600_000],
      [inMs(3_600_000), 3_600_000],
      [`${inMs(5 * 3_600_000).slice(0, 16)}+02:00`, 3 * 3_600_000],
    ];
    for (const [until, expectedMs] of given) {
      const frozen = await bodyOf(api.post("services/blog/freeze", { until, reason: "holidays" }));
      const apartMs = Date.parse(String(frozen["frozenUntil"])) - Date.now();
      assert.ok(Math.abs(apartMs - expectedMs) < 120_000, until);
      const { state, frozenBy, frozenReason } = frozen;
      assert.deepEqual([state, frozenBy, frozenReason], ["frozen", "root", "holidays"]);
    }
    assert.equal((await bodyOf(api.post("services/blog/unfreeze")))["frozenUntil"], null);
  });

  test("until a time that is over, too far away or none at all is refused", async () => {
    for (const until of [
      "",
      "soon",
      "-1h",
      "0s",
      "2001-01-01T00:00:00Z",
      "2030-01-01",
      "2999-01-01T00:00:00Z",
      "400d",
    ])
      assert.equal((await api.post("services/blog/freeze", { until })).status, 400, until);
  });

  test("that is over is not shown", async () => {
    await api.post("services/blog/freeze", { until: "1h" });
    assert.equal((await service())["state"], "frozen");
    await hook.store.setServiceState({ ...hook.store.serviceState("blog"), frozenUntilMs: Date.now() - 1 });
    const { state, frozenUntil, frozenBy } = await service();
    assert.deepEqual([state, frozenUntil, frozenBy], ["active", null, null]);
  });
});

test("the audit says who did what, newest first, page by page", async () => {
  await api.post("services/blog/pause", { reason: "why not" });
  await api.post("services/blog/deployments", { tag: "v1" });
  await api.post("deployments/1/cancel");
  const { entries } = (await api.json("audit")) as { entries: Json[] };
  assert.deepEqual(
    entries.map(({ actor, action, service, deployment, detail }) => [
      actor,
      action,
      service,
      deployment,
      detail,
    ]),
    [
      ["root", "cancel", "blog", 1, "v1"],
      ["root", "deploy", "blog", 1, "v1"],
      ["root", "pause", "blog", null, "why not"],
    ],
  );
  const first = await api.json("audit?limit=2");
  const second = await api.json(`audit?limit=2&before=${first["next"]}`);
  assert.deepEqual(
    [(second["entries"] as Json[]).map(({ action }) => action), second["next"]],
    [["pause"], null],
  );
});

test("a store that cannot be used is answered 503, and nothing is said of it", async () => {
  hook.store.close();
  for (const answer of [
    await api.get("services"),
    await api.post("services/blog/deployments", { tag: "v1" }),
  ]) {
    assert.equal(answer.status, 503);
    assert.equal(answer.headers.get("retry-after"), "30");
    assert.equal(((await answer.json()) as { error: Json }).error["code"], "store_unavailable");
  }
});

test("a config that was loaded again counts from the next request on", async () => {
  hook.reload(readConfig(configOf({ shop: script("exit 0") }).replaceAll("root", "other"), hook.folder));
  assert.equal((await api.get("services/blog")).status, 404);
  assert.equal((await bodyOf(api.post("services/shop/deployments", { tag: "v1" })))["actor"], "other");
});
