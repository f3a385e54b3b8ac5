/**
 * What has broken other servers, one test a mechanism, on every runtime. The CVE is the best known case of it, not a claim
 * that the bytes are the same.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { exchange, get, parseResponses, RawClient, requestText } from "../support/raw-http.ts";
import { runtimes, type ServerProcess, startServer } from "../support/server-process.ts";
import { makeSiteFolder, writeSiteFile } from "../support/site-folder.ts";

const folder = makeSiteFolder();
after(() => folder.remove());
writeSiteFile(folder.root, "noindex/<img src=x onerror=alert(1)>.txt", "x");
for (let i = 0; i < 30; i++) writeSiteFile(folder.root, `folder-${i}/index.html`, "x");

/** Targets with the statuses that they may get; what is outside, or hidden, is never 200. */
const paths: readonly (readonly [title: string, targets: readonly string[], status: number])[] = [
  [
    "traversal by ../ and %2e%2e/ (CVE-2021-41773)",
    ["/../outside.txt", "/%2e%2e/outside.txt", "/docs/.%2e/%2E./outside.txt"],
    400,
  ],
  ["traversal by an escaped escape (CVE-2021-42013)", ["/%%32%65%%32%65/outside.txt"], 400],
  [
    "traversal by an escape of an escape",
    ["/%252e%252e/outside.txt", "/%25%32%65%25%32%65/outside.txt"],
    404,
  ],
  [
    "traversal by an escaped slash, ..%2f (CVE-2024-43800)",
    ["/..%2foutside.txt", "/docs/..%2f..%2foutside.txt"],
    404,
  ],
  ["traversal by a backslash, %5c (CVE-2026-54286)", ["/..%5coutside.txt", "/..\\outside.txt"], 404],
  ["traversal behind // and /./", ["//../outside.txt", "/.//..//outside.txt", "/./../outside.txt"], 400],
  ["traversal by bytes that are no UTF-8", ["/%c0%ae%c0%ae/outside.txt", "/..%c0%afoutside.txt"], 404],
  [
    "a sibling whose name begins with the root's (CVE-2018-19052)",
    ["/../site-sibling/file.txt", "/%2e%2e/site-sibling/file.txt"],
    400,
  ],
  ["an absolute path behind the root", ["//etc/passwd.html", "/%2fetc%2fpasswd"], 404],
  [
    "a symlink out of the root, to a file, a folder, a sibling, to itself",
    ["/escape.txt", "/up/outside.txt", "/etc/passwd", "/sibling/file.txt", "/loop"],
    404,
  ],
  [
    "a hidden file behind ./, //, %2e or in a hidden folder",
    ["/.hidden", "/./.hidden", "//.hidden", "/%2ehidden", "/.git/config", "/docs/%2eenv", "/docs/../.hidden"],
    404,
  ],
  [
    "a hidden file in the one hidden folder that is public",
    ["/.well-known/.secret", "/.well-known/../.hidden"],
    404,
  ],
  ["NUL in a path (CVE-2013-4547, sirv#54)", ["/page.html%00", "/page.html%00.txt", "/%00"], 400],
  ["a malformed escape (node-static#244)", ["/%", "/%4", "/%zz", "/page.html%"], 400],
];

/** Streams of which only the first request is answered, with this status, before the connection ends. */
const smuggling: readonly (readonly [title: string, head: string, status: number])[] = [
  [
    "Content-Length with Transfer-Encoding (CVE-2005-2088)",
    "Content-Length: 4\r\nTransfer-Encoding: chunked",
    400,
  ],
  ["Transfer-Encoding before Content-Length", "Transfer-Encoding: chunked\r\nContent-Length: 4", 400],
  ["two lengths that differ (CVE-2005-2090)", "Content-Length: 0\r\nContent-Length: 44", 400],
  ["a length in a list", "Content-Length: 0, 44", 400],
  ["a signed length", "Content-Length: +0", 400],
  ["a length below 0", "Content-Length: -1", 400],
  ["a length in hexadecimal", "Content-Length: 0x0", 400],
  ["an empty length (CVE-2023-40225)", "Content-Length:", 400],
  ["a length that wraps around 64 bits", "Content-Length: 18446744073709551616", 400],
  ["a space before the length's colon (CVE-2021-22959)", "Content-Length : 44", 400],
  ["a space before the length's name (CVE-2024-27982)", " Content-Length: 44", 400],
  ["a folded Transfer-Encoding (CVE-2022-32215)", "Transfer-Encoding:\r\n chunked", 400],
  ["an obscured Transfer-Encoding (CVE-2022-32213)", "Transfer-Encoding: xchunked", 501],
  ["a control character before chunked (CVE-2019-15605)", "Transfer-Encoding: \x0bchunked", 400],
  [
    "two Transfer-Encodings (CVE-2020-8287)",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    501,
  ],
  ["chunked that is not the last coding", "Transfer-Encoding: chunked, gzip", 501],
  ["a field line ended by a bare LF (CVE-2022-32214)", "X: y\nContent-Length: 44", 400],
  ["a field line ended by a bare CR (CVE-2023-30589)", "X: y\rContent-Length: 44", 400],
  ["NUL in a value", "X: a\0b", 400],
  ["two Hosts", "Host: b", 400],
];

/** Chunked content behind which the next request must not be answered. */
const chunks: readonly (readonly [title: string, content: string])[] = [
  ["a bare LF in a chunk's line (CVE-2025-22871)", "1\nx\r\n0\r\n\r\n"],
  ["a chunk's extension with a bare LF (CVE-2021-22960)", "1;a\nb\r\nx\r\n0\r\n\r\n"],
  ["a chunk's extension without end (CVE-2024-22019)", `1;${"a".repeat(1_200_000)}\r\nx\r\n0\r\n\r\n`],
  ["a chunk's size that overflows (CVE-2013-2028)", "ffffffffffffffff\r\nx\r\n0\r\n\r\n"],
  ["a chunk's size that wraps around to 1 (CVE-2015-3183)", "10000000000000001\r\nx\r\n0\r\n\r\n"],
  ["a chunk's size with a sign", "+1\r\nx\r\n0\r\n\r\n"],
  ["a chunk's size with 0x", "0x1\r\nx\r\n0\r\n\r\n"],
  ["white space behind a chunk's size", "1 \r\nx\r\n0\r\n\r\n"],
  ["a chunk longer than its size", "1\r\nxyz0\r\n\r\n"],
  ["no line's end behind a chunk", "1\r\nx0\r\n\r\n"],
  ["a request where trailers may be", "0\r\nGET /digits.txt HTTP/1.1\r\nHost: a\r\n\r\n"],
];

for (const runtime of runtimes) {
  describe(`known attacks on ${runtime.name}`, { skip: runtime.missing }, () => {
    let server: ServerProcess;
    before(async () => {
      server = await startServer(runtime, ["-root-dir", folder.root]);
    });
    after(async () => {
      assert.equal(await server.stop(), 0, server.stderr);
    });

    /** The statuses of all answers, up to the connection's end. */
    async function statusesOf(stream: string): Promise<number[]> {
      const client = await RawClient.open(server.port);
      try {
        client.send(stream);
        await client.untilEnd();
        const { responses, rest } = parseResponses(client.received, []);
        assert.equal(rest.length, 0);
        return responses.map(({ status }) => status);
      } finally {
        client.close();
      }
    }

    for (const [title, targets, status] of paths) {
      test(title, async () => {
        for (const target of targets) {
          const response = await exchange(server.port, requestText(target));
          assert.equal(response.status, status, target);
          assert.doesNotMatch(response.content.toString(), /outside|secret|sibling|root:/, target);
        }
      });
    }

    const next = requestText("/digits.txt");
    for (const [title, fields, status] of smuggling) {
      test(`smuggling by ${title}`, async () => {
        const head = `POST /page.html HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n`;
        assert.deepEqual(await statusesOf(head + next), [status]);
      });
    }
    for (const [title, content] of chunks) {
      test(`smuggling by ${title}`, async () => {
        const request = requestText("/page.html", ["Transfer-Encoding: chunked"], "POST");
        assert.deepEqual(await statusesOf(request + content + next), [405]);
      });
    }

    test("smuggling by content of GET and HEAD, which is never the next request", async () => {
      const last = requestText("/digits.txt", ["Connection: close"]);
      const length = `Content-Length: ${next.length}`;
      assert.deepEqual(await statusesOf(requestText("/page.html", [length]) + next + last), [200, 200]);
      const chunked = `${next.length.toString(16)}\r\n${next}\r\n0\r\n\r\n`;
      const request = requestText("/page.html", ["Transfer-Encoding: chunked"]);
      assert.deepEqual(await statusesOf(request + chunked + last), [200, 200]);
    });

    test("trailers are not merged into this request or the next (CVE-2013-5704)", async () => {
      const request = requestText("/page.html", ["Transfer-Encoding: chunked"]);
      const trailers = "If-None-Match: *\r\nRange: bytes=0-1\r\nConnection: close\r\n";
      const last = requestText("/page.html", ["Connection: close"]);
      assert.deepEqual(await statusesOf(`${request}0\r\n${trailers}\r\n${last}`), [200, 200]);
    });

    test("ranges by the thousand, overlapping, are one whole file (CVE-2011-3192)", async () => {
      const many = Array.from({ length: 3000 }, (_, i) => `${i}-`).join(",");
      const response = await get(server.port, "/big.bin", [`Range: bytes=${many.slice(0, 8000)}`]);
      assert.deepEqual([response.status, response.content.length], [200, 3_000_017]);
    });

    test("a range whose end or sum overflows is cut to the file (CVE-2017-7529)", async () => {
      const beyond = "Range: bytes=0-9223372036854775807";
      assert.equal((await get(server.port, "/digits.txt", [beyond])).content.length, 10);
      const both = "Range: bytes=-10, -9223372036854775798";
      assert.ok((await get(server.port, "/digits.txt", [both])).content.length <= 10);
      const start = "Range: bytes=18446744073709551616-";
      assert.equal((await get(server.port, "/digits.txt", [start])).status, 416);
    });

    test("a redirect never leads to another host, by // (CVE-2015-1164, CVE-2021-28861, serve#449) or /\\", async () => {
      const targets = [
        "//docs",
        "///docs",
        "//evil.example/..//docs",
        "//evil.example/%2e%2e/docs",
        "/%5cevil.example/../docs",
        "http://evil.example/docs",
      ];
      for (const target of targets) {
        const response = await exchange(server.port, requestText(target));
        assert.deepEqual([response.status, response.fields.get("location")], [301, "/docs/"], target);
      }
      for (const target of [
        "//evil.example",
        "/\\evil.example",
        "/%5cevil.example",
        "/%2f%2fevil.example/..",
      ])
        assert.equal(
          (await exchange(server.port, requestText(target))).fields.has("location"),
          false,
          target,
        );
    });

    test("a line's end in a path or a query adds no field to an answer (CVE-2016-4975)", async () => {
      const injected = "%0d%0aSet-Cookie:%20a=b";
      for (const target of [`/docs${injected}`, `/docs?${injected}`, `/${injected}/../docs`]) {
        const response = await exchange(server.port, requestText(target));
        assert.equal(response.fields.has("set-cookie"), false, target);
      }
      assert.equal((await exchange(server.port, requestText("/docs\r\nSet-Cookie: a=b"))).status, 400);
    });

    test("a name in a folder is no markup: folders are never listed", async () => {
      for (const target of ["/noindex/", "/noindex", "/noindex/%3Cimg%20src=x%20onerror=alert(2)%3E"]) {
        const response = await get(server.port, target);
        assert.equal(response.status, 404);
        assert.doesNotMatch(response.content.toString(), /img|file\.txt/);
      }
    });

    test("a head without end is refused at 32 KiB, a target at 8 KiB (CVE-2018-12121)", async () => {
      assert.deepEqual(await statusesOf(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"y".repeat(40_000)}`), [431]);
      assert.deepEqual(
        await statusesOf(`GET / HTTP/1.1\r\nHost: a\r\n${"X: y\r\n".repeat(5000)}\r\n`),
        [431],
      );
      assert.deepEqual(await statusesOf(`GET /${"y".repeat(40_000)}`), [414]);
    });

    test("heads that trickle in are ended after --header-timeout (Slowloris, CVE-2007-6750)", async () => {
      const slow = await startServer(runtime, ["-root-dir", folder.root, "--header-timeout=1s"]);
      const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.open(slow.port)));
      for (const client of clients) client.send("GET / HTTP/1.1\r\nHost: a\r\n");
      const trickle = setInterval(() => {
        for (const client of clients) if (!client.isEnded) client.send("X: y\r\n");
      }, 200);
      await Promise.all(clients.map((client) => client.untilEnd(5000)));
      clearInterval(trickle);
      for (const client of clients) assert.match(client.received.toString("latin1"), /^HTTP\/1\.1 408 /);
      assert.equal(await slow.stop(), 0, slow.stderr);
    });

    test("folders' indexes, missing files, refusals and aborts leave no descriptor open (statigo v8)", async () => {
      const descriptors = () => readdirSync(`/proc/${server.child.pid}/fd`).length;
      const before = descriptors();
      for (let i = 0; i < 30; i++) {
        await get(server.port, `/folder-${i}/`);
        await get(server.port, `/folder-${i}`);
        await get(server.port, `/folder-${i}/nope`);
        await get(server.port, `/folder-${i}/index.html`, ["Range: bytes=9-"]);
        const client = await RawClient.open(server.port);
        client.send(requestText("/big.bin"));
        await client.until(() => client.received.length > 0);
        client.socket.resetAndDestroy();
      }
      const until = Date.now() + 5000;
      while (descriptors() > before && Date.now() < until) await sleep(20);
      assert.ok(descriptors() <= before, `${before} descriptors became ${descriptors()}`);
    });
  });
}
