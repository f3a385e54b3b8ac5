import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, test } from "node:test";
import { authorize } from "../../../oci/auth.ts";
import { type ImageName, parseImageName } from "../../../oci/reference.ts";
import { type DigestAnswer, findDigest, type RegistryAccess, registryUrl } from "../../../oci/registry.ts";

function nameOf(text: string): ImageName {
  const parsed = parseImageName(text);
  assert.ok("name" in parsed);
  return parsed.name;
}

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A server on loopback that answers as the test says, by `host:port`. */
async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function ask(host: string, access: Partial<RegistryAccess> = {}): Promise<DigestAnswer> {
  const signal = AbortSignal.timeout(60_000);
  return findDigest(nameOf(`${host}/stut/blog`), "v1", { credentials: undefined, signal, ...access });
}

const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

describe("a registry's address", () => {
  const tls = { ca: Buffer.from("pem") };
  const addresses: [image: string, access: Parameters<typeof registryUrl>[1], expected: string][] = [
    ["stut/blog", {}, "https://registry-1.docker.io/"],
    ["reg.example/stut/blog", {}, "https://reg.example/"],
    ["reg.example:5000/stut/blog", { insecure: true }, "http://reg.example:5000/"],
    ["localhost:5000/stut/blog", {}, "http://localhost:5000/"],
    ["127.0.0.1:5000/stut/blog", {}, "http://127.0.0.1:5000/"],
    ["[::1]:5000/stut/blog", {}, "http://[::1]:5000/"],
    ["127.0.0.1:5000/stut/blog", { tls }, "https://127.0.0.1:5000/"],
    ["127.0.0.1:5000/stut/blog", { insecure: false }, "https://127.0.0.1:5000/"],
    ["127.0.0.1.example/stut/blog", {}, "https://127.0.0.1.example/"],
    ["localhost.example/stut/blog", {}, "https://localhost.example/"],
  ];
  for (const [image, access, expected] of addresses) {
    test(`${image} with ${JSON.stringify(Object.keys(access))} is asked at ${expected}`, () => {
      assert.equal(registryUrl(nameOf(image), access).href, expected);
    });
  }
});

describe("a tag's digest", () => {
  test("is asked for with HEAD, which does not count as a pull", async () => {
    const asked: string[] = [];
    const host = await serve((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers.accept?.split(",")[0]}`);
      response.writeHead(200, { "docker-content-digest": digest }).end();
    });
    assert.deepEqual(await ask(host), { kind: "found", digest });
    assert.deepEqual(asked, ["HEAD /v2/stut/blog/manifests/v1 application/vnd.oci.image.index.v1+json"]);
  });

  for (const [what, status] of [
    ["does not say it", 200],
    ["has no HEAD", 405],
  ] as const) {
    test(`is computed from the manifest when the registry ${what}`, async () => {
      const manifest = '{"schemaVersion":2}';
      const host = await serve(({ method }, response) => {
        response.writeHead(method === "HEAD" ? status : 200).end(method === "HEAD" ? undefined : manifest);
      });
      const expected = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
      assert.deepEqual(await ask(host), { kind: "found", digest: expected });
    });
  }

  test("is not believed when the manifest has another", async () => {
    const host = await serve(({ method }, response) => {
      if (method === "HEAD") return void response.writeHead(405).end();
      response.writeHead(200, { "docker-content-digest": digest }).end("{}");
    });
    const answer = await ask(host);
    assert.ok(
      answer.kind === "refused" && /the manifest it sent is sha256:\w+, not sha256:0123/.test(answer.problem),
    );
  });

  const statuses: [status: number, kind: DigestAnswer["kind"]][] = [
    [404, "missing"],
    [401, "refused"],
    [403, "refused"],
    [400, "refused"],
    [429, "away"],
    [500, "away"],
    [503, "away"],
  ];
  for (const [status, kind] of statuses) {
    test(`is ${kind} when the registry answers ${status}`, async () => {
      const host = await serve((_request, response) => void response.writeHead(status).end());
      assert.equal((await ask(host)).kind, kind);
    });
  }
});

describe("credentials", () => {
  const credentials = { username: "ci", password: "secret-thing" };

  test("go to nobody who does not ask for them", async () => {
    const given: unknown[] = [];
    const host = await serve(({ headers }, response) => {
      given.push(headers.authorization);
      response.writeHead(404).end();
    });
    await ask(host, { credentials });
    assert.deepEqual(given, [undefined]);
  });

  test("stay behind when the registry sends the reader on to another host", async () => {
    const seen: unknown[] = [];
    const other = await serve(({ headers }, response) => {
      seen.push(headers.authorization);
      response.writeHead(200, { "docker-content-digest": digest }).end();
    });
    const host = await serve(({ headers, url }, response) => {
      if (headers.authorization === undefined) {
        return void response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end();
      }
      response.writeHead(307, { location: `http://${other}${url}` }).end();
    });
    assert.deepEqual(await ask(host, { credentials }), { kind: "found", digest });
    assert.deepEqual(seen, [undefined]);
  });

  test("are not sent to a token server without TLS by a registry with it", async () => {
    const answer = {
      status: 401,
      headers: { "www-authenticate": 'Bearer realm="http://127.0.0.1:9/token",service="s"' },
      body: Buffer.alloc(0),
    };
    const identity = { credentials, signal: AbortSignal.timeout(20_000) };
    const result = await authorize(answer, new URL("https://reg.example"), "repository:a:pull", identity);
    assert.deepEqual(result, { problem: "the token server that it names is not an https URL" });
  });

  test("are not in the answer of a token server that breaks", async () => {
    const server = await serve((_request, response) => void response.writeHead(200).end("secret-thing"));
    const host = await serve((_request, response) => {
      response.writeHead(401, { "www-authenticate": `Bearer realm="http://${server}/",service="s"` }).end();
    });
    const answer = await ask(host, { credentials });
    assert.deepEqual(answer, {
      kind: "refused",
      problem: `its token server ${server} answered without a token`,
    });
  });

  test("are worth another try when the token server is not well", async () => {
    const server = await serve((_request, response) => void response.writeHead(503).end());
    const host = await serve((_request, response) => {
      response.writeHead(401, { "www-authenticate": `Bearer realm="http://${server}/",service="s"` }).end();
    });
    assert.equal((await ask(host, { credentials })).kind, "away");
  });
});

describe("a registry that is not one", () => {
  test("may redirect for ever", async () => {
    const host = await serve(
      ({ url }, response) => void response.writeHead(302, { location: `${url}x` }).end(),
    );
    await assert.rejects(ask(host), /redirects without end/);
  });

  test("may answer without end", async () => {
    const host = await serve(({ method }, response) => {
      response.writeHead(method === "HEAD" ? 405 : 200);
      if (method === "HEAD") return void response.end();
      const more = () => {
        while (!response.destroyed && response.write("x".repeat(65536)));
        response.once("drain", more);
      };
      more();
    });
    await assert.rejects(ask(host), /longer than 4 MiB/);
  });
});
