/** Every known class of attack on receivers of webhooks, over HTTP and against a whole hook. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { existsSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import { parseConfig } from "../../hook/config/load.ts";
import { sources } from "../../hook/source/index.ts";
import {
  apiToken,
  configOf,
  dockerHubBody,
  postWebhook,
  script,
  secretOf,
  startHook,
  type TestHook,
  temporaryFolder,
  until,
} from "../support/hook.ts";
import { listFixtures, readFixture, sendFixture } from "../support/webhooks.ts";

const wrongSecret = "wrong-secret-0123456789";
const notFound = '{"error":{"code":"not_found","message":"there is nothing here"}}';

let hook: TestHook;
const routes: { method: string; url: string }[] = [];
before(async () => {
  hook = await startHook(configOf({ blog: script("echo $STATIGO_TAG"), site: script("exit 0") }), {
    beforeStart: ({ app }) => listRoutes(app),
  });
});
after(() => hook.stop());

/** Routes are made when the app gets ready, after this. */
function listRoutes(app: FastifyInstance): void {
  app.addHook("onRoute", ({ method, url }) => {
    for (const one of [method].flat()) routes.push({ method: one, url });
  });
}

const urlOf = (service = "blog", secret = secretOf(service)) => `${hook.origin}/hooks/${service}/${secret}`;

function countDeployments(): number {
  return hook.store.list({ limit: 200 }).length;
}

/** A connection that says what it is given and gathers what comes back. */
class Wire {
  readonly socket: Socket;
  received = "";
  isClosed = false;

  constructor(origin = hook.origin) {
    this.socket = connect(Number(new URL(origin).port), "127.0.0.1");
    this.socket.on("data", (chunk) => {
      this.received += chunk;
    });
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.isClosed = true;
    });
  }

  send(text: string | Buffer): this {
    if (!this.isClosed) this.socket.write(text);
    return this;
  }

  async until(pattern: RegExp): Promise<string> {
    await until(`an answer like ${pattern}`, () => pattern.test(this.received));
    return this.received;
  }

  untilClosed(timeoutMs = 5000): Promise<void> {
    return until("the end of the connection", () => this.isClosed, timeoutMs);
  }
}

const head = (path: string, ...lines: string[]) =>
  [`POST ${path} HTTP/1.1`, "Host: hook", ...lines, "", ""].join("\r\n");
const json = "Content-Type: application/json";
const pathOf = (secret: string) => `/hooks/blog/${secret}`;

describe("timing", () => {
  test("tells nothing: an unknown service is refused by the same work and the same bytes as a wrong secret", async () => {
    const answers: string[] = [];
    for (const path of [
      "/hooks/nobody/x",
      "/hooks/blog/x",
      pathOf(secretOf("blog").slice(0, -1)),
      pathOf(""),
    ]) {
      const wire = new Wire().send(head(path, json, "Content-Length: 0", "Connection: close"));
      await wire.untilClosed();
      answers.push(wire.received.replace(/^date: .*$/im, ""));
    }
    assert.equal(new Set(answers).size, 1, answers.join("\n"));
    assert.ok(answers[0]?.endsWith(notFound));
  });
});

describe("a secret that is optional", () => {
  const without: [what: string, yaml: (text: string) => string][] = [
    ["no secret", (text) => text.replace(/ +secret: .*\n/, "")],
    ["an empty secret", (text) => text.replace(/secret: .*/, 'secret: ""')],
    ["a secret of null", (text) => text.replace(/secret: .*/, "secret:")],
    ["a short secret", (text) => text.replace(/secret: .*/, "secret: letmein")],
    [
      "a secret from a variable that is not set",
      (text) => text.replace(/secret: .*/, "secret: { env: NOT_SET }"),
    ],
    [
      "a secret from a variable that is empty",
      (text) => text.replace(/secret: .*/, "secret: { env: EMPTY }"),
    ],
    ["an empty list of secrets", (text) => text.replace(/secret: .*/, "secret: []")],
    ["an empty list of keys", (text) => text.replace("target:", "webhook: { signing: [] }\n    target:")],
    ["an empty key", (text) => text.replace("target:", 'webhook: { signing: [""] }\n    target:')],
  ];
  for (const [what, change] of without) {
    test(`is impossible: a config with ${what} does not start`, () => {
      const yaml = change(configOf({ blog: script("exit 0") }));
      const result = parseConfig(yaml, "hook.yaml", { EMPTY: "" });
      assert.ok("problems" in result, "it was taken");
    });
  }
});

describe("side routes", () => {
  /** What anybody may ask for: whether the hook is there, what it counts unless that has a token, and the page to sign in. */
  const open = new Set([
    "/",
    "/health",
    "/metrics",
    "/api/openapi.json",
    "/dashboard",
    "/dashboard/",
    "/dashboard/*",
    "/dashboard/session",
  ]);

  test("tell a stranger who asks for the dashboard's session only that there is none", async () => {
    const answer = await fetch(`${hook.origin}/dashboard/session`);
    assert.deepEqual([answer.status, await answer.json()], [200, { signedIn: false }]);
    assert.equal(answer.headers.get("set-cookie"), null);
  });

  test("are either known to be open or answer nothing without a secret or a token, by any method", async () => {
    await hook.app.ready();
    assert.ok(routes.length > 5);
    for (const { method, url } of routes.filter((route) => !open.has(route.url))) {
      const path = url.replace(":service/:secret", `blog/${wrongSecret}`).replaceAll(/:\w+/g, "1");
      const answer = await fetch(`${hook.origin}${path}`, { method });
      assert.equal(answer.status, url.startsWith("/hooks/") ? 404 : 401, `${method} ${url}`);
    }
  });

  test("are no more than these: every other path and method is not found", async () => {
    const methods = ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"];
    const paths = [
      "/hooks",
      "/hooks/blog",
      `/hooks/blog/${secretOf("blog")}/`,
      "/hook.db",
      "/.git/config",
      "/debug",
    ];
    for (const method of methods) {
      for (const path of paths) {
        const answer = await fetch(`${hook.origin}${path}`, { method });
        assert.equal(answer.status, 404, `${method} ${path}`);
      }
    }
    const isReading = (method: string) => method === "GET" || method === "HEAD";
    for (const method of methods.filter((method) => method !== "OPTIONS"))
      assert.equal((await fetch(urlOf(), { method })).status, isReading(method) ? 405 : 404, method);
  });

  test("tell a stranger who asks with OPTIONS or HEAD nothing that a POST would not", async () => {
    for (const method of ["OPTIONS", "HEAD"]) {
      const unknown = await fetch(urlOf("nobody", wrongSecret), { method });
      const wrong = await fetch(urlOf("blog", wrongSecret), { method });
      assert.deepEqual([unknown.status, wrong.status], [404, 404]);
      assert.equal(wrong.headers.get("allow"), null);
    }
  });

  test("cannot be reached by another spelling of a path", async () => {
    const before = countDeployments();
    const secret = secretOf("blog");
    for (const path of [
      `//hooks/blog/${secret}`,
      `/HOOKS/blog/${secret}`,
      `/hooks/blog;x/${secret}`,
      `/x/../hooks/blog/${wrongSecret}`,
      "/api/../api/deployments",
      "/api%2fdeployments",
    ]) {
      const wire = new Wire().send(head(path, json, "Content-Length: 2", "Connection: close")).send("{}");
      await wire.untilClosed();
      assert.match(wire.received, /^HTTP\/1\.1 404 /, path);
    }
    assert.equal(countDeployments(), before);
  });
});

describe("a body that is sent before anybody asked for it", () => {
  for (const length of ["Content-Length: 8589934592", "Transfer-Encoding: chunked"]) {
    test(`with ${length} is not read from a stranger: answered at once, then cut off`, async () => {
      const wire = new Wire().send(head(pathOf(wrongSecret), json, length));
      await wire.until(/^HTTP\/1\.1 404 /);
      assert.match(wire.received, /\r\nconnection: close\r\n/i);
      await sendUntilCut(wire);
    });

    test(`with ${length} is read from a real sender up to 1 MiB`, async () => {
      const wire = new Wire().send(head(pathOf(secretOf("blog")), json, length));
      // What is announced is refused before it comes, what is not is counted.
      if (length.startsWith("Content")) await wire.until(/^HTTP\/1\.1 413 /);
      await sendUntilCut(wire);
      assert.match(wire.received, /^HTTP\/1\.1 413 /);
    });
  }

  /** What the other side takes before it is cut off fits into the buffers between. */
  async function sendUntilCut(wire: Wire): Promise<void> {
    const chunk = Buffer.from(`10000\r\n${" ".repeat(65_536)}\r\n`);
    const limitBytes = 64 * 1024 * 1024;
    let sentBytes = 0;
    while (!wire.isClosed && sentBytes < limitBytes) {
      wire.send(chunk);
      sentBytes += chunk.length;
      await sleep(wire.socket.writableLength > 1024 * 1024 ? 5 : 0);
    }
    assert.ok(wire.isClosed, `${sentBytes} bytes were taken`);
  }

  test("is not held in memory, however many do it", async () => {
    const before = process.memoryUsage().rss;
    const wires = Array.from({ length: 50 }, () =>
      new Wire()
        .send(head(pathOf(wrongSecret), json, "Content-Length: 8589934592"))
        .send(Buffer.alloc(65_536)),
    );
    await Promise.all(wires.map((wire) => wire.untilClosed()));
    const grownBytes = process.memoryUsage().rss - before;
    assert.ok(grownBytes < 100 * 1024 * 1024, `${grownBytes} bytes`);
  });
});

describe("bodies made to break a parser", () => {
  const deep = (open: string, close: string) => `${open.repeat(200_000)}1${close.repeat(200_000)}`;
  const bodies: [what: string, body: string | Buffer][] = [
    ["lists 200,000 deep", deep("[", "]")],
    ["objects 120,000 deep", `${'{"a":'.repeat(120_000)}1${"}".repeat(120_000)}`],
    ["an open list 1,000,000 deep", "[".repeat(1_000_000)],
    ["__proto__ as a key", '{"__proto__":{"tag":"v1","push_data":{},"repository":{}}}'],
    ["constructor.prototype as keys", '{"constructor":{"prototype":{"tag":"v1"}}}'],
    ["numbers beyond any", '{"push_data":{"tag":"v1","pushed_at":1e999},"repository":{"repo_name":1e999}}'],
    ["a number of a million digits", `{"tag":${"9".repeat(1_000_000)}}`],
    ["invalid UTF-8", Buffer.from('{"tag":"v\xff\xfe1"}', "latin1")],
    ["overlong UTF-8", Buffer.from([0x7b, 0xc0, 0xa2, 0x7d])],
    ["NUL in the tag", '{"tag":"v1\\u0000"}'],
    ["a lone surrogate in the tag", '{"tag":"v1\\ud800"}'],
    ["NUL bytes", Buffer.alloc(1000)],
    ["a tag of a million letters", `{"tag":"${"a".repeat(1_000_000)}"}`],
    ["a hundred thousand keys", `{${Array.from({ length: 60_000 }, (_, index) => `"k${index}":1`).join()}}`],
    ["a text instead of an object", '"tag"'],
    ["two objects", '{"tag":"v1"}{"tag":"v2"}'],
    ["comments", '{/* */"tag":"v1"}'],
    ["NaN", '{"tag":NaN}'],
  ];
  for (const [what, body] of bodies) {
    test(`are refused: ${what}`, async () => {
      const before = countDeployments();
      const answer = await fetch(urlOf(), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: new Uint8Array(Buffer.from(body)),
      });
      assert.ok(answer.status === 400 || answer.status === 422, String(answer.status));
      assert.equal(countDeployments(), before);
      assert.equal((await fetch(`${hook.origin}/health`)).status, 204);
    });
  }

  test("leave every object as it was", () => {
    assert.equal(Object.hasOwn(Object.prototype, "tag"), false);
    assert.equal(({} as Record<string, unknown>)["push_data"], undefined);
  });

  test("with a key twice mean what the last one says, to every part that reads them", async () => {
    const body = '{"tag":"latest","tag":"twice-1"}';
    const answer = await postWebhook(urlOf(), body);
    assert.equal(answer.status, 202);
    const { deployments } = (await answer.json()) as { deployments: { tag: string }[] };
    assert.equal(deployments[0]?.tag, "twice-1");
  });

  test("of every sender, with each of their values in turn made something else, crash nothing", async () => {
    const odd: unknown[] = [null, Number.MAX_VALUE, [], {}, "", "\u0000", ["v1"], { toString: "x" }];
    let sent = 0;
    for (const { name: source } of sources) {
      for (const name of listFixtures(source)) {
        const fixture = readFixture(source, name);
        if (!fixture.raw.toString().startsWith("{")) continue;
        const body = JSON.parse(fixture.raw.toString());
        for (const [index, path] of pathsOf(body).entries()) {
          const changed = withValue(body, path, odd[index % odd.length]);
          const { headers, search } = fixture;
          const payload = JSON.stringify(changed);
          const answer = await hook.app.inject({
            method: "POST",
            url: `/hooks/blog/${secretOf("blog")}${search}`,
            headers,
            payload,
          });
          assert.ok(answer.statusCode < 500, `${source}/${name} ${path.join(".")}: ${answer.body}`);
          sent++;
        }
      }
    }
    assert.ok(sent > 100, String(sent));
    assert.doesNotMatch(hook.log(), /a request failed/);
  });
});

type Path = readonly (string | number)[];

function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...path, key]))].slice(
    0,
    60,
  );
}

function withValue(value: unknown, [head, ...rest]: Path, odd: unknown): unknown {
  if (head === undefined) return odd;
  if (Array.isArray(value))
    return value.map((inner, index) =>
      String(index) === String(head) ? withValue(inner, rest, odd) : inner,
    );
  return Object.fromEntries(
    Object.entries(value as object).map(([key, inner]) => [
      key,
      key === head ? withValue(inner, rest, odd) : inner,
    ]),
  );
}

describe("URLs in a body (SSRF)", () => {
  test("are never fetched, of whatever sender and in whatever field", async () => {
    let connections = 0;
    const listener = createServer((socket) => {
      connections++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    const trap = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
    for (const { name: source } of sources) {
      for (const name of listFixtures(source)) {
        const fixture = readFixture(source, name);
        const raw = fixture.raw
          .toString()
          .replaceAll(/(https?:\/\/|%3A%2F%2F)[\w.:-]+/g, (_, scheme) => `${scheme}${trap}`);
        const headers = {
          "webhook-request-callback": `http://${trap}/`,
          "webhook-request-origin": trap,
          referer: `http://${trap}/`,
          "x-forwarded-host": trap,
        };
        const answer = await sendFixture(urlOf(), { ...fixture, raw: Buffer.from(raw) }, headers);
        assert.ok(answer.status < 500, `${source}/${name}`);
      }
    }
    const body = {
      ...JSON.parse(dockerHubBody("stut/blog", "ssrf-1")),
      callback_url: `http://${trap}/callback`,
    };
    assert.equal((await postWebhook(urlOf(), JSON.stringify(body))).status, 202);
    await fetch(urlOf(), { method: "OPTIONS", headers: { "webhook-request-callback": `http://${trap}/` } });
    await sleep(200);
    assert.equal(connections, 0);
    listener.close();
  });
});

describe("commands in a field", () => {
  const folder = temporaryFolder();
  const trap = join(folder, "was-here");
  const injections = [
    `$(touch ${trap})`,
    `\`touch ${trap}\``,
    `v1;touch ${trap}`,
    `v1\ntouch ${trap}`,
    `v1|touch ${trap}`,
    `v1&&touch ${trap}`,
    "--privileged",
    "-rf",
    "../../etc/passwd",
    "v1 v2",
    "v1\u0000",
    "%24%28reboot%29",
    "\u202ev1",
    "ｖ１",
    "v1\r\nX-Injected: 1",
  ];
  for (const tag of injections) {
    test(`are no tag: ${JSON.stringify(tag).replace(folder, "")}`, async () => {
      const before = countDeployments();
      for (const body of [dockerHubBody("stut/blog", tag), JSON.stringify({ tag })]) {
        const answer = await postWebhook(urlOf(), body);
        assert.ok(answer.status === 422 || answer.status === 202, String(answer.status));
        assert.equal(answer.headers.get("x-injected"), null);
        assert.doesNotMatch(await answer.text(), /was-here|passwd|reboot/);
      }
      const search = `?tag=${encodeURIComponent(tag)}`;
      assert.equal((await fetch(`${urlOf()}${search}`, { method: "POST" })).status, 422);
      assert.equal(countDeployments(), before);
    });

    test(`are no image: ${JSON.stringify(tag).replace(folder, "")}`, async () => {
      const before = countDeployments();
      for (const image of [tag, `stut/blog${tag}`, `${tag}/blog`]) {
        const answer = await postWebhook(urlOf(), JSON.stringify({ tag: "v1", image }));
        assert.equal(answer.status, 202);
        assert.match(await answer.text(), /the repository is not this service's/);
      }
      assert.equal(countDeployments(), before);
    });
  }

  test("were run nowhere", () => assert.equal(existsSync(trap), false));

  test("of who pushed or what it is called are shown as letters only", async () => {
    const answer = await postWebhook(
      urlOf(),
      JSON.stringify({ tag: "pusher-1", pusher: "\u001b[31mroot\u202e\n\u0000x".repeat(50) }),
    );
    const { deployments } = (await answer.json()) as { deployments: { id: number }[] };
    const pusher = hook.store.find(deployments[0]?.id ?? 0)?.pusher ?? "";
    assert.match(pusher, /^[\x20-\x7e]{1,100}$/);
  });
});

describe("a replayed delivery", () => {
  const githubKey = "It's a Secret to Everybody";
  const webhooksKey = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  let signed: TestHook;
  before(async () => {
    const web = "image: ghcr.io/acme/web\n    aliases: [registry.example/acme/web]";
    const keys = JSON.stringify([githubKey, webhooksKey]);
    const yaml = configOf({ blog: script("exit 0") })
      .replace("image: stut/blog", web)
      .replace("target:", () => `webhook: { signing: ${keys} }\n    dedupe: 0s\n    target:`);
    signed = await startHook(yaml);
  });
  after(() => signed.stop());

  const signedUrl = () => `${signed.origin}/hooks/blog/${secretOf("blog")}`;

  async function statusOf(answer: Promise<Response>): Promise<string> {
    const { status, error } = (await (await answer).json()) as { status?: string; error?: { code: string } };
    return status ?? error?.code ?? "";
  }

  test("of the same body is a duplicate, also under another delivery id", async () => {
    const fixture = readFixture("github", "registry-package-published");
    assert.equal(await statusOf(sendFixture(signedUrl(), fixture)), "accepted");
    assert.equal(await statusOf(sendFixture(signedUrl(), fixture)), "duplicate");
    const more = { "x-github-delivery": "00000000-0000-0000-0000-000000000000" };
    assert.equal(await statusOf(sendFixture(signedUrl(), fixture, more)), "duplicate");
    assert.equal(signed.store.list({ limit: 10 }).length, 1);
  });

  test("with an old time is refused, and so is one with a new time and the old signature", async () => {
    const fixture = readFixture("standard-webhooks", "signed");
    assert.equal(await statusOf(sendFixture(signedUrl(), fixture)), "bad_signature");
    const more = { "webhook-timestamp": String(Math.floor(Date.now() / 1000)) };
    assert.equal(await statusOf(sendFixture(signedUrl(), fixture, more)), "bad_signature");
  });

  test("of the same id within the time that is allowed is a duplicate", async () => {
    const { raw } = readFixture("standard-webhooks", "signed");
    const key = Buffer.from(webhooksKey.slice("whsec_".length), "base64");
    const send = (id: string, awaySeconds: number) => {
      const timestamp = String(Math.floor(Date.now() / 1000) + awaySeconds);
      const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${raw}`).digest("base64");
      const headers = {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": `v1,${signature}`,
      };
      return statusOf(fetch(signedUrl(), { method: "POST", headers, body: new Uint8Array(raw) }));
    };
    assert.equal(await send("msg_1", 0), "accepted");
    assert.equal(await send("msg_1", -60), "duplicate");
    assert.equal(await send("msg_1", -400), "bad_signature");
  });

  test("that was signed for another service's key is refused", async () => {
    const fixture = readFixture("gitea", "package-created");
    assert.equal(await statusOf(sendFixture(signedUrl(), fixture)), "bad_signature");
  });

  test("says the id of the first, so that a sender's retry after a lost answer loses nothing", async () => {
    const more = { "idempotency-key": "retry-1" };
    const send = async () => {
      const headers = { "content-type": "application/json", ...more };
      const answer = await fetch(urlOf("site"), { method: "POST", headers, body: '{"tag":"retry-1"}' });
      return (await answer.json()) as { status: string; deployments: { id: number }[] };
    };
    const [first, second] = [await send(), await send()];
    assert.deepEqual([first.status, second.status], ["accepted", "duplicate"]);
    assert.equal(first.deployments[0]?.id, second.deployments[0]?.id);
  });
});

describe("secrets", () => {
  const urlSecret = secretOf("blog");
  const key = "signing-key-0123456789";
  const secrets = new RegExp(`${urlSecret}|${key}|${apiToken}|probe-secret-0123456789`);

  test("are in no log, answer, metric or page of the API, however they were sent", async () => {
    const yaml = configOf({ blog: script("echo deployed") }).replace(
      "target:",
      () => `webhook: { signing: [${key}] }\n    target:`,
    );
    const own = await startHook(yaml);
    const shown: string[] = [];
    const send = async (
      path: string,
      headers: Record<string, string> = {},
      body = dockerHubBody("stut/blog", "v1"),
    ) => {
      const type = { "content-type": "application/json" };
      const answer = await fetch(`${own.origin}${path}`, {
        method: "POST",
        headers: { ...type, ...headers },
        body,
      });
      shown.push(JSON.stringify([...answer.headers]), await answer.text());
    };
    const good = `/hooks/blog/${urlSecret}`;
    const probe = "probe-secret-0123456789";
    await send(good, { authorization: key });
    await send(good, { authorization: `Bearer ${key}` }, "{");
    await send(good, { authorization: `Bearer ${key}` }, `{"${urlSecret}":"${key}"}`);
    await send(good, { authorization: `Bearer ${probe}`, "x-gitlab-token": probe });
    await send(good, { "x-github-event": "package", "x-hub-signature-256": `sha256=${key}` });
    await send(good, { "x-gitlab-event": "Pipeline Hook", "x-gitlab-token": probe });
    await send(good, { "content-type": `text/${probe}` });
    await send(`${good}/${probe}`);
    await send(`${good}?token=${probe}`);
    await send(`/hooks/blog/${probe}`);
    await send(`/hooks/${probe}/${urlSecret}`);
    await send(`/${urlSecret}`, { cookie: probe, referer: `${own.origin}${good}`, "user-agent": probe });
    await send(`/hooks/blog/%zz${urlSecret}`);
    for (const path of [
      "/api/deployments",
      "/api/services",
      "/api/services/blog",
      "/api/deployments/1",
      "/metrics",
      `/api/${probe}`,
    ]) {
      const answer = await fetch(`${own.origin}${path}`, {
        headers: { authorization: `Bearer ${apiToken}` },
      });
      shown.push(JSON.stringify([...answer.headers]), await answer.text());
    }
    const broken = new Wire(own.origin).send(
      `POST ${good} HTTP/1.1\r\nHost: a\r\nAuthorization: ${key}\r\nBroken\r\n\r\n`,
    );
    await broken.untilClosed();
    own.store.close();
    await send(good, { authorization: key });
    const log = own.log();
    await own.stop();
    assert.match(log, /"code":"bad_signature"/);
    assert.doesNotMatch(log, secrets);
    assert.doesNotMatch(`${shown.join("\n")}\n${broken.received}`, secrets);
  });
});

async function startOwn(context: TestContext, more = ""): Promise<TestHook> {
  const own = await startHook(configOf({ blog: script("exit 0") }, more));
  context.after(() => own.stop());
  return own;
}

describe("who keeps a connection busy", () => {
  test("by sending a body slowly is cut off after the request's time", async (context) => {
    const own = await startOwn(context);
    // Node takes the smaller of the two for the headers' time.
    own.app.server.headersTimeout = 200;
    own.app.server.requestTimeout = 300;
    const wire = new Wire(own.origin).send(head(pathOf(secretOf("blog")), json, "Content-Length: 1000"));
    const dripping = setInterval(() => wire.send("{"), 50);
    await wire.untilClosed();
    clearInterval(dripping);
    assert.match(wire.received, /^HTTP\/1\.1 408 /);
    assert.equal(own.store.list({ limit: 10 }).length, 0);
  });

  test("by sending headers slowly is cut off after the headers' time", async (context) => {
    const own = await startOwn(context);
    own.app.server.headersTimeout = 300;
    const wire = new Wire(own.origin).send("POST / HTTP/1.1\r\nHost: a\r\n");
    const dripping = setInterval(() => wire.send("X-Y: z\r\n"), 50);
    await wire.untilClosed();
    clearInterval(dripping);
    assert.match(wire.received, /^HTTP\/1\.1 408 /);
  });

  test("has 30 s for a request and 10 s for its headers", () => {
    assert.equal(hook.app.server.requestTimeout, 30_000);
    assert.equal(hook.app.server.headersTimeout, 10_000);
  });

  test("by headers without end is refused at 16 KiB", async () => {
    const wire = new Wire().send(`POST ${pathOf(wrongSecret)} HTTP/1.1\r\nHost: a\r\n`);
    for (let sent = 0; sent < 2000 && !wire.isClosed; sent++)
      wire.send(`X-Flood-${sent}: ${"x".repeat(100)}\r\n`);
    await wire.untilClosed();
    assert.match(wire.received, /^HTTP\/1\.1 431 /);
  });

  test("by many requests at once gets each answered in its order, and no more than each asked for", async () => {
    const before = countDeployments();
    const good = dockerHubBody("stut/blog", "latest");
    const request = (secret: string, body: string) =>
      `${head(pathOf(secret), json, `Content-Length: ${Buffer.byteLength(body)}`)}${body}`;
    const pipeline = [secretOf("blog"), wrongSecret, secretOf("blog"), wrongSecret, secretOf("blog")];
    const wire = new Wire().send(pipeline.map((secret) => request(secret, good)).join(""));
    const statusLines = () => wire.received.match(/HTTP\/1\.1 \d+/g) ?? [];
    await until("five answers", () => statusLines().length >= 5);
    const statuses = statusLines().map((line) => Number(line.slice("HTTP/1.1 ".length)));
    assert.deepEqual(statuses, [202, 404, 202, 404, 202]);
    assert.equal(countDeployments(), before);
    wire.socket.destroy();
  });

  test("by hiding a request in another one's body gets no second answer", async () => {
    const before = countDeployments();
    const inner = `${head(pathOf(secretOf("blog")), json, "Content-Length: 2")}{}`;
    const smuggled: [what: string, lines: string[]][] = [
      ["two lengths", ["Content-Length: 0", `Content-Length: ${inner.length}`]],
      ["a length and chunks", [`Content-Length: ${inner.length}`, "Transfer-Encoding: chunked"]],
      ["chunks that are not the last coding", ["Transfer-Encoding: chunked, identity"]],
      ["a broken name of chunks", ["Transfer-Encoding: xchunked"]],
    ];
    for (const [what, lines] of smuggled) {
      const wire = new Wire().send(head(pathOf(wrongSecret), json, ...lines)).send(`0\r\n\r\n${inner}`);
      await wire.untilClosed();
      assert.match(wire.received, /^HTTP\/1\.1 (?:400|404) /, what);
      assert.equal((wire.received.match(/HTTP\/1\.1 \d/g) ?? []).length, 1, what);
    }
    assert.equal(countDeployments(), before);
  });
});

describe("who has very many addresses", () => {
  test("is remembered only up to a bound: the limit's memory does not grow with them", async (context) => {
    const more = "limits: { perAddress: 1 }\ntrustedProxies: [127.0.0.1]";
    const own = await startOwn(context, more);
    const guess = async (address: string) => {
      const headers = { "x-forwarded-for": address };
      const answer = await own.app.inject({ method: "POST", url: `/hooks/blog/${wrongSecret}`, headers });
      return answer.statusCode;
    };
    assert.deepEqual([await guess("192.0.2.1"), await guess("192.0.2.1")], [404, 429]);
    for (let address = 0; address < 5000; address++) {
      assert.equal(await guess(`10.0.${address >> 8}.${address & 255}`), 404);
    }
    assert.equal(await guess("192.0.2.1"), 404);
  });
});
