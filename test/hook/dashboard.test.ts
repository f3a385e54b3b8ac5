import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { signInsPerMinute } from "../../hook/routes/rate-limits.ts";
import { dashboardConfig, dashboardTokens } from "../support/dashboard.ts";
import { readConfig, startHook, type TestHook, temporaryFolder } from "../support/hook.ts";

const services = ["blog", "shop"];
const config = dashboardConfig({ services });
const json = { "content-type": "application/json" };

interface Browserlike {
  cookie: string;
  csrfToken: string;
}

async function signIn(origin: string, token: string, headers: Record<string, string> = { origin }) {
  const response = await fetch(`${origin}/dashboard/session`, {
    method: "POST",
    headers: { ...json, ...headers },
    body: JSON.stringify({ token }),
  });
  const body = (await response.json()) as { csrfToken?: string };
  const setCookie = response.headers.get("set-cookie") ?? "";
  return {
    response,
    body,
    setCookie,
    cookie: setCookie.split(";")[0] ?? "",
    csrfToken: body.csrfToken ?? "",
  };
}

function post(
  origin: string,
  path: string,
  { cookie, csrfToken }: Browserlike,
  headers: Record<string, string> = {},
) {
  return fetch(`${origin}/api/${path}`, {
    method: "POST",
    headers: { ...json, origin, cookie, "x-csrf-token": csrfToken, ...headers },
    body: "{}",
  });
}

function get(origin: string, path: string, cookie: string) {
  return fetch(`${origin}/api/${path}`, { headers: { cookie } });
}

describe("a session of the dashboard", () => {
  let hook: TestHook;
  before(async () => {
    hook = await startHook(config);
  });
  after(() => hook.stop());

  test("is a cookie that no script reads and no other site sends, in exchange for a token", async () => {
    const { response, body, setCookie } = await signIn(hook.origin, dashboardTokens.deploy);
    assert.equal(response.status, 200);
    assert.match(setCookie, /^statigo=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=604800$/);
    const { csrfToken, ...rest } = body as Record<string, unknown>;
    assert.deepEqual(rest, { signedIn: true, name: "deploy", scopes: ["read", "deploy"], services: null });
    assert.match(String(csrfToken), /^[\w-]{43}$/);
  });

  test("may what its token may, and does it under its name", async () => {
    const reader = await signIn(hook.origin, dashboardTokens.read);
    assert.equal((await get(hook.origin, "services", reader.cookie)).status, 200);
    assert.equal((await post(hook.origin, "services/blog/pause", reader)).status, 403);
    const anna = await signIn(hook.origin, dashboardTokens.admin);
    assert.equal((await post(hook.origin, "services/blog/pause", anna)).status, 200);
    assert.equal(hook.store.serviceState("blog").pausedBy, "anna");
  });

  test("changes nothing for a request without its token, or of another site's page", async () => {
    const anna = await signIn(hook.origin, dashboardTokens.admin);
    const refused: [Record<string, string>, string][] = [
      [{ "x-csrf-token": "" }, "no token"],
      [
        { "x-csrf-token": (await signIn(hook.origin, dashboardTokens.admin)).csrfToken },
        "another session's token",
      ],
      [{ origin: "https://evil.example" }, "another origin"],
      [{ origin: "null" }, "an origin that is none"],
      [{ "sec-fetch-site": "cross-site" }, "another site, as the browser says"],
      [{ "sec-fetch-site": "same-site" }, "a neighbour, as the browser says"],
    ];
    for (const [headers, what] of refused) {
      const answer = await post(hook.origin, "services/shop/pause", anna, headers);
      assert.equal(answer.status, 403, what);
    }
    assert.equal(hook.store.serviceState("shop").pausedAtMs, null);
    assert.equal(
      (await post(hook.origin, "services/shop/pause", anna, { "sec-fetch-site": "same-origin" })).status,
      200,
    );
  });

  test("begins only from the hook's own page, so that nobody is signed in by another site", async () => {
    const { response, setCookie } = await signIn(hook.origin, dashboardTokens.admin, {
      origin: "https://evil.example",
    });
    assert.equal(response.status, 403);
    assert.equal(setCookie, "");
  });

  test("is over for good when somebody signs out", async () => {
    const anna = await signIn(hook.origin, dashboardTokens.admin);
    const leave = await fetch(`${hook.origin}/dashboard/session`, {
      method: "DELETE",
      headers: { cookie: anna.cookie, origin: hook.origin, "x-csrf-token": anna.csrfToken },
    });
    assert.equal(leave.status, 200);
    assert.match(leave.headers.get("set-cookie") ?? "", /^statigo=; .*Max-Age=0$/);
    assert.equal((await get(hook.origin, "services", anna.cookie)).status, 401);
  });

  test("is not in the store itself: only its hash is", async () => {
    const { cookie } = await signIn(hook.origin, dashboardTokens.read);
    const id = cookie.replace("statigo=", "");
    assert.equal(hook.store.findSession(id), undefined);
    assert.doesNotMatch(hook.log(), new RegExp(id));
    assert.doesNotMatch(hook.log(), new RegExp(dashboardTokens.read));
  });

  test("ends with its token: one that is taken out of the config or changed signs out who came with it", async () => {
    const anna = await signIn(hook.origin, dashboardTokens.admin);
    hook.reload(readConfig(config.replace(dashboardTokens.admin, "another-token-0123456789"), hook.folder));
    assert.equal((await get(hook.origin, "services", anna.cookie)).status, 401);
    hook.reload(readConfig(config, hook.folder));
    assert.equal((await get(hook.origin, "services", anna.cookie)).status, 200);
  });

  test("with a wrong token is refused, and after some of them a minute is answered 429", async () => {
    const wrong = Array.from({ length: signInsPerMinute + 1 }, () =>
      signIn(hook.origin, "wrong-token-0123456789"),
    );
    const statuses = (await Promise.all(wrong)).map(({ response }) => response.status);
    assert.equal(statuses.filter((status) => status === 401).length, signInsPerMinute);
    assert.equal(statuses.filter((status) => status === 429).length, 1);
    assert.equal((await signIn(hook.origin, dashboardTokens.read)).response.status, 200);
  });

  test("that is none is 401 for the API, and said without an error to the page", async () => {
    assert.equal((await get(hook.origin, "services", "statigo=x")).status, 401);
    const asked = await fetch(`${hook.origin}/dashboard/session`);
    assert.deepEqual(await asked.json(), { signedIn: false });
  });
});

test("a session outlives a restart of the hook, and not its own time", async () => {
  const folder = temporaryFolder();
  const first = await startHook(`${config}\ndashboard: { session: 1m }`, { folder });
  const { cookie } = await signIn(first.origin, dashboardTokens.read);
  await first.stop();
  const second = await startHook(config, { folder });
  assert.equal((await get(second.origin, "services", cookie)).status, 200);
  const { now } = Date;
  Date.now = () => now() + 61_000;
  try {
    assert.equal((await get(second.origin, "services", cookie)).status, 401);
  } finally {
    Date.now = now;
  }
  await second.stop();
});

describe("behind a proxy", () => {
  const proxied = dashboardConfig({
    services,
    more: [
      "trustedProxies: [127.0.0.1]",
      "dashboard: { proxy: { header: Remote-User, scope: read, users: { anna: admin } } }",
    ].join("\n"),
  });
  const session = async (origin: string, headers: Record<string, string>) => {
    const response = await fetch(`${origin}/dashboard/session`, { headers });
    const cookie = (response.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    return { body: (await response.json()) as Record<string, unknown>, cookie };
  };
  let hook: TestHook;
  before(async () => {
    hook = await startHook(proxied);
  });
  after(() => hook.stop());

  test("with https the cookie is Secure, and cannot be set by a neighbouring host", async () => {
    const { setCookie } = await signIn(hook.origin, dashboardTokens.read, {
      origin: hook.origin.replace("http", "https"),
      "x-forwarded-proto": "https",
    });
    assert.match(
      setCookie,
      /^__Host-statigo=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=604800; Secure$/,
    );
  });

  test("who is vouched for is signed in, with the rights that the config gives", async () => {
    const anna = await session(hook.origin, { "remote-user": "anna" });
    assert.deepEqual(anna.body["scopes"], ["read", "deploy", "admin"]);
    const other = await session(hook.origin, { "remote-user": "bert" });
    assert.deepEqual(other.body["scopes"], ["read"]);
  });

  test("a session is its user's only, and over when the proxy says nothing any more", async () => {
    const { cookie } = await session(hook.origin, { "remote-user": "anna" });
    const ask = (headers: Record<string, string>) =>
      fetch(`${hook.origin}/api/services`, { headers: { cookie, ...headers } });
    assert.equal((await ask({ "remote-user": "anna" })).status, 200);
    assert.equal((await ask({ "remote-user": "bert" })).status, 401);
    assert.equal((await ask({})).status, 401);
  });

  test("whoever is no trusted proxy signs in nobody with that header", async () => {
    hook.reload(
      readConfig(proxied.replace("trustedProxies: [127.0.0.1]", "trustedProxies: [192.0.2.1]"), hook.folder),
    );
    const { body } = await session(hook.origin, { "remote-user": "anna" });
    assert.deepEqual(body, { signedIn: false });
    hook.reload(readConfig(proxied, hook.folder));
  });

  test("a user's name that is not plain text is nobody's", async () => {
    const { body } = await session(hook.origin, { "remote-user": "an na" });
    assert.deepEqual(body, { signedIn: false });
  });
});

describe("the page", () => {
  test("allows no script, style, frame or host but the hook's own", async () => {
    const hook = await startHook(config);
    const { headers } = await fetch(`${hook.origin}/dashboard/`);
    const policy = headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self';/);
    assert.doesNotMatch(policy, /unsafe|https?:|data:|\*/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("referrer-policy"), "no-referrer");
    assert.equal(headers.get("x-frame-options"), "DENY");
    await hook.stop();
  });

  test("is where a browser is led that asks for the hook's address; a health check gets its 204", async () => {
    const hook = await startHook(config);
    const asBrowser = await fetch(`${hook.origin}/`, {
      headers: { accept: "text/html,*/*" },
      redirect: "manual",
    });
    assert.equal(asBrowser.status, 302);
    assert.equal(asBrowser.headers.get("location"), "dashboard/");
    assert.equal((await fetch(`${hook.origin}/`)).status, 204);
    await hook.stop();
  });

  test("can be switched off, and its sessions with it", async () => {
    const hook = await startHook(`${config}\ndashboard: { enabled: false }`);
    assert.equal((await fetch(`${hook.origin}/dashboard/`)).status, 404);
    assert.equal((await signIn(hook.origin, dashboardTokens.admin)).response.status, 404);
    await hook.stop();
  });
});
