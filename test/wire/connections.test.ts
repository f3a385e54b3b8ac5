/** What happens over the life of a connection: several requests, parts of requests, big files, slow and rude clients. */
import assert from "node:assert/strict";
import { readdirSync, renameSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { exchange, get, parseResponses, RawClient, requestText } from "../support/raw-http.ts";
import { runtimes, type ServerProcess, startServer } from "../support/server-process.ts";
import { bigContent, bigSizeBytes, makeSiteFolder, writeSiteFile } from "../support/site-folder.ts";

const folder = makeSiteFolder();
const big = bigContent();
const hugeSizeBytes = 60_000_000;
after(() => folder.remove());
writeSiteFile(folder.root, "huge.bin", Buffer.alloc(hugeSizeBytes, "x"));

function residentBytes(pid: number | undefined): number {
  // biome-ignore lint/style/noNonNullAssertion: the file always has the line
  return Number(/VmRSS:\s+(\d+)/.exec(readStatus(pid))![1]) * 1024;
}

function readStatus(pid: number | undefined): string {
  return process.getBuiltinModule("node:fs").readFileSync(`/proc/${pid}/status`, "utf8");
}

function openDescriptors(pid: number | undefined): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

for (const runtime of runtimes) {
  describe(`connections on ${runtime.name}`, { skip: runtime.missing }, () => {
    let server: ServerProcess;
    before(async () => {
      server = await startServer(runtime, ["-root-dir", folder.root]);
    });
    after(async () => {
      assert.equal(await server.stop(), 0, server.stderr);
    });

    async function withClient(work: (client: RawClient) => Promise<void>): Promise<void> {
      const client = await RawClient.open(server.port);
      try {
        await work(client);
      } finally {
        client.close();
      }
    }

    test("one connection serves one request after another", async () => {
      await withClient(async (client) => {
        for (let i = 1; i <= 20; i++) {
          client.send(requestText(i % 2 === 0 ? "/page.html" : "/nope"));
          const responses = await client.responses(i);
          assert.equal(responses[i - 1]?.status, i % 2 === 0 ? 200 : 404);
        }
      });
    });

    test("pipelined requests are answered in their order", async () => {
      await withClient(async (client) => {
        const targets = [
          "/page.html",
          "/big.bin",
          "/docs",
          "/digits.txt",
          "/big.bin",
          "/empty.txt",
          "/page.html",
        ];
        client.send(targets.map((target) => requestText(target)).join(""));
        const responses = await client.responses(targets.length);
        assert.deepEqual(
          responses.map((response) => response.status),
          [200, 200, 301, 200, 200, 200, 200],
        );
        assert.ok(responses[1]?.content.equals(big));
        assert.ok(responses[4]?.content.equals(big));
        assert.equal(responses[6]?.content.toString(), "<h1>page</h1>\n");
      });
    });

    test("thousands of pipelined requests get all their answers", async () => {
      await withClient(async (client) => {
        const count = 5000;
        client.send(requestText("/page.html").repeat(count));
        await client.responses(count);
      });
    });

    test("a request that comes byte by byte is understood", async () => {
      await withClient(async (client) => {
        for (const byte of Buffer.from(requestText("/page.html", ["X: y"]))) {
          client.send(Buffer.from([byte]));
          await sleep(1);
        }
        const [response] = await client.responses(1);
        assert.equal(response?.status, 200);
      });
    });

    test("a request cut at every place is understood", async () => {
      const text = requestText("/page.html", ["If-None-Match: *"]);
      await Promise.all(
        Array.from({ length: text.length - 1 }, (_, index) =>
          withClient(async (client) => {
            client.send(text.slice(0, index + 1));
            await sleep(20);
            client.send(text.slice(index + 1) + text);
            const responses = await client.responses(2);
            assert.deepEqual(
              responses.map((response) => response.status),
              [304, 304],
              `cut after ${index + 1} bytes`,
            );
          }),
        ),
      );
    });

    test("content of a GET is not taken for the next request", async () => {
      await withClient(async (client) => {
        const smuggled = requestText("/digits.txt");
        client.send(
          `${requestText("/page.html", [`Content-Length: ${smuggled.length}`])}${smuggled}${requestText("/nope")}`,
        );
        const responses = await client.responses(2);
        assert.deepEqual(
          responses.map((response) => response.status),
          [200, 404],
        );
        await sleep(50);
        assert.equal(parseResponses(client.received, []).responses.length, 2);
      });
    });

    test("content of a refused POST that comes in parts is skipped", async () => {
      await withClient(async (client) => {
        client.send(requestText("/page.html", ["Content-Length: 100000"], "POST"));
        for (let i = 0; i < 10; i++) {
          client.send("x".repeat(10000));
          await sleep(1);
        }
        client.send(requestText("/page.html"));
        const responses = await client.responses(2);
        assert.deepEqual(
          responses.map((response) => response.status),
          [405, 200],
        );
      });
    });

    const chunked = (content: string, method = "POST") =>
      requestText("/page.html", ["Transfer-Encoding: chunked"], method) + content;

    test("content in chunks is skipped, and the request behind it answered", async () => {
      await withClient(async (client) => {
        const smuggled = requestText("/docs");
        const chunk = `${smuggled.length.toString(16)};a=b\r\n${smuggled}\r\n`;
        client.send(chunked(`${chunk}${chunk}0\r\nX: y\r\n\r\n`));
        client.send(chunked("0\r\n\r\n", "GET") + requestText("/digits.txt"));
        const responses = await client.responses(3);
        assert.deepEqual(
          responses.map((response) => response.status),
          [405, 200, 200],
        );
        await sleep(50);
        assert.equal(parseResponses(client.received, []).responses.length, 3);
      });
    });

    test("content in chunks that comes byte by byte, or behind a big answer, is skipped too", async () => {
      await withClient(async (client) => {
        client.send(requestText("/big.bin", ["Transfer-Encoding: chunked"]));
        for (const byte of Buffer.from("a\r\n0123456789\r\n0\r\nX: y\r\n\r\n")) {
          client.send(Buffer.from([byte]));
          await sleep(1);
        }
        client.send(requestText("/digits.txt"));
        const [bigFile, digits] = await client.responses(2);
        assert.ok(bigFile?.content.equals(big));
        assert.equal(digits?.content.toString(), "0123456789");
      });
    });

    test("content in chunks that two servers could read in two ways ends the connection", async () => {
      for (const content of ["1\nx\r\n0\r\n\r\n", "1 \r\nx\r\n0\r\n\r\n", "1\r\nxx0\r\n\r\n", "0\r\n\n"]) {
        await withClient(async (client) => {
          client.send(chunked(content) + requestText("/digits.txt"));
          await client.untilEnd();
          const { responses, rest } = parseResponses(client.received, []);
          assert.deepEqual(
            [...responses.map(({ status }) => status), rest.length],
            [405, 0],
            JSON.stringify(content),
          );
        });
      }
    });

    test("content in chunks of more than a megabyte ends the connection", async () => {
      await withClient(async (client) => {
        client.send(chunked(`10000\r\n${"x".repeat(65_536)}\r\n`.repeat(20)) + requestText("/digits.txt"));
        await client.untilEnd();
        assert.equal(parseResponses(client.received, []).responses.length, 1);
      });
    });

    test("a client that sends much too much still gets the refusal", async () => {
      await withClient(async (client) => {
        client.send(requestText("/page.html", ["Content-Length: 900000000"], "POST"));
        client.send("x".repeat(3_000_000));
        const [response] = await client.responses(1);
        assert.equal(response?.status, 405);
        await client.untilEnd();
      });
    });

    test("after Connection: close the server ends the connection", async () => {
      await withClient(async (client) => {
        client.send(requestText("/page.html", ["Connection: close"]) + requestText("/digits.txt"));
        await client.untilEnd();
        assert.equal(parseResponses(client.received, []).responses.length, 1);
      });
    });

    test("a HEAD between GETs keeps the stream in step", async () => {
      await withClient(async (client) => {
        client.send(
          requestText("/big.bin", [], "HEAD") + requestText("/page.html") + requestText("/docs/", [], "HEAD"),
        );
        const responses = await client.responses(3, ["HEAD", "GET", "HEAD"]);
        assert.equal(responses[0]?.fields.get("content-length"), String(bigSizeBytes));
        assert.equal(responses[1]?.content.toString(), "<h1>page</h1>\n");
      });
    });

    test("a client that reads slowly costs little memory, and gets every byte", async () => {
      await exchange(server.port, requestText("/huge.bin", [], "HEAD"));
      const before = residentBytes(server.child.pid);
      const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.open(server.port)));
      for (const client of clients) {
        client.socket.pause();
        client.send(requestText("/huge.bin", ["Connection: close"]));
      }
      await sleep(700);
      const grown = residentBytes(server.child.pid) - before;
      // All twenty in memory would be 1.2 GB. Node's own buffers come and go, the sanitizer keeps freed ones.
      const bound = runtime.name === "native" ? 8_000_000 : 150_000_000;
      assert.ok(grown < bound, `grew by ${grown} bytes`);
      let received = 0;
      const first = clients[0];
      if (first === undefined) throw new Error("no client");
      first.socket.removeAllListeners("data");
      first.socket.on("data", (chunk) => {
        received += chunk.length;
      });
      first.socket.resume();
      await first.untilEnd(30_000);
      assert.ok(received > hugeSizeBytes && received < hugeSizeBytes + 1000, `${received} bytes`);
      for (const client of clients) client.close();
    });

    test("clients that leave in the middle cost no descriptor", async () => {
      await get(server.port, "/page.html");
      const before = openDescriptors(server.child.pid);
      for (let i = 0; i < 50; i++) {
        const client = await RawClient.open(server.port);
        client.send(requestText(i % 2 === 0 ? "/huge.bin" : "/docs/"));
        await client.until(() => client.received.length > 0);
        client.socket.resetAndDestroy();
      }
      const until = Date.now() + 4000;
      while (openDescriptors(server.child.pid) > before && Date.now() < until) await sleep(20);
      assert.ok(
        openDescriptors(server.child.pid) <= before,
        `${before} before, ${openDescriptors(server.child.pid)} after`,
      );
    });

    test("clients that leave after half a request cost no descriptor", async () => {
      const before = openDescriptors(server.child.pid);
      for (let i = 0; i < 50; i++) {
        const client = await RawClient.open(server.port);
        client.send("GET / HTTP/1.1\r\nHos");
        client.socket.end();
        await client.untilEnd();
        client.close();
      }
      const until = Date.now() + 4000;
      while (openDescriptors(server.child.pid) > before && Date.now() < until) await sleep(20);
      assert.ok(openDescriptors(server.child.pid) <= before);
    });

    test("a client that closes its sending side early still gets its answer", async () => {
      await withClient(async (client) => {
        client.send(requestText("/page.html"));
        client.socket.end();
        const [response] = await client.responses(1);
        assert.equal(response?.status, 200);
      });
    });

    test("a file replaced while it is sent arrives as it was", async () => {
      const old = Buffer.alloc(20_000_000, "a");
      writeSiteFile(folder.root, "swap.bin", old);
      await withClient(async (client) => {
        client.send(requestText("/swap.bin"));
        await client.until(() => client.received.length > 0);
        client.socket.pause();
        writeSiteFile(folder.root, "swap.new", Buffer.alloc(20_000_000, "b"));
        renameSync(join(folder.root, "swap.new"), join(folder.root, "swap.bin"));
        client.socket.resume();
        const [response] = await client.responses(1);
        assert.ok(response?.content.equals(old));
      });
      await sleep(1100);
      const fresh = await get(server.port, "/swap.bin");
      assert.ok(fresh.content.equals(Buffer.alloc(20_000_000, "b")));
    });

    test("a file cut short while it is sent ends the connection instead of pretending", async () => {
      writeSiteFile(folder.root, "cut.bin", Buffer.alloc(20_000_000, "a"));
      await withClient(async (client) => {
        client.send(requestText("/cut.bin"));
        await client.until(() => client.received.length > 0);
        client.socket.pause();
        truncateSync(join(folder.root, "cut.bin"), 1000);
        client.socket.resume();
        await client.untilEnd();
        assert.ok(client.received.length < 20_000_000);
      });
    });

    test("a changed small file is served within a second or so", async () => {
      writeSiteFile(folder.root, "fresh.txt", "one");
      const first = await get(server.port, "/fresh.txt");
      assert.equal(first.content.toString(), "one");
      writeSiteFile(folder.root, "fresh.new", "two");
      renameSync(join(folder.root, "fresh.new"), join(folder.root, "fresh.txt"));
      await sleep(1100);
      const second = await get(server.port, "/fresh.txt");
      assert.equal(second.content.toString(), "two");
      assert.notEqual(second.fields.get("etag"), first.fields.get("etag"));
    });

    test("a file that appears is served, and one that goes is 404", async () => {
      assert.equal((await get(server.port, "/later.txt")).status, 404);
      writeSiteFile(folder.root, "later.txt", "here");
      await sleep(1000);
      assert.equal((await get(server.port, "/later.txt")).status, 200);
      renameSync(join(folder.root, "later.txt"), join(folder.root, "gone.txt"));
      await sleep(1100);
      assert.equal((await get(server.port, "/later.txt")).status, 404);
    });

    test("two hundred connections at once are all served", async () => {
      const clients = await Promise.all(Array.from({ length: 200 }, () => RawClient.open(server.port)));
      for (const client of clients) client.send(requestText("/page.html"));
      await Promise.all(clients.map((client) => client.responses(1)));
      for (const client of clients) client.close();
    });
  });
}
