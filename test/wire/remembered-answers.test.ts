/** What the server remembers of former requests changes no answer, and is forgotten once the site is another. */
import assert from "node:assert/strict";
import { mkdirSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { makeEmptySite } from "../support/empty-site.ts";
import { exchange, get, parseResponses, RawClient, requestText } from "../support/raw-http.ts";
import { runtimes, type ServerProcess, startServer } from "../support/server-process.ts";
import { writeSiteFile } from "../support/site-folder.ts";

const folder = makeEmptySite();
const root = folder.root;
after(() => folder.remove());
for (let i = 0; i < 120; i++) writeSiteFile(root, `many/page-${i}.html`, `page ${i}`);
writeSiteFile(root, "one.html", "one");
writeSiteFile(root, "two.html", "two");
writeSiteFile(root, "two.html.gz", "not really gzip");
writeSiteFile(root, "404.html", "not here");
/** Too big for its content to be remembered. */
const bigPage = "big ".repeat(10_000);
writeSiteFile(root, "big.html", bigPage);
const contents: Readonly<Record<string, string>> = {
  "/one.html": "one",
  "/two.html": "two",
  "/big.html": bigPage,
};

const fieldSets: readonly (readonly string[])[] = [
  [],
  ["User-Agent: other"],
  ["Accept-Encoding: gzip"],
  ["If-None-Match: TAG"],
  ["If-None-Match: OTHER"],
  ['If-None-Match: "0123456789abcdef"'],
  ["If-None-Match: W/TAG"],
  ['If-None-Match: "x", TAG'],
  ["If-None-Match: OTHER", "If-None-Match: TAG"],
  ["If-None-Match: *"],
  ["if-none-match:\t TAG ", "User-Agent: TAG"],
  ["User-Agent: TAG", "If-None-Match: OTHER"],
  ["X-If-None-Match: TAG"],
  ["If-None-Match: TAG", "If-Modified-Since: Sat, 05 Nov 1994 08:49:37 GMT"],
  ["If-Modified-Since: Sat, 05 Nov 1994 08:49:37 GMT"],
  ["If-None-Match: TAG", 'If-Match: "none"'],
  ["If-None-Match: OTHER", "Range: bytes=0-0"],
];

/** The status for a file by RFC 9110, computed without what the server does. */
function expectedStatus(fields: readonly string[], tag: string): number {
  const valuesOf = (name: string) =>
    fields
      .filter((field) => field.toLowerCase().startsWith(`${name}:`))
      .map((field) => field.slice(name.length + 1));
  if (valuesOf("if-match").length > 0) return 412;
  const list = valuesOf("if-none-match").join(",");
  if (list.includes(tag) || list.includes("*")) return 304;
  return valuesOf("range").length > 0 ? 206 : 200;
}

for (const runtime of runtimes) {
  describe(`remembered answers on ${runtime.name}`, { skip: runtime.missing }, () => {
    async function withServer(
      flags: readonly string[],
      work: (server: ServerProcess) => Promise<void>,
    ): Promise<void> {
      const server = await startServer(runtime, flags);
      try {
        await work(server);
      } finally {
        assert.equal(await server.stop(), 0, server.stderr);
      }
    }

    async function ask(client: RawClient, text: string, method = "GET") {
      const from = client.received.length;
      client.send(text);
      await client.until(() => parseResponses(client.received.subarray(from), [method]).responses.length > 0);
      const [response] = parseResponses(client.received.subarray(from), [method]).responses;
      if (response === undefined) throw new Error("no response");
      return response;
    }

    test("every combination of target, tag and fields is answered the same the first and the third time", async () => {
      await withServer(["-root-dir", root], async (server) => {
        const tags = new Map<string, string>();
        for (const target of Object.keys(contents))
          tags.set(target, (await get(server.port, target)).fields.get("etag") ?? "");
        const other =
          (await get(server.port, "/two.html", ["Accept-Encoding: gzip"])).fields.get("etag") ?? "";
        const client = await RawClient.open(server.port);
        for (let round = 0; round < 3; round++) {
          for (const set of fieldSets) {
            for (const target of [...Object.keys(contents), "/none.html"]) {
              const tag = tags.get(target) ?? other;
              const fields = set.map((field) => field.replace("TAG", tag).replace("OTHER", other));
              const isMissing = target === "/none.html";
              const status = isMissing ? 404 : expectedStatus(fields, tag);
              for (const method of ["GET", "HEAD"]) {
                const text = `${method} ${target} HTTP/1.1\r\nHost: a\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n`;
                const response = await ask(client, text, method);
                const isGzip = target === "/two.html" && set[0] === "Accept-Encoding: gzip";
                const content = isMissing ? "not here" : isGzip ? "not really gzip" : contents[target];
                const wanted = status === 206 && method === "HEAD" ? 200 : status;
                assert.equal(response.status, wanted, `${round} ${text}`);
                if (method === "GET" && (wanted === 200 || wanted === 404))
                  assert.equal(response.content.toString(), content, `${round} ${text}`);
                const sentTag = isMissing || wanted === 412 ? undefined : isGzip ? other : tag;
                assert.equal(response.fields.get("etag"), sentTag, `${round} ${text}`);
                assert.equal(response.fields.has("content-length"), wanted !== 304, `${round} ${text}`);
              }
            }
          }
        }
        client.close();
      });
    });

    test("each of many files in turn is answered with itself", async () => {
      await withServer(["-root-dir", root], async (server) => {
        const client = await RawClient.open(server.port);
        for (let round = 0; round < 2; round++) {
          for (let i = 0; i < 120; i++) {
            const response = await ask(client, requestText(`/many/page-${i}.html`));
            assert.equal(response.content.toString(), `page ${i}`);
          }
        }
        client.close();
      });
    });

    test("what stands in a tag's place and ends the head is read as such, with a request behind it", async () => {
      await withServer(["-root-dir", root], async (server) => {
        const place = '"0123456789abcdef"';
        const cut = '"a"\r\n\r\nGET / HT/1.';
        assert.equal(cut.length, place.length);
        for (const target of ["/one.html", "/none.html"]) {
          const text = `GET ${target} HTTP/1.1\r\nHost: a\r\nIf-None-Match: ${place}\r\n\r\n`;
          for (let i = 0; i < 3; i++) await exchange(server.port, text);
          const client = await RawClient.open(server.port);
          client.send(text.replace(place, cut));
          const responses = await client.responses(2);
          client.close();
          assert.deepEqual(
            responses.map((response) => response.status),
            [target === "/one.html" ? 200 : 404, 400],
          );
        }
      });
    });

    test("a page that was missing is served within a second of being there, and at once after SIGHUP", async () => {
      const name = runtime.name.split(/\W/).join("-");
      await withServer(["-root-dir", root], async (server) => {
        for (let i = 0; i < 3; i++) assert.equal((await get(server.port, `/${name}.html`)).status, 404);
        writeSiteFile(root, `${name}.html`, "now");
        await sleep(1000);
        assert.equal((await get(server.port, `/${name}.html`)).content.toString(), "now");
        for (let i = 0; i < 3; i++) assert.equal((await get(server.port, `/${name}-2.html`)).status, 404);
        writeSiteFile(root, `${name}-2.html`, "now");
        server.child.kill("SIGHUP");
        await sleep(50);
        assert.equal((await get(server.port, `/${name}-2.html`)).content.toString(), "now");
      });
    });

    test("a page that was missing is there after the root was switched, and its 404 page is the new one", async () => {
      const releases = makeEmptySite();
      for (const [name, text] of [
        ["first", "not in first"],
        ["second", "not in second"],
      ] as const) {
        mkdirSync(join(releases.root, name));
        writeSiteFile(releases.root, `${name}/404.html`, text);
      }
      writeSiteFile(releases.root, "second/new.html", "new");
      const link = join(releases.root, "current");
      symlinkSync("first", link);
      try {
        await withServer(["-root-dir", link], async ({ port }) => {
          for (let i = 0; i < 3; i++)
            for (const target of ["/new.html", "/none.html"])
              assert.equal((await get(port, target)).content.toString(), "not in first");
          symlinkSync("second", `${link}.next`);
          renameSync(`${link}.next`, link);
          await sleep(600);
          assert.equal((await get(port, "/new.html")).content.toString(), "new");
          assert.equal((await get(port, "/none.html")).content.toString(), "not in second");
        });
      } finally {
        releases.remove();
      }
    });

    test("a big page that changed is served within a second, and whole, to GET and HEAD", async () => {
      await withServer(["-root-dir", root], async (server) => {
        const client = await RawClient.open(server.port);
        let former = "";
        for (const size of [50_000, 30_000, 70_000]) {
          writeSiteFile(root, "changing.html", "x".repeat(size));
          const until = Date.now() + 5000;
          let head = await ask(client, requestText("/changing.html", [], "HEAD"), "HEAD");
          while (head.fields.get("content-length") !== String(size) && Date.now() < until) {
            await sleep(20);
            head = await ask(client, requestText("/changing.html", [], "HEAD"), "HEAD");
          }
          const response = await ask(client, requestText("/changing.html"));
          assert.equal(response.content.length, size);
          assert.equal(response.fields.get("etag"), head.fields.get("etag"));
          assert.notEqual(response.fields.get("etag"), former);
          former = response.fields.get("etag") ?? "";
        }
        client.close();
      });
    });

    test("a thousand paths that are not there drive out no page", async () => {
      await withServer(["-root-dir", root], async (server) => {
        const client = await RawClient.open(server.port);
        await ask(client, requestText("/one.html"));
        for (let i = 0; i < 1000; i++)
          assert.equal((await ask(client, requestText(`/none-${i}.html`))).content.toString(), "not here");
        assert.equal((await ask(client, requestText("/one.html"))).content.toString(), "one");
        client.close();
      });
    });

    test("the log has the status and target of answers that were remembered", async () => {
      for (const format of ["combined", "json"]) {
        const server = await startServer(runtime, ["-root-dir", root, "--log-format", format]);
        const tag = (await get(server.port, "/one.html")).fields.get("etag") ?? "";
        const targets = ["/one.html", "/none-1.html", "/none-2.html"];
        const bigTargets = ["/big.html", "/big.html", "/one.html", "/none-1.html"];
        for (let i = 0; i < 3; i++)
          for (const target of targets) await get(server.port, target, [`If-None-Match: ${tag}`]);
        for (let i = 0; i < 3; i++)
          for (const target of bigTargets) await get(server.port, target, [], "HEAD");
        for (let i = 0; i < 3; i++) await get(server.port, "/big.html");
        assert.equal(await server.stop(), 0, server.stderr);
        const all = server.stdout.trim().split("\n").slice(1);
        const lines = all.slice(0, 9);
        assert.equal(all.length, 9 + 12 + 3);
        for (const [index, line] of all.slice(9, 21).entries()) {
          const target = bigTargets[index % 4] ?? "";
          const status = target.startsWith("/none") ? 404 : 200;
          const expected =
            format === "json"
              ? `"method":"HEAD","path":"${target}","status":${status},"bytes":0,`
              : `"HEAD ${target} HTTP/1.1" ${status} - `;
          assert.ok(line.includes(expected), line);
        }
        for (const line of all.slice(21))
          assert.ok(
            line.includes(format === "json" ? `"bytes":${bigPage.length},` : ` 200 ${bigPage.length} `),
            line,
          );
        for (const [index, line] of lines.entries()) {
          const target = targets[index % 3] ?? "";
          const expected =
            format === "json"
              ? `"path":"${target}","status":${index % 3 === 0 ? 304 : 404},"bytes":${index % 3 === 0 ? 0 : 8},`
              : `"GET ${target} HTTP/1.1" ${index % 3 === 0 ? "304 -" : "404 8"} `;
          assert.ok(line.includes(expected), line);
        }
      }
    });
  });
}
