/** What users of other static servers reported or wished for, one test each, on every runtime. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { tagOf } from "../support/content-tag.ts";
import { makeEmptySite } from "../support/empty-site.ts";
import { get, type RawResponse } from "../support/raw-http.ts";
import { nativeRuntime, runtimes, type ServerProcess, startServer } from "../support/server-process.ts";
import { modifiedText, writeSiteFile } from "../support/site-folder.ts";

const folder = makeEmptySite();
after(() => folder.remove());
const root = folder.root;
const page = "<h1>a page that is longer than its variant</h1>\n".repeat(50);
const variant = gzipSync(page);
writeSiteFile(root, "index.html", page);
writeSiteFile(root, "index.html.gz", variant);
writeSiteFile(root, "docs/index.html", page);
writeSiteFile(root, "docs/index.html.gz", variant);
writeSiteFile(root, "contact.html", "contact");
writeSiteFile(root, "app.3f2a9c1b.js", "1");
writeSiteFile(root, "video.mp4", Buffer.alloc(100_000, "v"));
writeSiteFile(root, "_headers", "/docs/*\n  Vary: Origin\n");

const field = ({ fields }: RawResponse, name: string): string | null => fields.get(name) ?? null;

for (const runtime of runtimes) {
  describe(`bugs of peers on ${runtime.name}`, { skip: runtime.missing }, () => {
    async function withServer(
      flags: readonly string[],
      work: (port: number, server: ServerProcess) => Promise<void>,
    ): Promise<string> {
      const server = await startServer(runtime, ["-root-dir", root, ...flags]);
      try {
        await work(server.port, server);
      } finally {
        assert.equal(await server.stop(), 0, server.stderr);
      }
      return server.stdout;
    }

    test("a script that is missing is no page of the application, nor a file to be kept (serve#576)", async () => {
      await withServer(["--spa"], async (port) => {
        assert.equal((await get(port, "/settings/profile")).status, 200);
        for (const target of ["/assets/index-BxV3kq9z.js", "/app.css", "/a.b/c.js?x"]) {
          const response = await get(port, target);
          assert.deepEqual([response.status, field(response, "cache-control")], [404, null], target);
        }
      });
    });

    test("pages are asked for again, hashed names never (static-web-server#135, #659, serve#258, sirv#99)", async () => {
      await withServer([], async (port) => {
        const cacheControl = async (target: string) => field(await get(port, target), "cache-control");
        assert.equal(await cacheControl("/"), "public, max-age=0, must-revalidate");
        assert.equal(await cacheControl("/app.3f2a9c1b.js"), "public, max-age=31536000, immutable");
      });
    });

    test("another build with equal dates and sizes is no 304 (nixpkgs#25485, rules_docker#633)", async () => {
      const name = `build-${runtimes.indexOf(runtime)}.html`;
      writeSiteFile(root, name, "build one");
      await withServer([], async (port) => {
        const tag = field(await get(port, `/${name}`), "etag") ?? "";
        const validators = [`If-None-Match: ${tag}`, `If-Modified-Since: ${modifiedText}`];
        assert.equal((await get(port, `/${name}`, validators)).status, 304);
        writeSiteFile(root, "next.html", "build two");
        renameSync(join(root, "next.html"), join(root, name));
        await sleep(1200);
        const response = await get(port, `/${name}`, validators);
        assert.deepEqual([response.status, response.content.toString()], [200, "build two"]);
        assert.equal(field(response, "last-modified"), modifiedText);
      });
    });

    test("it stays under 10 MB of memory (static-web-server#602)", async () => {
      await withServer([], async (port, server) => {
        for (let i = 0; i < 300; i++) await get(port, i % 2 === 0 ? "/" : `/nope-${i}`);
        const status = readFileSync(`/proc/${server.child.pid}/status`, "utf8");
        const residentBytes = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
        // Node and the sanitizer have their own price.
        const limitBytes = runtime === nativeRuntime ? 2_000_000 : 400_000_000;
        assert.ok(residentBytes < limitBytes, `${residentBytes} bytes`);
      });
    });

    test("a variant has its own length, also for a folder, and one Vary (static-web-server#721, #178, #453)", async () => {
      await withServer([], async (port) => {
        for (const target of ["/", "/docs/", "/docs/index.html"]) {
          const response = await get(port, target, ["Accept-Encoding: gzip"]);
          assert.ok(response.content.equals(variant), target);
          assert.equal(field(response, "content-length"), String(variant.length));
          assert.equal(
            field(response, "vary"),
            target === "/" ? "Accept-Encoding" : "Accept-Encoding, Origin",
          );
          assert.equal((await get(port, target)).content.toString(), page);
        }
      });
    });

    test("one line of the log has address, URL and status (static-web-server#735)", async () => {
      const log = await withServer([], async (port) => void (await get(port, "/nope?x=1")));
      assert.match(log, /^127\.0\.0\.1 - - \[\S+ \+0000\] "GET \/nope\?x=1 HTTP\/1\.1" 404 \d+ "-" "-"\n$/);
    });

    test("X-Forwarded-For is believed from trusted networks alone (static-web-server#495, darkhttpd#49)", async () => {
      const ask = (port: number) => get(port, "/", ["X-Forwarded-For: 192.0.2.7"]);
      const addresses: string[] = [];
      for (const network of ["10.0.0.0/8", "127.0.0.0/8"]) {
        const log = await withServer(
          [`--trusted-proxies=${network}`],
          async (port) => void (await ask(port)),
        );
        addresses.push(log.split(" ")[0] ?? "");
      }
      assert.deepEqual(addresses, ["127.0.0.1", "192.0.2.7"]);
    });

    test("addresses need no extension, and have one form (static-web-server#615, #130)", async () => {
      await withServer([], async (port) => {
        assert.equal((await get(port, "/contact")).content.toString(), "contact");
        const [slash, none] = [await get(port, "/contact/"), await get(port, "/docs")];
        assert.deepEqual([slash.status, field(slash, "location")], [301, "/contact"]);
        assert.deepEqual([none.status, field(none, "location")], [301, "/docs/"]);
      });
    });

    test("a root that is switched is served whole, old or new (static-web-server#699)", async () => {
      const base = join(root, `.releases-${runtimes.indexOf(runtime)}`);
      for (const release of ["one", "two"]) {
        mkdirSync(join(base, release), { recursive: true });
        for (const name of ["a.txt", "b.txt"]) writeSiteFile(join(base, release), name, release);
      }
      symlinkSync("one", join(base, "current"));
      await withServer(["-root-dir", join(base, "current")], async (port) => {
        assert.equal((await get(port, "/a.txt")).content.toString(), "one");
        symlinkSync("two", join(base, "next"));
        renameSync(join(base, "next"), join(base, "current"));
        const until = Date.now() + 1000;
        let first = "one";
        while (first === "one") {
          assert.ok(Date.now() < until, "not switched within a second");
          first = (await get(port, "/a.txt")).content.toString();
          // Once one file is of the new release, none is of the old.
          if (first === "two") assert.equal((await get(port, "/b.txt")).content.toString(), "two");
        }
      });
    });

    test("//host is no redirect to a host (serve#449)", async () => {
      await withServer([], async (port) => {
        for (const target of ["//docs", "//contact/", "//example.org/%2e%2e/docs"])
          assert.match(field(await get(port, target), "location") ?? "", /^\/\w/, target);
        assert.equal(field(await get(port, "//example.org"), "location"), null);
      });
    });

    test("/% and /%00 are 400, and the server goes on (sirv#54, node-static#244)", async () => {
      await withServer([], async (port) => {
        for (const target of ["/%", "/%00", "/%e4%", "/contact%00.html"])
          assert.equal((await get(port, target)).status, 400, target);
        assert.equal((await get(port, "/contact")).status, 200);
      });
    });

    test("a 304 follows lists, * and weak tags (sirv#46)", async () => {
      await withServer([], async (port) => {
        const tag = tagOf(Buffer.from("contact"));
        for (const list of [tag, `W/${tag}`, `"a", ${tag}`, `"a,b" ,W/${tag},`, "*"])
          assert.equal((await get(port, "/contact", [`If-None-Match: ${list}`])).status, 304, list);
        for (const list of ['"a"', tag.slice(1, -1), `"a, ${tag.slice(1, -1)}"`])
          assert.equal((await get(port, "/contact", [`If-None-Match: ${list}`])).status, 200, list);
      });
    });

    test("a video is sought in, within its bounds and beyond (sirv#40, static-web-server#306)", async () => {
      await withServer([], async (port) => {
        const ranges: readonly (readonly [string, number, string | null])[] = [
          ["bytes=0-", 206, "bytes 0-99999/100000"],
          ["bytes=99999-", 206, "bytes 99999-99999/100000"],
          ["bytes=50000-200000", 206, "bytes 50000-99999/100000"],
          ["bytes=-200000", 206, "bytes 0-99999/100000"],
          ["bytes=100000-", 416, "bytes */100000"],
          ["bytes=9-1", 200, null],
        ];
        for (const [range, status, contentRange] of ranges) {
          const response = await get(port, "/video.mp4", [`Range: ${range}`]);
          assert.deepEqual(
            [response.status, field(response, "content-range")],
            [status, contentRange],
            range,
          );
        }
      });
    });
  });
}
