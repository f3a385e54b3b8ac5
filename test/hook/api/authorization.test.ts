import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { apiOf } from "../../support/api.ts";
import { configOf, script, secretOf, startHook, type TestHook, tokenEntry } from "../../support/hook.ts";
import { type Row, rows, type Scope, tokens } from "./routes.ts";

const order: readonly Scope[] = ["read", "deploy", "admin"];

let hook: TestHook;
before(async () => {
  const entries = order.map((scope) => tokenEntry(scope, tokens[scope], scope)).join(", ");
  hook = await startHook(
    configOf({ blog: script("exit 0") }).replace(/^api: .*$/m, `api: { tokens: [${entries}] }`),
  );
  await hook.push("v1");
  await hook.untilEnded(1);
});
after(() => hook.stop());

async function ask({ method, path, body }: Row, token: string): Promise<number> {
  const api = apiOf(hook, token);
  const answer = await (method === "GET" ? api.get(path) : api.post(path, body));
  await answer.body?.cancel();
  return answer.status;
}

for (const row of rows) {
  const lesser = order.slice(0, order.indexOf(row.scope));
  const enough = order.slice(order.indexOf(row.scope));

  describe(`${row.method} /api/${row.path}`, () => {
    test("answers 401 without a token, and to one that is none", async () => {
      assert.equal(await ask(row, ""), 401);
      assert.equal(await ask(row, `${tokens[row.scope]}x`), 401);
    });

    for (const scope of lesser)
      test(`answers 403 to a token for ${scope}`, async () =>
        assert.equal(await ask(row, tokens[scope]), 403));

    for (const scope of enough)
      test(`answers ${row.status} to a token for ${scope}`, async () =>
        assert.equal(await ask(row, tokens[scope]), row.status));
  });
}

test("no route and no line of the log shows a secret, whether a request is right or wrong", async () => {
  const shown: string[] = [];
  for (const token of [tokens.admin, "wrong-token-0123456789"]) {
    for (const { method, path, body } of rows.filter(({ path }) => path !== "events")) {
      const api = apiOf(hook, token);
      shown.push(await (await (method === "GET" ? api.get(path) : api.post(path, body))).text());
    }
  }
  shown.push(await (await fetch(`${hook.origin}/metrics`)).text(), hook.log());
  for (const secret of [...Object.values(tokens), "wrong-token-0123456789", secretOf("blog")]) {
    const sha256 = createHash("sha256").update(secret).digest();
    for (const form of [secret, sha256.toString("hex"), sha256.toString("base64")])
      assert.ok(!shown.join("\n").includes(form), secret);
  }
});

describe("a token for some services", () => {
  let team: TestHook;
  const only = "blog-only-token-0123456789";
  before(async () => {
    const entry = tokenEntry("team", only, "admin", ["blog"]);
    const yaml = configOf({ blog: script("exit 0"), site: script("exit 0") });
    team = await startHook(yaml.replace(/^api: \{ tokens: \[/m, (start) => `${start}${entry}, `));
    await team.push("v1");
    await team.push("v2", { service: "site", image: "stut/site" });
    for (const id of [1, 2]) await team.untilEnded(id);
    await apiOf(team).post("services/site/pause");
    await apiOf(team).post("services/blog/pause");
  });
  after(() => team.stop());

  test("lists those, their deployments and what was done with them, and nothing else", async () => {
    const api = apiOf(team, only);
    const names = (list: unknown, key: string) => (list as Record<string, unknown>[]).map((one) => one[key]);
    assert.deepEqual(names((await api.json("services"))["services"], "name"), ["blog"]);
    assert.deepEqual(names((await api.json("deployments"))["deployments"], "id"), [1]);
    assert.deepEqual(names((await api.json("audit"))["entries"], "service"), ["blog"]);
  });

  test("does not learn whether there is another service or deployment", async () => {
    const api = apiOf(team, only);
    for (const path of ["services/site", "services/gone", "deployments?service=site", "audit?service=gone"])
      assert.equal((await api.get(path)).status, 403, path);
    for (const path of ["deployments/2", "deployments/2/log", "deployments/99"])
      assert.equal((await api.get(path)).status, 404, path);
    for (const action of ["redeploy", "cancel", "approve"])
      assert.equal((await api.post(`deployments/2/${action}`)).status, 404, action);
    assert.equal((await api.post("services/site/deployments", { tag: "v3" })).status, 403);
  });

  test("sees only their events", async () => {
    const stream = await apiOf(team, only).stream("events?after=0");
    for (let count = 0; count < 4; count++) assert.equal((await stream.next())?.data["service"], "blog");
    await stream.close();
  });
});

describe("the config's tokens", () => {
  test("may be hashes: then the config need not know them", async () => {
    const sha256 = createHash("sha256").update(tokens.read).digest("hex");
    const yaml = configOf({ blog: script("exit 0") }).replace(
      /^api: .*$/m,
      `api: { tokens: [{ name: hashed, token: { sha256: "${sha256}" }, scopes: [read] }] }`,
    );
    const hashed = await startHook(yaml);
    assert.equal((await apiOf(hashed, tokens.read).get("services")).status, 200);
    assert.equal((await apiOf(hashed, sha256).get("services")).status, 401);
    await hashed.stop();
  });

  const wrong: [what: string, entries: string, problem: RegExp][] = [
    [
      "have the name of what the hook does by itself",
      tokenEntry("webhook", tokens.read, "read"),
      /use another one/,
    ],
    [
      "share a name",
      `${tokenEntry("ci", tokens.read, "read")}, ${tokenEntry("ci", tokens.admin, "read")}`,
      /must each have a name of its own/,
    ],
    ["be short", tokenEntry("ci", "short", "read"), /needs at least 16/],
    [
      "hold what no header can",
      tokenEntry("ci", "a token with blanks in it", "read"),
      /do not fit into a header/,
    ],
    ["name no service", tokenEntry("ci", tokens.read, "read", []), /must name at least one service/],
    ["have another scope", tokenEntry("ci", tokens.read, "write"), /scopes/],
  ];
  for (const [what, entries, problem] of wrong) {
    test(`may not ${what}`, async () => {
      const yaml = configOf({ blog: script("exit 0") }).replace(
        /^api: .*$/m,
        `api: { tokens: [${entries}] }`,
      );
      await assert.rejects(startHook(yaml), problem);
    });
  }
});

describe("GET /metrics", () => {
  const metricsToken = "metrics-token-0123456789";
  test("asks for its own token where the config has one, and takes no other", async () => {
    const guarded = await startHook(
      configOf({ blog: script("exit 0") }, `metrics: { token: ${metricsToken} }`),
    );
    const ask = async (token: string) =>
      (await fetch(`${guarded.origin}/metrics`, { headers: { authorization: `Bearer ${token}` } })).status;
    assert.deepEqual(
      [await ask(metricsToken), await ask(tokens.admin), await ask(`${metricsToken}x`), await ask("")],
      [200, 401, 401, 401],
    );
    assert.equal((await fetch(`${guarded.origin}/health`)).status, 204);
    assert.equal((await apiOf(guarded, metricsToken).get("services")).status, 401);
    await guarded.stop();
  });
});
