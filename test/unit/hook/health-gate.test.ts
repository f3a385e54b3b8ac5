// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of the config
import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createFields } from "../../../hook/config/fields.ts";
import { type GateResult, verifyRelease } from "../../../hook/deploy/health-gate.ts";
import { createRepeatLog } from "../../../hook/deploy/repeat-log.ts";
import { verifySchema } from "../../../hook/deploy/verify.ts";
import { pauseAfter } from "../../../hook/queue/retry.ts";
import { configOf, readConfig, script } from "../../support/hook.ts";

async function serve(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Verified {
  result: GateResult;
  lines: string[];
}

/** What is healthy is so at once; what is not is asked until the end, and must have had an answer on a busy machine too. */
const longEnough = "20s";
const untilJudged = "1500ms";
const digest = `sha256:${"ab".repeat(32)}`;

async function verify(
  options: object,
  { release = { tag: "v1.2", digest: null as string | null }, signal = new AbortController().signal } = {},
): Promise<Verified> {
  const schema = verifySchema(createFields({ environment: {}, directory: "/" }));
  const gate = schema.parse({ every: "10ms", timeout: longEnough, ...options });
  const lines: string[] = [];
  const result = await verifyRelease(gate, release, { log: (line) => void lines.push(line), signal });
  return { result, lines };
}

function reasonOf({ result }: Verified): string {
  assert.ok(result.kind === "unhealthy", JSON.stringify(result));
  return result.reason;
}

describe("the health gate", { concurrency: true }, () => {
  const answers: [what: string, options: object, answer: RequestListener, expected: RegExp | "healthy"][] = [
    ["any status from 200 to 299", {}, (_, response) => response.writeHead(204).end(), "healthy"],
    ["the status that is wanted", { status: 418 }, (_, response) => response.writeHead(418).end(), "healthy"],
    [
      "one of a list",
      { status: [404, "500-503"] },
      (_, response) => response.writeHead(502).end(),
      "healthy",
    ],
    [
      "another status",
      { status: [200, "301-302"] },
      (_, response) => response.writeHead(404).end(),
      /status 404 instead of 200, 301–302$/,
    ],
    [
      "a text with the tag",
      { body: "version ${tag}!" },
      (_, response) => response.end("version v1.2!"),
      "healthy",
    ],
    [
      "another text",
      { body: "version ${tag}!" },
      (_, response) => response.end("v1.2"),
      /a body without "version v1\.2!"$/,
    ],
    [
      "a pattern with the tag",
      { pattern: "^v: *${tag}$" },
      (_, response) => response.end("v:  v1.2"),
      "healthy",
    ],
    [
      "a pattern, in which a tag's dot is a dot",
      { pattern: "^${tag}$" },
      (_, response) => response.end("v1x2"),
      /a body that does not match \^v1\\\.2\$$/,
    ],
    [
      "a header with the tag",
      { header: { name: "X-Version", value: "${tag}" } },
      (_, response) => response.setHeader("x-version", "v1.2").end(),
      "healthy",
    ],
    [
      "a header of the release before",
      { header: { name: "X-Version", value: "${tag}" } },
      (_, response) => response.setHeader("x-version", "v1.1").end(),
      /the header X-Version: "v1\.1" instead of v1\.2$/,
    ],
    [
      "no such header",
      { header: { name: "X-Version", value: "${tag}" } },
      (_, response) => response.end(),
      /no header X-Version instead of v1\.2$/,
    ],
    [
      "a redirect, which is not followed",
      {},
      (_, response) => response.writeHead(301, { location: "https://elsewhere.example/secret" }).end(),
      /status 301, a redirect to https:\/\/elsewhere\.example, which is not followed$/,
    ],
    ["nothing in time", { answer: "20ms" }, () => {}, /no answer within 0\.02 s$/],
    [
      "something that is not HTTP",
      {},
      ({ socket }) => socket.end("nonsense\r\n\r\n"),
      /could not be asked: HPE_INVALID/,
    ],
  ];
  for (const [what, options, answer, expected] of answers) {
    test(`judges ${what}`, async (t) => {
      const url = await serve(t, answer);
      const timeout = expected === "healthy" ? longEnough : untilJudged;
      const verified = await verify({ url, timeout, ...options });
      if (expected === "healthy")
        assert.equal(verified.result.kind, "healthy", JSON.stringify(verified.result));
      else assert.match(reasonOf(verified), expected);
    });
  }

  test("says that nothing listens", async () => {
    // Of the ports that a system gives out, it is none.
    const url = "http://127.0.0.1:1/";
    assert.match(
      reasonOf(await verify({ url, timeout: untilJudged })),
      /nothing listens at http:\S+: is the site running there\?$/,
    );
  });

  test("asks for what the URL says of the release, with the headers of the config", async (t) => {
    let asked = "";
    const url = await serve(t, ({ method, url: path, headers }, response) => {
      asked = `${method} ${path} ${headers.host} ${headers["x-key"]}`;
      response.end();
    });
    const headers = { host: "blog.example", "x-key": "k" };
    await verify(
      { url: `${url}/version/\${tag}?of=\${digest}`, headers, method: "HEAD" },
      { release: { tag: "v1.2", digest } },
    );
    assert.equal(asked, `HEAD /version/v1.2?of=${encodeURIComponent(digest)} blog.example k`);
  });

  test("says at once that it cannot ask for a digest that nobody knows", async () => {
    const verified = await verify({ url: "http://127.0.0.1:1/", header: { name: "x", value: "${digest}" } });
    assert.match(reasonOf(verified), /names the digest, which is not known/);
  });

  test("wants as many good answers in a row as the config says", async (t) => {
    let requests = 0;
    const url = await serve(t, (_request, response) => {
      requests += 1;
      response.writeHead(requests === 3 ? 500 : 200).end();
    });
    const { result, lines } = await verify({ url, successes: 3 });
    assert.ok(result.kind === "healthy");
    assert.equal(requests, 6);
    assert.deepEqual(lines.slice(1), [
      "good: status 200",
      "… the same once more",
      "not yet: status 500 instead of 200–299",
      "good: status 200",
      "… the same 2 times more",
    ]);
  });

  test("says when good answers did not last", async (t) => {
    let requests = 0;
    const url = await serve(t, (_request, response) =>
      response.writeHead(requests++ % 2 === 0 ? 200 : 500).end(),
    );
    const reason = reasonOf(await verify({ url, successes: 2, timeout: untilJudged }));
    assert.match(
      reason,
      /last gave status (?:500 instead of 200–299|200, good once instead of 2 times in a row)$/,
    );
  });

  test("follows as many redirects as it may, and takes no headers to another host", async (t) => {
    const seen: unknown[] = [];
    const other = await serve(t, ({ headers }, response) => {
      seen.push(headers["x-key"]);
      response.end("here");
    });
    const url = await serve(t, ({ url: path, headers }, response) => {
      seen.push(headers["x-key"]);
      response.writeHead(302, { location: path === "/" ? "/next" : other }).end();
    });
    const headers = { "x-key": "k" };
    const { result } = await verify({ url, headers, redirects: 2, body: "here" });
    assert.equal(result.kind, "healthy");
    assert.deepEqual(seen, ["k", "k", undefined]);
    assert.match(
      reasonOf(await verify({ url, redirects: 1, timeout: untilJudged })),
      /more than 1 redirects?, the last to http:/,
    );
  });

  test("reads no more of a body than it has to", async (t) => {
    const stopped = Promise.withResolvers<void>();
    const url = await serve(t, (_request, response) => {
      response.on("error", () => {}).on("close", () => stopped.resolve());
      const more = () => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
        response.once("drain", more);
      };
      more();
    });
    assert.match(
      reasonOf(await verify({ url, body: "never", timeout: untilJudged })),
      /a body without "never"$/,
    );
    await stopped.promise;
  });

  test("waits before the first request, and stops when it is told to", async (t) => {
    let requests = 0;
    const url = await serve(t, (_request, response) => {
      requests += 1;
      response.end();
    });
    const cancel = new AbortController();
    const running = verify({ url, delay: "10s", timeout: "1m" }, { signal: cancel.signal });
    await sleep(50);
    cancel.abort();
    assert.deepEqual((await running).result, { kind: "interrupted", seen: "nothing yet" });
    assert.equal(requests, 0);
  });
});

describe("`verify` in the config", () => {
  const problems: [what: string, verify: object, problem: RegExp][] = [
    [
      "a host that a webhook chooses",
      { url: "https://${tag}.example/" },
      /verify\.url: must be an http or https URL.*may stand after the host/,
    ],
    ["another protocol", { url: "file:///etc/passwd" }, /verify\.url: must be an http or https URL/],
    [
      "a password in a URL",
      { url: "https://user:word@blog.example/" },
      /verify\.url: must be an http or https URL without a user/,
    ],
    [
      "a name that is not known",
      { url: "https://blog.example/${tga}" },
      /verify\.url: \$\{tga\} is not known here; did you mean \$\{tag\}\?/,
    ],
    [
      "a pattern that is none",
      { url: "https://blog.example/", pattern: "(" },
      /verify\.pattern: not a regular expression/,
    ],
    [
      "a body of an answer without one",
      { url: "https://blog.example/", method: "HEAD", body: "a" },
      /verify: an answer to HEAD has no body/,
    ],
    ["no URL", {}, /verify\.url: missing: the URL to ask/],
    [
      "a misspelt key",
      { url: "https://blog.example/", sucesses: 2 },
      /verify\.sucesses: unknown key; did you mean `successes`\?/,
    ],
    ["a status that is none", { url: "https://blog.example/", status: 99 }, /verify\.status: /],
    [
      "a header that would split",
      { url: "https://blog.example/", headers: { host: "a\r\nb: c" } },
      /verify\.headers\.host: has characters that no header may have/,
    ],
  ];
  for (const [what, given, problem] of problems) {
    test(`has ${what}: said at its place`, () => {
      const yaml = configOf({ blog: `${script("exit 0")}\n    verify: ${JSON.stringify(given)}` });
      assert.throws(() => readConfig(yaml, "/nowhere"), problem);
    });
  }
});

describe("a log of tries", () => {
  test("counts what repeats", () => {
    const lines: string[] = [];
    const log = createRepeatLog((line) => void lines.push(line));
    for (const line of ["a", "a", "a", "b", "a", "a"]) log.add(line);
    log.end();
    log.end();
    assert.deepEqual(lines, ["a", "… the same 2 times more", "b", "a", "… the same once more"]);
  });
});

describe("the pause between two tries", () => {
  const policy = { attempts: 10, firstMs: 2000, maximumMs: 60_000 };
  const pauses: [failures: number, random: number, expectedMs: number][] = [
    [1, 0, 1000],
    [1, 1, 2000],
    [2, 0.5, 3000],
    [5, 1, 32_000],
    [6, 1, 60_000],
    [6, 0, 30_000],
    [60, 1, 60_000],
    [2000, 1, 60_000],
  ];
  for (const [failures, random, expectedMs] of pauses) {
    test(`after ${failures} with chance ${random} is ${expectedMs} ms`, () => {
      assert.equal(pauseAfter(failures, policy, random), expectedMs);
    });
  }
});
