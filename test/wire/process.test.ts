/** The server as a process: flags, environment, log, metrics, signals, exit status, a root that is switched. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { flags } from "../../server/options/flags.ts";
import { freePorts } from "../support/free-port.ts";
import { get, RawClient, requestText } from "../support/raw-http.ts";
import { runServer, runtimes, startServer } from "../support/server-process.ts";
import { makeSiteFolder, writeSiteFile } from "../support/site-folder.ts";

const folder = makeSiteFolder();
after(() => folder.remove());

for (const runtime of runtimes) {
  describe(`the process on ${runtime.name}`, { skip: runtime.missing }, () => {
    async function withServer(
      flagList: readonly string[],
      work: (port: number, server: Awaited<ReturnType<typeof startServer>>) => Promise<void>,
      environment: NodeJS.ProcessEnv = {},
    ): Promise<void> {
      const server = await startServer(runtime, flagList, environment);
      try {
        await work(server.port, server);
      } finally {
        assert.equal(await server.stop(), 0, server.stderr);
      }
    }
    const root = ["-root-dir", folder.root];

    test("flags work with one dash and two, with a space and with =", async () => {
      await withServer(
        [`--root-dir=${folder.root}`, "-index-filename=guide.html", "--serve-hidden"],
        async (port) => {
          assert.equal((await get(port, "/docs/")).content.toString(), "<h1>guide</h1>\n");
          assert.equal((await get(port, "/.hidden")).status, 200);
        },
      );
      await withServer(
        [`-root-dir=${folder.root}`, "--index-filename", "guide.html", "-serve-hidden=false"],
        async (port) => {
          assert.equal((await get(port, "/docs/")).content.toString(), "<h1>guide</h1>\n");
          assert.equal((await get(port, "/.hidden")).status, 404);
        },
      );
    });

    test("the health URL answers 204, is movable, and is not logged", async () => {
      await withServer([...root, "-health-url", "/up"], async (port, server) => {
        const response = await get(port, "/up?x=1");
        assert.equal(response.status, 204);
        assert.equal(response.fields.has("content-length"), false);
        assert.equal((await get(port, "http://example.org/up")).status, 204);
        assert.equal((await get(port, "/health")).status, 404);
        await server.waitForStdout("/health");
        assert.doesNotMatch(server.stdout, /\/up/);
      });
    });

    test("the default 404 page is sent where the site has none", async () => {
      await withServer([...root, "-not-found-filename", "none.html"], async (port) => {
        const response = await get(port, "/nope");
        assert.equal(response.status, 404);
        assert.match(response.content.toString(), /404 Not Found/);
      });
    });

    test("-not-found-filename index.html serves an application with 404, as statigo v8 does", async () => {
      await withServer([...root, "-not-found-filename", "index.html"], async (port) => {
        const response = await get(port, "/some/route");
        assert.equal(response.status, 404);
        assert.equal(response.content.toString(), "<h1>home</h1>\n");
      });
    });

    test("metrics have statigo's names and count only what exists", async () => {
      await withServer(
        root,
        async (port) => {
          await get(port, "/");
          await get(port, "/page.html?a=1");
          await get(port, "/page.html?a=2");
          await get(port, "/nope-1");
          await get(port, "/nope-2");
          await get(port, "/docs");
          const response = await get(port, "/metrics");
          assert.equal(response.fields.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
          const text = response.content.toString();
          assert.match(text, /^statigo_status_total\{site="a\\"b",status="200"\} 3$/m);
          assert.match(text, /^statigo_status_total\{site="a\\"b",status="404"\} 2$/m);
          assert.match(text, /^statigo_status_total\{site="a\\"b",status="301"\} 1$/m);
          assert.match(text, /^statigo_requests_total\{path="\/page\.html",site="a\\"b"\} 2$/m);
          assert.match(text, /^statigo_sent_bytes_total\{site="a\\"b"\} \d+$/m);
          assert.match(text, /^statigo_connections\{site="a\\"b"\} [1-9]\d*$/m);
          assert.match(text, /^statigo_build_info\{site="a\\"b",version="\d+\.\d+\.\d+"\} 1$/m);
          assert.doesNotMatch(text, /nope/);
          assert.match(text, /^statigo_response_time_seconds_bucket\{site="a\\"b",le="\+Inf"\} 4$/m);
          assert.match(text, /^statigo_response_time_seconds_count\{site="a\\"b"\} 4$/m);
          assert.match(text, /^# TYPE statigo_response_time_seconds histogram$/m);
        },
        { STATIGO_SITE: 'a"b' },
      );
    });

    test("-no-metrics has no metrics URL", async () => {
      await withServer([...root, "-no-metrics"], async (port) => {
        assert.equal((await get(port, "/metrics")).status, 404);
      });
    });

    test("the log is Apache's combined format, and no client can write lines of its own into it", async () => {
      await withServer(root, async (port, server) => {
        await get(port, "/page.html?x=%0a", ['User-Agent: a"b\\c\xff', "Referer: http://example.org/\t"]);
        await get(port, "/docs/", [], "HEAD");
        await server.waitForStdout("HEAD");
        const [first, second] = server.stdout.split("\n");
        assert.match(
          first ?? "",
          /^127\.0\.0\.1 - - \[\d{2}\/\w{3}\/\d{4}:\d{2}:\d{2}:\d{2} \+0000\] "GET \/page\.html\?x=%0a HTTP\/1\.1" 200 14 "http:\/\/example\.org\/" "a\\"b\\\\c\\xff"$/,
        );
        assert.match(second ?? "", / "HEAD \/docs\/ HTTP\/1\.1" 200 - "-" "-"$/);
      });
    });

    test("-no-request-logging logs nothing", async () => {
      await withServer([...root, "-no-request-logging"], async (port, server) => {
        await get(port, "/");
        await sleep(300);
        assert.equal(server.stdout, "");
      });
    });

    test("a stdout that nobody reads any more does not end the server", async () => {
      await withServer(root, async (port, server) => {
        server.child.stdout?.destroy();
        for (let i = 0; i < 3; i++) {
          assert.equal((await get(port, "/")).status, 200);
          await sleep(150);
        }
      });
    });

    test("SIGTERM closes idle connections, finishes the reply under way, and exits 0", async () => {
      const server = await startServer(runtime, root);
      const idle = await RawClient.open(server.port);
      idle.send(requestText("/page.html"));
      await idle.responses(1);
      const busy = await RawClient.open(server.port);
      busy.socket.pause();
      busy.send(requestText("/big.bin"));
      await sleep(200);
      const ended = server.stop();
      await idle.untilEnd();
      await assert.rejects(RawClient.open(server.port));
      busy.socket.resume();
      const [response] = await busy.responses(1);
      assert.equal(response?.status, 200);
      assert.equal(await ended, 0, server.stderr);
      assert.match(server.stdout, /big\.bin/);
    });

    test("a client that connected before SIGTERM and asks after it is answered, and its connection closed", async () => {
      const server = await startServer(runtime, root);
      const clients = await Promise.all(Array.from({ length: 100 }, () => RawClient.open(server.port)));
      // From the kernel's queue or from the server: it is not to be seen from here which ones were accepted by now.
      const ended = server.stop();
      for (const client of clients) client.send(requestText("/page.html"));
      for (const client of clients) {
        const [response] = await client.responses(1);
        assert.equal(response?.status, 200);
        await client.untilEnd();
      }
      assert.equal(await ended, 0, server.stderr);
    });

    test("a client that asks for nothing does not hold up the end", async () => {
      const server = await startServer(runtime, root);
      const silent = await RawClient.open(server.port);
      const ended = server.stop();
      await silent.untilEnd();
      assert.equal(await ended, 0, server.stderr);
    });

    test("SIGHUP has everything looked at anew, at once", async () => {
      await withServer(root, async (port, server) => {
        writeSiteFile(folder.root, "reload.txt", "one");
        assert.equal((await get(port, "/reload.txt")).content.toString(), "one");
        writeSiteFile(folder.root, "reload.txt", "two");
        server.child.kill("SIGHUP");
        await sleep(50);
        assert.equal((await get(port, "/reload.txt")).content.toString(), "two");
      });
    });

    test("SIGINT ends it too", async () => {
      const server = await startServer(runtime, root);
      assert.equal(await server.stop("SIGINT"), 0);
    });

    test("the port of NOMAD_PORT_http is used, and --healthcheck asks there", async () => {
      const [port = 0] = await freePorts(1);
      const environment = { NOMAD_PORT_http: String(port) };
      const server = await startServer(runtime, ["-root-dir", folder.root]);
      const before = await runServer(runtime, ["--healthcheck"], environment);
      assert.equal(before.status, 1);
      assert.match(before.stderr, new RegExp(`no connection to 127\\.0\\.0\\.1:${port}/health`));
      const right = await runServer(runtime, ["-healthcheck"], { NOMAD_PORT_http: String(server.port) });
      assert.deepEqual(right, { status: 0, stdout: "", stderr: "" });
      const wrong = await runServer(runtime, [
        "--healthcheck",
        "--health-url=/nope",
        `--listen-addr=:${server.port}`,
      ]);
      assert.equal(wrong.status, 1);
      assert.match(wrong.stderr, /answered "HTTP\/1\.1 404 Not Found"/);
      await server.stop();
    });

    test("without -listen-addr it listens on NOMAD_PORT_http", async () => {
      const server = await startServer(runtime, root);
      const taken = await runServer(runtime, root, { NOMAD_PORT_http: String(server.port) });
      assert.equal(taken.status, 1);
      assert.match(taken.stderr, new RegExp(`can't listen on :${server.port}: .*EADDRINUSE`));
      await server.stop();
    });

    const wrongFlags: readonly (readonly [readonly string[], RegExp])[] = [
      [["--nope"], /^statigo: unknown flag --nope: see --help\n$/],
      [["-root-dir"], /^statigo: --root-dir needs a value/],
      [["-serve-hidden=perhaps"], /^statigo: --serve-hidden is true or false, not "perhaps"\n$/],
      [["/www"], /^statigo: "\/www" is not a flag: the site's folder is given as --root-dir \/www\n$/],
      [["-listen-addr", "3000"], /^statigo: --listen-addr "3000" is no address: write :3000/],
      [["-listen-addr", ":70000"], /is no address/],
      [["-health-url", "up"], /must start with a slash/],
      [["-index-filename", "a/b"], /without a folder/],
      [["-root-dir", "/nonexistent"], /^statigo: --root-dir \/nonexistent can't be read/],
      [["-root-dir", "/etc/passwd"], /^statigo: --root-dir \/etc\/passwd is not a folder\n$/],
    ];
    for (const [flagList, message] of wrongFlags) {
      test(`${flagList.join(" ")} is refused in one line with status 2`, async () => {
        const { status, stdout, stderr } = await runServer(runtime, flagList);
        assert.equal(status, 2);
        assert.match(stderr, message);
        assert.equal(stderr.split("\n").length, 2);
        assert.equal(stdout, "");
      });
    }

    test("--help names every flag and fits a screen", async () => {
      const { status, stdout } = await runServer(runtime, ["--help"]);
      assert.equal(status, 0);
      for (const flag of flags) assert.match(stdout, new RegExp(`^  --${flag.name}\\b`, "m"));
      // Of a screen of 40 lines, with the line where the next command is typed.
      assert.ok(stdout.split("\n").length <= 40);
      assert.ok(stdout.split("\n").every((line) => line.length <= 100));
    });

    test("--version says the version", async () => {
      const { status, stdout } = await runServer(runtime, ["--version"]);
      assert.equal(status, 0);
      assert.match(stdout, /^statigo \d+\.\d+\.\d+\n$/);
    });

    test("a root that is a link is switched within a second, without a failed request", async () => {
      const base = mkdtempSync(join(tmpdir(), "statigo-switch-"));
      try {
        for (const release of ["one", "two"]) {
          mkdirSync(join(base, release));
          writeFileSync(join(base, release, "index.html"), `release ${release}`);
        }
        symlinkSync("one", join(base, "current"));
        await withServer(["-root-dir", join(base, "current")], async (port) => {
          assert.equal((await get(port, "/")).content.toString(), "release one");
          symlinkSync("two", join(base, "next"));
          renameSync(join(base, "next"), join(base, "current"));
          const switched = Date.now();
          for (;;) {
            const response = await get(port, "/");
            assert.equal(response.status, 200);
            if (response.content.toString() === "release two") break;
            assert.equal(response.content.toString(), "release one");
            assert.ok(Date.now() - switched < 1000, "not switched within a second");
            await sleep(10);
          }
        });
      } finally {
        rmSync(base, { recursive: true });
      }
    });
  });
}
