/**
 * What the native server may take of memory and of the processor at the edge of its means. Of time there is no budget here:
 * bench/ measures that, beside other servers.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { get, RawClient, requestText } from "../support/raw-http.ts";
import { nativeRuntime, runtimes, type ServerProcess, startServer } from "../support/server-process.ts";
import { makeSiteFolder, writeSiteFile } from "../support/site-folder.ts";

const folder = makeSiteFolder();
after(() => folder.remove());
const page = Buffer.alloc(4096, "<p>An ordinary page.</p>\n");
const pageCount = 2000;
const pages = Array.from({ length: pageCount }, (_, index) => `/pages/page-${index}.html`);
for (const path of pages) writeSiteFile(folder.root, path.slice(1), page);
writeSiteFile(folder.root, "huge.bin", Buffer.alloc(100_000_000, "x"));

function residentBytes({ child }: ServerProcess): number {
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
}

/** Of user and system, in seconds. */
function processorSeconds({ child }: ServerProcess): number {
  const stat = readFileSync(`/proc/${child.pid}/stat`, "utf8");
  const [user = "", system = ""] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13);
  return (Number(user) + Number(system)) / 100;
}

/** As a limit, it leaves the server what it has, and nothing more. What is being closed has to be closed before. */
async function lowestFreeDescriptor({ child }: ServerProcess): Promise<number> {
  const list = () => readdirSync(`/proc/${child.pid}/fd`).map(Number);
  let open = list();
  for (let before: number[] = []; before.join() !== open.join(); open = list()) {
    before = open;
    await sleep(100);
  }
  let lowest = 0;
  while (open.includes(lowest)) lowest++;
  return lowest;
}

async function withServer(work: (server: ServerProcess) => Promise<void>): Promise<void> {
  const server = await startServer(nativeRuntime, ["-root-dir", folder.root]);
  try {
    await work(server);
  } finally {
    assert.equal(await server.stop(), 0, server.stderr);
  }
}

/** Opens so many connections, a few at a time. */
async function openMany(port: number, count: number): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  while (clients.length < count)
    clients.push(...(await Promise.all(Array.from({ length: 50 }, () => RawClient.open(port)))));
  return clients;
}

/** Asks for each path once over one connection; a hundred at a time. */
async function askForAll(port: number, paths: readonly string[], method = "GET"): Promise<void> {
  const client = await RawClient.open(port);
  for (let from = 0; from < paths.length; from += 100) {
    const some = paths.slice(from, from + 100);
    client.send(some.map((path) => requestText(path, [], method)).join(""));
    const responses = await client.responses(some.length, Array(some.length).fill(method));
    assert.ok(responses.every(({ status }) => status === 200));
    client.received = Buffer.alloc(0);
  }
  client.close();
}

describe("the native server's memory", { skip: nativeRuntime.missing }, () => {
  test("is at most 1 MB at rest, and 1.5 MB once each of a hundred pages was asked for", async () => {
    await withServer(async (server) => {
      await get(server.port, "/page.html");
      assert.ok(residentBytes(server) <= 1_000_000, `${residentBytes(server)} bytes after one request`);
      await askForAll(server.port, pages.slice(0, 100));
      assert.ok(residentBytes(server) <= 1_500_000, `${residentBytes(server)} bytes after a hundred`);
    });
  });

  test("grows by at most 500 bytes for each file that was asked for, of which it knows 4,000 at most", async () => {
    await withServer(async (server) => {
      // These fill what is kept of contents and of replies.
      await askForAll(server.port, pages.slice(0, 1000));
      const before = residentBytes(server);
      await askForAll(server.port, pages.slice(1000), "HEAD");
      const each = (residentBytes(server) - before) / (pageCount - 1000);
      assert.ok(each <= 500, `${each} bytes a file`);
    });
  });

  test("is at most 6 MB with a thousand connections that ask again and again", async () => {
    await withServer(async (server) => {
      const clients = await openMany(server.port, 1000);
      for (let turn = 1; turn <= 3; turn++) {
        for (const client of clients) client.send(requestText("/pages/page-1.html"));
        for (const client of clients) await client.responses(turn);
      }
      assert.ok(residentBytes(server) <= 6_000_000, `${residentBytes(server)} bytes`);
      for (const client of clients) client.close();
    });
  });

  test("is at most 8 MB with a hundred readers that take nothing of a file of 100 MB", async () => {
    await withServer(async (server) => {
      const clients = await openMany(server.port, 100);
      for (const client of clients) {
        client.socket.pause();
        client.send(requestText("/huge.bin"));
      }
      // Each was sent as much as the kernel takes once its answer begins to arrive.
      while (clients.some(({ socket }) => socket.readableLength === 0)) await sleep(20);
      assert.ok(residentBytes(server) <= 8_000_000, `${residentBytes(server)} bytes`);
      for (const client of clients) client.close();
    });
  });
});

for (const runtime of runtimes) {
  describe(`without descriptors, ${runtime.name}`, { skip: runtime.missing }, () => {
    test("goes on with the connections it has, does not spin, and accepts again once there are some", async (t) => {
      const server = await startServer(runtime, ["-root-dir", folder.root]);
      t.after(() => server.child.kill("SIGKILL"));
      const limit = (descriptors: string) =>
        execFileSync("prlimit", ["--pid", String(server.child.pid), `--nofile=${descriptors}:`]);
      const usual = /Max open files\s+(\d+)/.exec(
        readFileSync(`/proc/${server.child.pid}/limits`, "utf8"),
      )?.[1];
      const client = await RawClient.open(server.port);
      client.send(requestText("/page.html"));
      await client.responses(1);
      limit(String(await lowestFreeDescriptor(server)));
      const waiting = await Promise.all(Array.from({ length: 5 }, () => RawClient.open(server.port)));
      for (const each of waiting) each.send(requestText("/page.html", ["Connection: close"]));
      client.send(requestText("/page.html"));
      await client.responses(2);
      // Neither content nor an open file of it is there.
      client.send(requestText("/huge.bin"));
      const refused = (await client.responses(3)).at(2);
      assert.equal(refused?.status, 503);
      assert.equal(refused.fields.get("retry-after"), "1");
      const before = processorSeconds(server);
      await sleep(1000);
      const spent = processorSeconds(server) - before;
      // Spinning takes all that a busy machine has left for it.
      assert.ok(spent < 0.15, `${spent} s of the processor in a second`);
      limit(usual ?? "1024");
      // Natively the waiting ones are served now; Node closes them, and serves who comes next.
      assert.equal((await get(server.port, "/page.html")).status, 200);
      if (runtime !== runtimes[0])
        for (const each of waiting) assert.equal((await each.responses(1))[0]?.status, 200);
      for (const each of [client, ...waiting]) each.close();
      assert.equal(await server.stop(), 0, server.stderr);
    });
  });
}
