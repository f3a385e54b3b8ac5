/** Time limits and the limit of connections, on every runtime: what a slow or greedy client gets. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { get, RawClient, requestText } from "../support/raw-http.ts";
import { runServer, runtimes, type ServerProcess, startServer } from "../support/server-process.ts";
import { makeSiteFolder, writeSiteFile } from "../support/site-folder.ts";

const folder = makeSiteFolder();
after(() => folder.remove());
const hugeBytes = 60_000_000;
writeSiteFile(folder.root, "huge.bin", Buffer.alloc(hugeBytes, "x"));

/** A paused download that counts what it takes. */
async function openDownload(port: number): Promise<{ client: RawClient; bytes(): number }> {
  const client = await RawClient.open(port);
  let count = 0;
  client.socket.removeAllListeners("data");
  client.socket.on("data", (chunk) => {
    count += chunk.length;
    client.received = Buffer.from(chunk);
    client.wakeUp();
  });
  client.socket.pause();
  client.send(requestText("/huge.bin"));
  return { client, bytes: () => count };
}

for (const runtime of runtimes) {
  describe(`limits on ${runtime.name}`, { skip: runtime.missing }, () => {
    async function withServer(
      flags: readonly string[],
      work: (server: ServerProcess) => Promise<void>,
      environment: NodeJS.ProcessEnv = {},
    ): Promise<void> {
      const server = await startServer(runtime, ["-root-dir", folder.root, ...flags], environment);
      try {
        await work(server);
      } finally {
        assert.equal(await server.stop(), 0, server.stderr);
      }
    }

    async function openWith(port: number, text: string): Promise<RawClient> {
      const client = await RawClient.open(port);
      client.send(text);
      return client;
    }

    test("a head that stays unfinished is answered 408, an idle connection is closed without a word", async () => {
      await withServer(["--header-timeout=1s"], async ({ port }) => {
        const half = await openWith(port, "GET / HTTP/1.1\r\nHos");
        const silent = await RawClient.open(port);
        await half.untilEnd(4000);
        assert.match(half.received.toString(), /^HTTP\/1\.1 408 Request Timeout\r\n/);
        await silent.untilEnd(4000);
        assert.equal(silent.received.length, 0);
      });
    });

    test("bytes that trickle in do not prolong the time for a head", async () => {
      await withServer(["--header-timeout=1s"], async ({ port }) => {
        const client = await openWith(port, "GET / HTTP/1.1\r\n");
        const trickle = setInterval(() => client.send("X: y\r\n"), 100);
        await client.untilEnd(4000).finally(() => clearInterval(trickle));
        assert.match(client.received.toString(), /^HTTP\/1\.1 408 /);
      });
    });

    test("a connection without a further request is closed after --idle-timeout", async () => {
      await withServer(
        [],
        async ({ port }) => {
          const client = await openWith(port, requestText("/page.html"));
          await client.responses(1);
          await client.untilEnd(4000);
        },
        { STATIGO_IDLE_TIMEOUT: "500ms" },
      );
    });

    test("a client that takes nothing is cut off, one that takes a little is not", async () => {
      await withServer(["--write-timeout=1s"], async ({ port }) => {
        await get(port, "/huge.bin", [], "HEAD");
        const [stuck, slow] = await Promise.all([openDownload(port), openDownload(port)]);
        const sips = setInterval(() => {
          slow.client.socket.resume();
          setTimeout(() => slow.client.socket.pause(), 5);
        }, 300);
        await sleep(4500);
        clearInterval(sips);
        stuck.client.socket.resume();
        await stuck.client.untilEnd(4000);
        assert.ok(stuck.bytes() < hugeBytes, "the stuck client got all");
        slow.client.socket.resume();
        await slow.client.until(() => slow.bytes() > hugeBytes);
        assert.ok(slow.bytes() > hugeBytes, "the slow client was cut off");
        slow.client.close();
      });
    });

    test("a connection too many is answered 503 and closed; it is served once another has gone", async () => {
      await withServer(["--max-connections=2"], async ({ port }) => {
        // The connection that asked whether the server is up counts until its end is noticed.
        await sleep(200);
        const first = await openWith(port, requestText("/page.html"));
        const second = await openWith(port, requestText("/page.html"));
        await Promise.all([first.responses(1), second.responses(1)]);
        const third = await RawClient.open(port);
        await third.untilEnd(4000);
        assert.match(third.received.toString(), /^HTTP\/1\.1 503 .*\r\n(?:.*\r\n)*Retry-After: 1\r\n/);
        first.close();
        await sleep(100);
        assert.equal((await get(port, "/page.html")).status, 200);
        second.close();
      });
    });

    test("after --grace what is still under way is given up, with exit status 0", async () => {
      const server = await startServer(runtime, ["-root-dir", folder.root, "--grace=1s"]);
      await get(server.port, "/huge.bin", [], "HEAD");
      const client = await openWith(server.port, requestText("/huge.bin"));
      await client.until(() => client.received.length > 0);
      client.socket.pause();
      const startedAt = performance.now();
      assert.equal(await server.stop(), 0, server.stderr);
      const tookMs = performance.now() - startedAt;
      assert.ok(tookMs > 900 && tookMs < 4000, `${tookMs} ms`);
      client.close();
    });

    for (const flag of ["--header-timeout=0s", "--idle-timeout=soon", "--write-timeout=5", "--grace=-1s"]) {
      test(`${flag} is refused with what a time looks like`, async () => {
        const { status, stderr } = await runServer(runtime, [flag]);
        assert.equal(status, 2);
        assert.match(stderr, /^statigo: --[a-z-]+ is a time such as 500ms, 15s or 2m, not ".*"\n$/);
      });
    }

    test("--max-connections that is no number is refused", async () => {
      const { status, stderr } = await runServer(runtime, ["--max-connections=many"]);
      assert.equal(status, 2);
      assert.equal(stderr, 'statigo: --max-connections is a number, not "many"\n');
    });
  });
}
