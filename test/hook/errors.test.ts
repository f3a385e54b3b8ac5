import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { type ErrorBody, type ErrorCode, errors } from "../../hook/http/errors.ts";
import {
  adminToken,
  apiToken,
  configOf,
  dockerHubBody,
  postWebhook,
  readConfig,
  script,
  secretOf,
  startHook,
  type TestHook,
} from "../support/hook.ts";

type Shown = { status: number; body: ErrorBody; headers: Headers };

async function read(answer: Promise<Response>): Promise<Shown> {
  const { status, headers } = await answer;
  assert.equal(headers.get("content-type"), "application/json; charset=utf-8");
  return { status, headers, body: (await (await answer).json()) as ErrorBody };
}

/** For requests that a well-behaved client cannot be made to send. */
async function readRaw({ origin }: TestHook, request: string): Promise<Shown> {
  const socket = connect(Number(new URL(origin).port), "127.0.0.1");
  let text = "";
  for await (const chunk of socket.on("connect", () => socket.write(request))) text += chunk;
  const [head = "", body = ""] = text.split("\r\n\r\n");
  const [first = "", ...lines] = head.split("\r\n");
  const headers = new Headers(lines.map((line) => line.split(": ", 2) as [string, string]));
  return { status: Number(first.split(" ")[1]), headers, body: JSON.parse(body) as ErrorBody };
}

function webhook(
  { origin }: TestHook,
  body: string,
  type = "application/json",
  more: Record<string, string> = {},
): Promise<Response> {
  const url = `${origin}/hooks/blog/${secretOf("blog")}`;
  return fetch(url, { method: "POST", headers: { "content-type": type, ...more }, body });
}

function api({ origin }: TestHook, path: string, token: string): Promise<Response> {
  return fetch(`${origin}/api/${path}`, { headers: { authorization: `Bearer ${token}` } });
}

function act({ origin }: TestHook, path: string, body = "{}", headers = {}): Promise<Response> {
  return fetch(`${origin}/api/${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json", ...headers },
    body,
  });
}

/** The service's own lines of the config, other than those it was started with. */
function reloadWith(hook: TestHook, serviceLine: string, more = ""): void {
  const yaml = configOf({ blog: script("exit 0") }, more);
  hook.reload(
    readConfig(
      yaml.replace("target:", () => `${serviceLine}\n    target:`),
      hook.folder,
    ),
  );
}

/** How each entry of the catalogue comes about. */
const causes: Readonly<Record<ErrorCode, (hook: TestHook) => Promise<Shown>>> = {
  bad_request: (hook) => readRaw(hook, "GARBAGE\r\n\r\n"),
  malformed_body: (hook) => read(webhook(hook, "{")),
  invalid_query: (hook) => read(api(hook, "deployments?limit=0", apiToken)),
  invalid_body: (hook) => read(act(hook, "services/blog/deployments", `{"tag":"no tag"}`)),
  unauthorized: (hook) => read(fetch(`${hook.origin}/api/deployments`)),
  forbidden: (hook) => read(api(hook, "audit", apiToken)),
  bad_signature: (hook) => {
    reloadWith(hook, "webhook: { signing: [signing-key-0123456789] }");
    return read(webhook(hook, dockerHubBody("stut/blog", "v1")));
  },
  too_many_requests: async (hook) => {
    reloadWith(hook, "", "limits: { perService: 1 }");
    await webhook(hook, dockerHubBody("stut/blog", "latest"));
    return read(webhook(hook, dockerHubBody("stut/blog", "v1")));
  },
  not_found: (hook) => read(fetch(`${hook.origin}/nothing`)),
  deployment_not_found: (hook) => read(api(hook, "deployments/4711", apiToken)),
  service_not_found: (hook) => read(api(hook, "services/gone", apiToken)),
  method_not_allowed: (hook) => read(fetch(`${hook.origin}/hooks/blog/${secretOf("blog")}`)),
  key_reused: async (hook) => {
    const key = { "idempotency-key": "a" };
    await act(hook, "services/blog/deployments", `{"tag":"v1"}`, key);
    return read(act(hook, "services/blog/deployments", `{"tag":"v2"}`, key));
  },
  not_cancellable: async (hook) => {
    await hook.push("v1");
    await hook.untilEnded(1);
    return read(act(hook, "deployments/1/cancel"));
  },
  not_waiting_for_approval: async (hook) => {
    await hook.push("v1");
    return read(act(hook, "deployments/1/approve"));
  },
  nothing_to_roll_back_to: (hook) => read(act(hook, "services/blog/rollback")),
  too_many_streams: (hook) => read(api(hook, "events", apiToken)),
  request_timeout: async (hook) => {
    hook.app.server.headersTimeout = 50;
    return readRaw(hook, "GET / HTTP/1.1\r\nHost:");
  },
  body_too_large: (hook) =>
    readRaw(
      hook,
      `POST /hooks/blog/${secretOf("blog")} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9999999\r\n\r\n`,
    ),
  unsupported_media_type: (hook) => read(webhook(hook, "{}", "text/plain")),
  unknown_webhook: (hook) => read(webhook(hook, "{}")),
  malformed_webhook: (hook) => read(webhook(hook, `{"push_data":1,"repository":2}`)),
  headers_too_large: (hook) => readRaw(hook, `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`),
  internal: (hook) => read(fetch(`${hook.origin}/broken`)),
  keys_unavailable: (hook) => {
    // Port 9 of loopback: nobody has the keys there.
    const oidc = "audience: a, email: a@example.com, jwksUrl: 'http://127.0.0.1:9/keys'";
    reloadWith(hook, `webhook: { oidc: { ${oidc} } }`);
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const token = `${part({ alg: "RS256", kid: "1" })}.${part({ aud: "a" })}.${part({})}`;
    return read(webhook(hook, "{}", "application/json", { authorization: `Bearer ${token}` }));
  },
  store_unavailable: (hook) => {
    hook.store.close();
    return read(webhook(hook, dockerHubBody("stut/blog", "v1")));
  },
};

describe("the catalogue of errors", () => {
  for (const code of Object.keys(errors) as ErrorCode[]) {
    test(`has ${code}, answered with ${errors[code].status} as JSON`, async () => {
      const hook = await startHook(configOf({ blog: script("exit 0") }), {
        eventStreams: { maximum: 0 },
        beforeStart: ({ app }) => {
          app.get("/broken", () => {
            throw new Error("a detail that is nobody's business");
          });
        },
      });
      try {
        const { status, body } = await causes[code](hook);
        assert.equal(status, errors[code].status);
        assert.equal(body.error.code, code);
        assert.ok(body.error.message.startsWith(errors[code].message));
        assert.doesNotMatch(JSON.stringify(body), /nobody's business|secret-0123/);
      } finally {
        await hook.stop();
      }
    });
  }

  test("says what a 401 and a 503 need in their headers", async () => {
    const hook = await startHook(configOf({ blog: script("exit 0") }));
    assert.equal((await causes.unauthorized(hook)).headers.get("www-authenticate"), "Bearer");
    assert.equal((await causes.store_unavailable(hook)).headers.get("retry-after"), "30");
    await hook.stop();
  });

  test("tells a token that is not known from none, and how a webhook may come from how a call may", async () => {
    const hook = await startHook(configOf({ blog: script("exit 0") }));
    const messageOf = async (answer: Promise<Response>) => (await read(answer)).body.error.message;
    const none = "a bearer token is needed: Authorization: Bearer <token>";
    const unknown = "a bearer token is needed: the one that was sent is not known";
    const ask = (headers: HeadersInit) => fetch(`${hook.origin}/api/services`, { headers });
    assert.equal(await messageOf(ask({})), none);
    assert.equal(await messageOf(ask({ authorization: "Basic YTpi" })), none);
    assert.equal(await messageOf(api(hook, "services", "wrong-token-0123456789")), unknown);
    const type = { "content-type": "application/x-www-form-urlencoded" };
    const wanted = "the body has another Content-Type than it must have";
    assert.equal(
      await messageOf(act(hook, "services/blog/pause", "a=b", type)),
      `${wanted}: application/json`,
    );
    assert.equal(
      await messageOf(webhook(hook, "{}", "text/plain")),
      `${wanted}: JSON, or a form with \`tag\`, or with JSON in \`payload\``,
    );
    await hook.stop();
  });

  test("says by which methods a webhook's URL is asked, to who knows it", async () => {
    const hook = await startHook(configOf({ blog: script("exit 0") }));
    const url = `${hook.origin}/hooks/blog/${secretOf("blog")}`;
    assert.equal((await fetch(url)).headers.get("allow"), "POST, OPTIONS");
    const wrong = await read(fetch(`${url}x`));
    assert.deepEqual([wrong.status, wrong.headers.get("allow")], [404, null]);
    await hook.stop();
  });

  test("gives the cause of a 500 to the log only", async () => {
    const hook = await startHook(configOf({ blog: script("exit 0") }), {
      beforeStart: ({ app }) =>
        app.get("/broken", () => {
          throw Object.assign(new Error("the cause"), { request: "a property that would be dumped" });
        }),
    });
    const answer = await fetch(`${hook.origin}/broken`);
    assert.doesNotMatch(await answer.text(), /the cause/);
    assert.match(hook.log(), /the cause/);
    assert.doesNotMatch(hook.log(), /would be dumped/);
    await hook.stop();
  });
});

test("a webhook that cannot be stored is refused, not lost: nothing is answered 202", async () => {
  const hook = await startHook(configOf({ blog: script("exit 0") }));
  hook.store.close();
  const answer = await postWebhook(
    `${hook.origin}/hooks/blog/${secretOf("blog")}`,
    dockerHubBody("stut/blog", "v1"),
  );
  assert.equal(answer.status, 503);
  assert.match(hook.log(), /a webhook could not be stored/);
  await hook.stop();
});
