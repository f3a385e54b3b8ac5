/** A request whose answer takes several turns of the event loop, or that comes in odd pieces, holds nothing up. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { tagOf } from "../support/content-tag.ts";
import { exchange, RawClient, requestText } from "../support/raw-http.ts";
import { runtimes, type ServerProcess, startServer } from "../support/server-process.ts";
import { makeSiteFolder, writeSiteFile } from "../support/site-folder.ts";

const folder = makeSiteFolder();
after(() => folder.remove());
writeSiteFile(folder.root, "health", "a page about health\n");
/** Big enough that its tag is made in several turns; each test asks for one that was never asked for. */
const bigFiles = ["head", "unchanged", "range", "later", "at-once", "resumed", "parts"].map(
  (name) => `never-asked-${name}.bin`,
);
for (const name of bigFiles) writeSiteFile(folder.root, name, Buffer.alloc(5_000_000, name));

for (const runtime of runtimes) {
  describe(`turns on ${runtime.name}`, { skip: runtime.missing }, () => {
    let server: ServerProcess;
    before(async () => {
      server = await startServer(runtime, ["-root-dir", folder.root]);
    });
    after(async () => {
      assert.equal(await server.stop(), 0, server.stderr);
    });

    async function statusesOf(parts: readonly string[], methods: readonly string[]): Promise<number[]> {
      const client = await RawClient.open(server.port);
      try {
        for (const part of parts) {
          client.send(part);
          await sleep(5);
        }
        const responses = await client.responses(methods.length, methods);
        return responses.map(({ status }) => status);
      } finally {
        client.close();
      }
    }
    const page = requestText("/page.html");

    test("the request behind a HEAD of a big file that was never asked for is answered", async () => {
      const head = requestText("/never-asked-head.bin", [], "HEAD");
      assert.deepEqual(await statusesOf([head + page], ["HEAD", "GET"]), [200, 200]);
    });

    test("the request behind a precondition on such a file is answered", async () => {
      const conditional = requestText("/never-asked-unchanged.bin", ["If-None-Match: *"]);
      assert.deepEqual(await statusesOf([conditional + page], ["GET", "GET"]), [304, 200]);
    });

    test("the request behind a short range of such a file is answered", async () => {
      const range = requestText("/never-asked-range.bin", ["Range: bytes=0-9"]);
      assert.deepEqual(await statusesOf([range + page], ["GET", "GET"]), [206, 200]);
    });

    test("a request that comes while such a file's tag is made is answered", async () => {
      const head = requestText("/never-asked-later.bin", [], "HEAD");
      assert.deepEqual(await statusesOf([head, page, page], ["HEAD", "GET", "GET"]), [200, 200, 200]);
    });

    test("a big file that was never asked for is sent at once, without ETag and Last-Modified as long as it has no tag", async () => {
      const path = "/never-asked-at-once.bin";
      const request = (...fields: string[]) => requestText(path, fields, "HEAD");
      const client = await RawClient.open(server.port);
      client.send(request() + request("Range: bytes=0-9") + request("If-None-Match: *"));
      const [first, ranged, later] = await client.responses(3, ["HEAD", "HEAD", "HEAD"]);
      client.close();
      for (const response of [first, ranged]) {
        assert.equal(response?.status, 200);
        assert.equal(response?.fields.get("content-length"), "5000000");
        assert.deepEqual(
          [response?.fields.get("etag"), response?.fields.get("last-modified")],
          [undefined, undefined],
        );
      }
      assert.equal(later?.status, 304);
      assert.equal(later?.fields.get("etag"), tagOf(Buffer.alloc(5_000_000, "never-asked-at-once.bin")));
      assert.ok(later?.fields.has("last-modified"));
    });

    test("half a download of such a file is resumed where the client has its tag, and begun anew where not", async () => {
      const path = "/never-asked-resumed.bin";
      const tag = tagOf(Buffer.alloc(5_000_000, "never-asked-resumed.bin"));
      const resume = (validator: string) =>
        requestText(path, ["Range: bytes=4999990-", `If-Range: ${validator}`, "Connection: close"]);
      const resumed = await exchange(server.port, resume(tag));
      assert.deepEqual([resumed.status, resumed.content.length, resumed.fields.get("etag")], [206, 10, tag]);
      const anew = await exchange(server.port, resume('"another"'));
      assert.deepEqual([anew.status, anew.content.length], [200, 5_000_000]);
    });

    test("several ranges of such a file have a boundary of their own", async () => {
      const answer = await exchange(
        server.port,
        requestText("/never-asked-parts.bin", ["Range: bytes=0-9,100-109", "Connection: close"]),
      );
      assert.equal(answer.status, 206);
      const tag = tagOf(Buffer.alloc(5_000_000, "never-asked-parts.bin"));
      const boundary = `multipart/byteranges; boundary=part-${tag.slice(1, -1)}`;
      assert.equal(answer.fields.get("content-type"), boundary);
    });

    test("the health URL is the server's own, even where a file has its name and was found in another spelling", async () => {
      const client = await RawClient.open(server.port);
      client.send(requestText("/%68ealth") + requestText("/health") + requestText("/health"));
      const responses = await client.responses(3);
      client.close();
      assert.deepEqual(
        responses.map(({ status }) => status),
        [200, 204, 204],
      );
    });

    test("requests that differ in their first line alone are answered and logged each by itself", async () => {
      const fields = ["User-Agent: alike", "Accept-Encoding: gzip"];
      const targets = [
        "/page.html",
        "/app.js",
        "/digits.txt",
        "/page.html?a",
        "/app.js",
        "//page.html",
        "/nope",
        "/",
      ];
      const client = await RawClient.open(server.port);
      // Twice: what was answered once may be remembered whole.
      const requests = [...targets, ...targets].map((target) => requestText(target, fields));
      client.send(`${requests.join("")}${requestText("/empty.txt", ["User-Agent: last"])}`);
      const responses = await client.responses(2 * targets.length + 1);
      client.close();
      const statuses = targets.map((target) => (target === "/nope" ? 404 : 200));
      assert.deepEqual(
        responses.map(({ status }) => status),
        [...statuses, ...statuses, 200],
      );
      const [page, script, digits] = responses.map(({ content }) => content);
      assert.deepEqual(
        [responses[8]?.content, responses[9]?.content, responses[10]?.content],
        [page, script, digits],
      );
      await server.waitForStdout('"last"');
      const logged = server.stdout.split("\n").filter((line) => line.endsWith(' "alike"'));
      assert.deepEqual(
        logged.map((line) => /"GET (\S+) HTTP\/1\.1" (\d+) (\d+)/.exec(line)?.slice(1)),
        requests.map((_, index) => [
          targets[index % targets.length],
          String(responses[index]?.status),
          String(responses[index]?.content.length),
        ]),
      );
    });

    test("an empty line before a request may come in two parts (RFC 9112 2.2)", async () => {
      assert.deepEqual(await statusesOf(["\r", `\n${page}`], ["GET"]), [200]);
      assert.deepEqual(await statusesOf(["\r\n\r", `\n${page}`], ["GET"]), [200]);
      assert.deepEqual(await statusesOf([`${page}\r`, `\n${page}`], ["GET", "GET"]), [200, 200]);
    });
  });
}
