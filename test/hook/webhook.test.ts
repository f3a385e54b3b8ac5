import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { hashSecret, isSecret } from "../../hook/secret/secret-hash.ts";
import {
  configOf,
  dockerHubBody,
  postWebhook,
  script,
  secretOf,
  startHook,
  type TestHook,
} from "../support/hook.ts";
import { listFixtures, readFixture, sendFixture } from "../support/webhooks.ts";

let hook: TestHook;
before(async () => {
  hook = await startHook(configOf({ blog: script("echo deployed $STATIGO_TAG"), site: script("exit 0") }));
});
after(() => hook.stop());

/** Sends bytes and gathers the answer until the server is done or the time is over. */
async function exchange(request: string, untilMs = 500): Promise<string> {
  const socket = connect(Number(new URL(hook.origin).port), "127.0.0.1");
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk;
  });
  socket.on("error", () => {});
  socket.write(request);
  await new Promise((resolve) => {
    socket.once("close", resolve);
    setTimeout(resolve, untilMs);
  });
  socket.destroy();
  return answer;
}

function withoutDate(answer: string): string {
  return answer.replace(/^date: .*$/im, "");
}

describe("POST /hooks/<service>/<secret>", () => {
  test("stores the trigger, answers 202 with its id, and deploys it", async () => {
    const answer = await hook.push("v1");
    assert.equal(answer.status, 202);
    const { status, deployments } = (await answer.json()) as {
      status: string;
      deployments: { id: number }[];
    };
    assert.equal(status, "accepted");
    const id = deployments[0]?.id ?? 0;
    assert.deepEqual(deployments, [{ id, service: "blog", image: "stut/blog", tag: "v1", state: "waiting" }]);
    const ended = await hook.untilEnded(id);
    assert.deepEqual([ended.state, ended.source, ended.target], ["succeeded", "docker-hub", "command"]);
    assert.match(hook.logOf(id), /^deployed v1$/m);
  });

  test("answers 202 with the reason to what it does not want, and stores nothing", async () => {
    const before = hook.store.list({ limit: 200 }).length;
    const answer = await hook.push("latest");
    assert.equal(answer.status, 202);
    const reason = "the tag is `latest`, which is not deployed unless `tags` says so";
    assert.deepEqual(await answer.json(), { status: "ignored", reason });
    assert.equal(hook.store.list({ limit: 200 }).length, before);
  });

  const strangers: [what: string, path: string][] = [
    ["an unknown service", `/hooks/nobody/${secretOf("blog")}`],
    ["a wrong secret", "/hooks/blog/wrong-secret-0123456789"],
    ["another service's secret", `/hooks/blog/${secretOf("site")}`],
    ["an empty secret", "/hooks/blog/"],
    ["no secret", "/hooks/blog"],
    ["a part of the secret", `/hooks/blog/${secretOf("blog").slice(0, -1)}`],
    ["a property of every object as service", `/hooks/__proto__/${secretOf("blog")}`],
    ["something behind the secret", `/hooks/blog/${secretOf("blog")}/more`],
    ["a secret of a thousand letters", `/hooks/blog/${"a".repeat(1000)}`],
    ["broken percent-encoding", "/hooks/blog/%zz"],
  ];
  for (const [what, path] of strangers) {
    test(`with ${what} is the same 404 as any other`, async () => {
      const answer = await postWebhook(`${hook.origin}${path}`, dockerHubBody("stut/blog", "v1"));
      assert.equal(answer.status, 404);
      assert.equal(await answer.text(), '{"error":{"code":"not_found","message":"there is nothing here"}}');
    });
  }

  test("answers an unknown service and a wrong secret byte by byte the same", async () => {
    const request = (path: string) =>
      `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
    const unknown = await exchange(request("/hooks/nobody/wrong-secret-0123456789"));
    const wrong = await exchange(request("/hooks/blog/wrong-secret-0123456789"));
    assert.match(unknown, /^HTTP\/1.1 404 /);
    assert.equal(withoutDate(unknown), withoutDate(wrong));
  });

  test("takes a secret with each of its letters percent-encoded", async () => {
    const encoded = [...secretOf("blog")].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join("");
    const answer = await postWebhook(
      `${hook.origin}/hooks/blog/${encoded}`,
      dockerHubBody("stut/blog", "latest"),
    );
    assert.equal(answer.status, 202);
  });

  test("compares hashes, whatever the lengths", () => {
    const expected = hashSecret("blog-secret-0123456789");
    assert.equal(isSecret("blog-secret-0123456789", expected), true);
    for (const wrong of ["", "b", "blog-secret-012345678", "blog-secret-01234567890", "x".repeat(100_000)]) {
      assert.equal(isSecret(wrong, expected), false);
    }
  });

  test("refuses a stranger before the body is sent", async () => {
    const head = (secret: string) =>
      `POST /hooks/blog/${secret} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n`;
    const answer = await exchange(`${head("wrong-secret-0123456789")}\r\n{`);
    assert.match(answer, /^HTTP\/1.1 404 /);
    const expecting = await exchange(`${head("wrong-secret-0123456789")}Expect: 100-continue\r\n\r\n`);
    assert.match(expecting, /^HTTP\/1.1 404 /);
  });

  test("closes the connection of a stranger with a body that is too large or has no length", async () => {
    for (const length of ["Content-Length: 5000000000", "Transfer-Encoding: chunked"]) {
      const head = `POST /hooks/blog/wrong-secret-0123456789 HTTP/1.1\r\nHost: a\r\n${length}\r\n\r\n`;
      const answer = await exchange(head);
      assert.match(answer, /^HTTP\/1.1 404 [\s\S]*\r\nconnection: close\r\n/i);
    }
  });

  test("asks for the body with 100 Continue once the secret was right", async () => {
    const body = dockerHubBody("stut/blog", "latest");
    const head = `POST /hooks/blog/${secretOf("blog")} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n`;
    const length = `Content-Length: ${Buffer.byteLength(body)}\r\nExpect: 100-continue\r\n`;
    assert.match(await exchange(`${head}${length}\r\n`), /^HTTP\/1.1 100 Continue\r\n\r\n$/);
    assert.match(
      await exchange(`${head}${length}Connection: close\r\n\r\n${body}`),
      /100 Continue\r\n\r\nHTTP\/1.1 202 /,
    );
    const large = `${head}Content-Length: 5000000\r\nExpect: 100-continue\r\n\r\n`;
    assert.match(await exchange(large), /^HTTP\/1.1 413 /);
  });

  test("takes a body of 1 MiB and refuses one byte more with 413", async () => {
    const url = `${hook.origin}/hooks/blog/${secretOf("blog")}`;
    const body = dockerHubBody("stut/blog", "latest");
    assert.equal((await postWebhook(url, body.padEnd(1024 * 1024))).status, 202);
    const head = `POST /hooks/blog/${secretOf("blog")} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n`;
    const declared = await exchange(`${head}Content-Length: ${1024 * 1024 + 1}\r\n\r\n`);
    assert.match(declared, /^HTTP\/1.1 413 [\s\S]*"code":"body_too_large"/);
    const chunk = `${(1024 * 1024 + 1).toString(16)}\r\n${" ".repeat(1024 * 1024 + 1)}\r\n`;
    const chunked = await exchange(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk}`);
    assert.match(chunked, /^HTTP\/1.1 413 [\s\S]*"code":"body_too_large"/);
  });

  const types: [type: string, status: number][] = [
    ["application/json", 202],
    ["application/json; charset=utf-8", 202],
    ["Application/JSON", 202],
    ["application/vnd.docker.distribution.events.v2+json", 202],
    // Read, and found to be no CloudEvent.
    ["application/cloudevents+json; charset=utf-8", 422],
    ["application/x-www-form-urlencoded", 202],
    ["text/plain", 415],
    ["application/octet-stream", 415],
    ["nonsense", 415],
  ];
  for (const [type, status] of types) {
    test(`with the content type ${type} is answered ${status}`, async () => {
      const url = `${hook.origin}/hooks/blog/${secretOf("blog")}`;
      const body = dockerHubBody("stut/blog", "latest");
      const answer = await fetch(url, { method: "POST", headers: { "content-type": type }, body });
      assert.equal(answer.status, status);
    });
  }

  test("is the only method: GET with the right secret is a 405, which says so", async () => {
    assert.equal((await fetch(`${hook.origin}/hooks/blog/${secretOf("blog")}`)).status, 405);
  });
});

describe("the captured webhooks", () => {
  const expected: Readonly<Record<string, [image: string, tag: string]>> = {
    "tag-push": ["acme/web", "release-20230103082900"],
    "float-times": ["svendowideit/testhook", "latest"],
  };
  for (const name of listFixtures("docker-hub")) {
    test(`of Docker Hub are deployed as they came: ${name}`, async () => {
      const [image, tag] = expected[name] ?? assert.fail(`say above what ${name} asks for`);
      const yaml = configOf({ blog: script("echo $STATIGO_IMAGE") })
        .replace("image: stut/blog", `image: ${image}`)
        .replace("target:", "tags: .\n    target:");
      const own = await startHook(yaml);
      const url = `${own.origin}/hooks/blog/${secretOf("blog")}`;
      const answer = await sendFixture(url, readFixture("docker-hub", name));
      assert.equal(answer.status, 202, await answer.text());
      assert.equal((await own.untilEnded(1)).state, "succeeded");
      assert.ok(own.logOf(1).split("\n").includes(`${image}:${tag}`));
      await own.stop();
    });
  }
});

describe("the log of requests", () => {
  test("never has a secret or a path in it, right or wrong, misspelt or broken", async () => {
    const probe = "probe-secret-0123456789";
    const paths = [
      `/hooks/blog/${probe}`,
      `/hook/blog/${probe}`,
      `/hooks/${probe}`,
      `/${probe}`,
      `/hooks/blog/%zz${probe}`,
    ];
    for (const path of paths) await postWebhook(`${hook.origin}${path}`, `{"${probe}":1}`);
    await fetch(`${hook.origin}/api/deployments?token=${probe}`, {
      headers: { authorization: `Bearer ${probe}` },
    });
    await exchange(`POST /hooks/blog/${probe} HTTP/9\r\n\r\n`);
    await exchange(`POST /hooks/blog/${probe} HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`);
    await postWebhook(`${hook.origin}/hooks/blog/${secretOf("blog")}`, probe);
    assert.match(hook.log(), /"route":"\/hooks\/:service\/:secret","service":"blog"/);
    assert.doesNotMatch(hook.log(), /probe-secret|blog-secret|site-secret|api-token/);
  });
});
