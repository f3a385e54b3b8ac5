/** What the dashboard asks for beside services and deployments: how things do, what there was, what would be. */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { hashSecret } from "../../../hook/secret/secret-hash.ts";
import { type Api, apiOf, type Json } from "../../support/api.ts";
import {
  adminToken,
  configOf,
  dockerHubBody,
  postWebhook,
  script,
  secretOf,
  startHook,
  type TestHook,
  until,
} from "../../support/hook.ts";

/** Lines of a service, at their place in a config of `configOf`. */
function withLines(config: string, service: string, lines: string): string {
  return config.replace(
    `    secret: ${secretOf(service)}\n`,
    `    secret: ${secretOf(service)}\n    ${lines}\n`,
  );
}

describe("GET /api/running", () => {
  let site: Server;
  let status = 200;
  let asked = 0;
  let hook: TestHook;
  let api: Api;
  before(async () => {
    site = createServer((_request, response) => {
      asked += 1;
      response.writeHead(status).end();
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => site.once("listening", resolve));
    const { port } = site.address() as AddressInfo;
    const config = configOf({ blog: script("exit 0"), silent: script("exit 0") });
    hook = await startHook(withLines(config, "blog", `verify: { url: "http://127.0.0.1:${port}/" }`));
    api = apiOf(hook);
  });
  after(async () => {
    await hook.stop();
    site.close();
  });

  const running = async (service: string) => {
    let found: Json | undefined;
    await until("everything is looked up", async () => {
      const { services, isPending } = await api.json<{ services: Json[]; isPending: boolean }>("running");
      found = services.find((one) => one["service"] === service);
      return !isPending;
    });
    return found ?? assert.fail(`no service ${service}`);
  };

  test("says of a service without a release that there is nothing", async () => {
    const { health, deployment } = await running("blog");
    assert.deepEqual([health, deployment], ["nothing", null]);
  });

  test("asks what the health gate asks, and says what was seen", async () => {
    await hook.push("v1");
    await hook.untilEnded(1);
    const { health, healthDetail, deployment } = await running("blog");
    assert.deepEqual([health, deployment], ["healthy", 1]);
    assert.match(String(healthDetail), /^http:\/\/127\.0\.0\.1:\d+ gave status 200$/);
  });

  test("does not ask again within 15 s, however many look", async () => {
    const before = asked;
    for (let count = 0; count < 20; count += 1) await running("blog");
    assert.equal(asked, before);
  });

  test("says that it is unhealthy once a fresh look shows it", async () => {
    status = 502;
    const { now } = Date;
    Date.now = () => now() + 20_000;
    try {
      await api.get("running");
      await until("it was looked at again", async () => (await running("blog"))["health"] === "unhealthy");
      assert.match(String((await running("blog"))["healthDetail"]), /gave status 502 instead of 200–299$/);
    } finally {
      Date.now = now;
      status = 200;
    }
  });

  test("does not pretend to know what nobody can tell", async () => {
    await hook.push("v1", { service: "silent", image: "stut/silent" });
    await hook.untilEnded(2);
    const { health, healthDetail, imageBytes } = await running("silent");
    assert.deepEqual([health, imageBytes], ["unknown", null]);
    assert.match(String(healthDetail), /give the service a `verify`/);
  });
});

describe("what there was", () => {
  let hook: TestHook;
  let api: Api;
  before(async () => {
    hook = await startHook(configOf({ blog: script('test "$STATIGO_TAG" != bad'), shop: script("exit 0") }));
    api = apiOf(hook);
    for (const [index, tag] of ["v1", "bad", "v2"].entries()) {
      await hook.push(tag);
      await hook.untilEnded(index + 1);
    }
  });
  after(() => hook.stop());

  test("GET /api/recent has the last deployments of each service, newest first, and how long they took", async () => {
    const { services } = await api.json<{ services: { service: string; deployments: Json[] }[] }>(
      "recent?each=2",
    );
    assert.deepEqual(
      services.map(({ service, deployments }) => [
        service,
        deployments.map(({ tag, state }) => `${tag} ${state}`),
      ]),
      [
        ["blog", ["v2 succeeded", "bad failed"]],
        ["shop", []],
      ],
    );
    assert.ok(Number.isInteger(services[0]?.deployments[0]?.["durationMs"]));
  });

  test("GET /api/statistics counts by day and in all, and knows the rate and the time from push to live", async () => {
    const all = await api.json<Json & { days: Json[] }>("statistics?days=7");
    assert.equal(all.days.length, 7);
    const { day: today, ...counts } = all.days.at(-1) ?? {};
    assert.equal(today, new Date().toISOString().slice(0, 10));
    assert.deepEqual(
      [counts["succeeded"], counts["failed"], counts["rolledBack"], all["successRate"]],
      [2, 1, 0, 2 / 3],
    );
    // The sender says that it was pushed in 2023.
    assert.ok(Number(all["pushToLiveMs"]) > 365 * 24 * 3_600_000);
    const shop = await api.json<Json>("statistics?service=shop");
    assert.deepEqual([shop["succeeded"], shop["successRate"], shop["pushToLiveMs"]], [0, null, null]);
  });
});

describe("what would be", () => {
  let hook: TestHook;
  let api: Api;
  before(async () => {
    let config = configOf({ blog: script("exit 0"), asks: script("exit 0"), signed: script("exit 0") });
    config = withLines(config, "blog", "order: semver\n    tags: '^v'");
    config = withLines(config, "asks", "approval: true");
    config = withLines(config, "signed", "webhook: { source: github, signing: [key-0123456789-0123456789] }");
    hook = await startHook(config);
    api = apiOf(hook);
    await hook.push("v2.0.0");
    await hook.untilEnded(1);
  });
  after(() => hook.stop());

  const testDelivery = async (service: string, body: object) => {
    const answer = await api.post(`services/${service}/test-delivery`, body);
    assert.equal(answer.status, 200);
    return (await answer.json()) as { result: string; source: string; findings: string[]; steps: string[] };
  };

  for (const [service, body, result, finding] of [
    ["blog", { tag: "v2.1.0" }, "deploy", /^v2\.1\.0 would be deployed/],
    [
      "blog",
      { tag: "v2.0.0", digest: `sha256:${"a".repeat(64)}` },
      "duplicate",
      /deployment 1 .* succeeded$/,
    ],
    ["blog", { tag: "v1.0.0" }, "superseded", /older than v2\.0\.0 of deployment 1/],
    ["blog", { tag: "latest" }, "ignored", /does not match \^v/],
    ["blog", { payload: "{}" }, "refused", /no known sender's form/],
    ["blog", { payload: "{" }, "refused", /JSON/],
    ["blog", { payload: dockerHubBody("stut/other", "v3.0.0") }, "ignored", /not this service's/],
    ["blog", { payload: dockerHubBody("stut/blog", "v3.0.0") }, "deploy", /^v3\.0\.0 would be deployed/],
    ["asks", { tag: "v1" }, "wait", /wait for somebody's approval/],
    ["signed", { tag: "v1" }, "deploy", /would be deployed/],
  ] as const) {
    test(`a delivery to ${service} of ${JSON.stringify(body).slice(0, 60)}: ${result}`, async () => {
      const said = await testDelivery(service, body);
      assert.equal(said.result, result, JSON.stringify(said));
      assert.match(said.findings.join("\n"), finding);
      assert.equal(said.steps.length > 0, result === "deploy" || result === "wait");
    });
  }

  test("a paused service's delivery would wait, and why is said", async () => {
    await api.post("services/blog/pause", { reason: "the fair" });
    const { result, findings } = await testDelivery("blog", { tag: "v9.0.0" });
    await api.post("services/blog/resume");
    assert.equal(result, "wait");
    assert.match(findings[0] ?? "", /paused by root: the fair/);
  });

  test("nothing of all that was kept: no deployment, no step, no number taken", async () => {
    assert.equal(hook.store.list({ limit: 10 }).length, 1);
    const last = hook.store.lastTransitionId();
    await testDelivery("blog", { tag: "v5.0.0" });
    assert.equal(hook.store.lastTransitionId(), last);
    await hook.push("v3.0.0");
    assert.equal(hook.store.list({ limit: 10 })[0]?.id, 2);
  });

  test("a delivery of nothing is an error that says what to give", async () => {
    const answer = await api.post("services/blog/test-delivery", {});
    assert.equal(answer.status, 400);
    assert.match(await answer.text(), /give a tag or a payload/);
  });

  test("a new secret opens the webhook's URL once the config has its hash, and not before", async () => {
    const answer = await api.post("services/blog/new-secret");
    const { secret, path, config } = (await answer.json()) as Record<string, string>;
    assert.equal(path, `/hooks/blog/${secret}`);
    assert.equal(config, `{ sha256: ${hashSecret(secret ?? "").toString("hex")} }`);
    const knock = (origin: string) => postWebhook(`${origin}${path}`, dockerHubBody("stut/blog", "v1"));
    assert.equal((await knock(hook.origin)).status, 404);
    const other = await startHook(
      configOf({ blog: script("exit 0") }).replace(secretOf("blog"), config ?? ""),
    );
    assert.equal((await knock(other.origin)).status, 202);
    await other.stop();
  });

  test("set-up says where webhooks go, and what a rollback goes back to", async () => {
    await hook.untilEnded(2);
    const setUp = await api.json("services/blog/set-up");
    assert.equal(setUp["path"], "/hooks/blog/<secret>");
    assert.deepEqual(setUp["rollsBackTo"], { tag: "v2.0.0", digest: null, deployment: 1 });
    assert.deepEqual(setUp["steps"], ["The target command deploys it."]);
    assert.equal((await api.json("services/signed/set-up"))["isSigned"], true);
  });

  test("the config is shown without its secrets", async () => {
    const { yaml } = await api.json<{ yaml: string }>("services/signed/config");
    assert.match(yaml, /source: github/);
    assert.doesNotMatch(yaml, /key-0123456789|signed-secret/);
    assert.doesNotMatch(yaml, new RegExp(adminToken));
  });
});
