/** What a site may expect beyond plain files: caching, clean addresses, single-page applications, pages for 404. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { makeEmptySite } from "../support/empty-site.ts";
import { get, type RawResponse } from "../support/raw-http.ts";
import { runtimes, type ServerProcess, startServer } from "../support/server-process.ts";
import { writeSiteFile } from "../support/site-folder.ts";

const revalidate = "public, max-age=0, must-revalidate";
const immutable = "public, max-age=31536000, immutable";

const folder = makeEmptySite();
const root = folder.root;
after(() => folder.remove());
writeSiteFile(root, "index.html", "home");
writeSiteFile(root, "404.html", "not here");
writeSiteFile(root, "contact.html", "contact");
writeSiteFile(root, "both.html", "both page");
writeSiteFile(root, "both/index.html", "both folder");
writeSiteFile(root, "docs/index.html", "docs");
writeSiteFile(root, "docs/guide.html", "guide");
writeSiteFile(root, "docs/404.html", "not in docs");
writeSiteFile(root, "docs/deep/page.html", "page");
writeSiteFile(root, "assets/index-BxV3kq9z.css", "body {}");
writeSiteFile(root, "app.3f2a9c1b.js", "1");
writeSiteFile(root, "app.js", "1");
writeSiteFile(root, "app.js.gz", "not really gzip");
writeSiteFile(root, "data.json", "{}");
writeSiteFile(root, "font.woff2", "font");
writeSiteFile(root, ".well-known/security.txt", "Contact: mailto:a@example.org");

interface Expected {
  readonly status?: number;
  readonly content?: string;
  readonly fields?: Readonly<Record<string, string | null>>;
}

function check(response: RawResponse, expected: Expected, title: string): void {
  assert.equal(response.status, expected.status ?? 200, title);
  if (expected.content !== undefined) assert.equal(response.content.toString(), expected.content, title);
  for (const [name, value] of Object.entries(expected.fields ?? {}))
    assert.equal(response.fields.get(name) ?? null, value, `${title}: ${name}`);
}

for (const runtime of runtimes) {
  describe(`a site on ${runtime.name}`, { skip: runtime.missing }, () => {
    async function withServer(
      flags: readonly string[],
      work: (port: number, server: ServerProcess) => Promise<void>,
      environment: NodeJS.ProcessEnv = {},
    ): Promise<void> {
      const server = await startServer(runtime, ["-root-dir", root, ...flags], environment);
      try {
        await work(server.port, server);
      } finally {
        assert.equal(await server.stop(), 0, server.stderr);
      }
    }

    /** Twice, since the second answer comes from memory. */
    async function expectAll(port: number, table: Readonly<Record<string, Expected>>): Promise<void> {
      for (const round of ["first", "again"])
        for (const [target, expected] of Object.entries(table))
          check(await get(port, target), expected, `${target} ${round}`);
    }

    test("hashed names are cached for good, others checked every time, errors not at all", async () => {
      await withServer([], async (port) => {
        await expectAll(port, {
          "/": { fields: { "cache-control": revalidate } },
          "/app.js": { fields: { "cache-control": revalidate, vary: "Accept-Encoding" } },
          "/app.3f2a9c1b.js": { fields: { "cache-control": immutable } },
          "/assets/index-BxV3kq9z.css": { fields: { "cache-control": immutable } },
          "/nope": { status: 404, fields: { "cache-control": null } },
          "/docs": { status: 301, fields: { "cache-control": null } },
          "/%": { status: 400, fields: { "cache-control": null } },
        });
        const { fields } = await get(port, "/app.3f2a9c1b.js");
        const same = await get(port, "/app.3f2a9c1b.js", [`If-None-Match: ${fields.get("etag")}`]);
        check(same, { status: 304, fields: { "cache-control": immutable } }, "304");
        const part = await get(port, "/app.3f2a9c1b.js", ["Range: bytes=0-0"]);
        check(part, { status: 206, fields: { "cache-control": immutable } }, "206");
      });
    });

    test("--cache-control and --cache-control-hashed say something else, or nothing", async () => {
      await withServer(["--cache-control=no-store", "--cache-control-hashed", "max-age=60"], async (port) => {
        await expectAll(port, {
          "/": { fields: { "cache-control": "no-store" } },
          "/app.3f2a9c1b.js": { fields: { "cache-control": "max-age=60" } },
        });
      });
      await withServer(
        ["--cache-control="],
        async (port) => {
          await expectAll(port, {
            "/": { fields: { "cache-control": null } },
            "/app.3f2a9c1b.js": { fields: { "cache-control": null } },
          });
        },
        { STATIGO_CACHE_CONTROL: "no-store", STATIGO_CACHE_CONTROL_HASHED: "none" },
      );
    });

    test("every answer says nosniff; --security-headers and --cors add theirs", async () => {
      await withServer(["--security-headers", "--cors"], async (port) => {
        const secure = {
          "x-content-type-options": "nosniff",
          "referrer-policy": "strict-origin-when-cross-origin",
          "x-frame-options": "SAMEORIGIN",
        };
        await expectAll(port, {
          "/": { fields: { ...secure, "access-control-allow-origin": null } },
          "/data.json": { fields: { ...secure, "access-control-allow-origin": "*" } },
          "/font.woff2": { fields: { ...secure, "access-control-allow-origin": "*" } },
          "/nope": { status: 404, fields: secure },
          "/%": { status: 400, fields: { "x-content-type-options": "nosniff" } },
          "/health": { status: 204, fields: { "x-content-type-options": "nosniff" } },
        });
      });
      await withServer([], async (port) => {
        await expectAll(port, {
          "/font.woff2": {
            fields: {
              "x-content-type-options": "nosniff",
              "referrer-policy": null,
              "access-control-allow-origin": null,
            },
          },
        });
      });
    });

    test("a page is found without its extension, and a folder with its slash", async () => {
      await withServer([], async (port) => {
        await expectAll(port, {
          "/contact": { content: "contact", fields: { "content-type": "text/html; charset=utf-8" } },
          "/contact.html": { content: "contact" },
          "/contact/?a=1": { status: 301, fields: { location: "/contact?a=1" } },
          "/contact.html/": { status: 404 },
          "/docs?a=1": { status: 301, fields: { location: "/docs/?a=1" } },
          "/docs/": { content: "docs" },
          "/docs/guide": { content: "guide" },
          "/both": { content: "both page" },
          "/both/": { content: "both folder" },
          "/index": { content: "home" },
          "/app": { status: 404 },
        });
      });
    });

    test("--trailing-slash always gives every page a slash", async () => {
      await withServer(["--trailing-slash", "always"], async (port) => {
        await expectAll(port, {
          "/": { content: "home" },
          "/contact?a=1": { status: 301, fields: { location: "/contact/?a=1" } },
          "/contact/": { content: "contact" },
          "/contact.html": { content: "contact" },
          "/docs": { status: 301, fields: { location: "/docs/" } },
          "/docs/": { content: "docs" },
          "/both/": { content: "both folder" },
          "/app.js": { content: "1" },
          "/app.js/": { status: 404 },
        });
      });
    });

    test("--trailing-slash never takes every slash away but the first", async () => {
      await withServer(["--trailing-slash=never"], async (port) => {
        await expectAll(port, {
          "/": { content: "home" },
          "/contact": { content: "contact" },
          "/contact/": { status: 301, fields: { location: "/contact" } },
          "/docs": { content: "docs" },
          "/docs/?a=1": { status: 301, fields: { location: "/docs?a=1" } },
          "/docs/index.html": { content: "docs" },
          "/both": { content: "both page" },
          "/app.js/": { status: 404 },
        });
      });
    });

    test("no slash policy redirects to another host", async () => {
      for (const policy of ["auto", "always", "never"]) {
        await withServer(["--trailing-slash", policy], async (port) => {
          for (const target of ["//docs", "//docs/", "//contact", "//contact/", "/%5cdocs", "/%2fdocs"]) {
            const response = await get(port, target);
            assert.match(response.fields.get("location") ?? "/a", /^\/[a-z]/, `${policy} ${target}`);
          }
        });
      }
    });

    test("the nearest 404.html up the tree is sent, of another name only that in the root", async () => {
      await withServer([], async (port) => {
        await expectAll(port, {
          "/nope": { status: 404, content: "not here" },
          "/docs/nope": { status: 404, content: "not in docs" },
          "/docs/deep/nope": { status: 404, content: "not in docs" },
          "/docs/nope/deeper": { status: 404, content: "not in docs" },
          "/assets/nope": { status: 404, content: "not here" },
          "/%2f/nope": { status: 404, content: "not here" },
        });
      });
      await withServer(["--not-found-filename", "index.html"], async (port) => {
        await expectAll(port, { "/docs/nope": { status: 404, content: "home" } });
      });
    });

    test("--spa answers paths without file and extension with the index, to GET and HEAD", async () => {
      await withServer(["--spa"], async (port) => {
        await expectAll(port, {
          "/some/view": { content: "home", fields: { "cache-control": revalidate } },
          "/some/view/?a=1": { content: "home" },
          "/v1.2/view": { content: "home" },
          "/docs/view": { content: "home" },
          "/contact": { content: "contact" },
          "/missing.js": { status: 404, content: "not here" },
          "/missing.js/": { status: 404 },
          "/view/missing.png?x=/y": { status: 404 },
          "/.well-known/change-password": { status: 404 },
          "/.git": { status: 404 },
        });
        check(await get(port, "/view", [], "HEAD"), { content: "" }, "HEAD");
        check(await get(port, "/view", ["Content-Length: 0"], "POST"), { status: 405 }, "POST");
        const { fields } = await get(port, "/view");
        check(await get(port, "/view", [`If-None-Match: ${fields.get("etag")}`]), { status: 304 }, "304");
      });
      await withServer([], async (port) => {
        await expectAll(port, { "/some/view": { status: 404 } });
      });
    });

    test("a page of an application makes way for a file that appears", async () => {
      await withServer(["--spa"], async (port) => {
        check(await get(port, "/late"), { content: "home" }, "before");
        writeSiteFile(root, "late.html", "late");
        try {
          await sleep(1100);
          check(await get(port, "/late"), { content: "late" }, "after");
        } finally {
          folder.removeFile("late.html");
        }
      });
    });

    test("--log-format json writes one object a line, with the client's address from trusted proxies alone", async () => {
      await withServer(["--log-format=json", "--trusted-proxies", "127.0.0.0/8"], async (port, server) => {
        const from = ["X-Forwarded-For: 6.6.6.6, 1.2.3.4, 127.0.0.9", "Referer: http://example.org/\\"];
        // Twice, since the second answer comes from memory.
        for (let i = 0; i < 2; i++) await get(port, "/docs/", from);
        await get(port, "/nope?x=%22", ['Forwarded: for="[2001:db8::1]:80"', 'User-Agent: a"b'], "HEAD");
        await server.waitForStdout("nope");
        const lines = server.stdout
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line));
        assert.equal(lines.length, 3);
        for (const line of lines.slice(0, 2)) {
          const { time, durationMs, ...rest } = line;
          assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000, time);
          assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
          assert.ok(durationMs >= 0 && durationMs < 5000, durationMs);
          assert.deepEqual(rest, {
            address: "1.2.3.4",
            method: "GET",
            path: "/docs/",
            status: 200,
            bytes: 4,
            referer: "http://example.org/\\",
            userAgent: "",
          });
        }
        assert.equal(lines[2].address, "2001:db8::1");
        assert.equal(lines[2].path, "/nope?x=%22");
        assert.equal(lines[2].userAgent, 'a"b');
        assert.equal(lines[2].bytes, 0);
      });
      await withServer([], async (port, server) => {
        await get(port, "/docs/", ["X-Forwarded-For: 1.2.3.4"]);
        await server.waitForStdout("docs");
        assert.match(server.stdout, /^127\.0\.0\.1 - - /);
      });
    });

    test("every flag has a variable, which the flag overrides", async () => {
      const environment = { STATIGO_SPA: "true", STATIGO_TRAILING_SLASH: "never", STATIGO_NO_METRICS: "1" };
      await withServer(
        ["--trailing-slash=always"],
        async (port) => {
          await expectAll(port, {
            "/view": { content: "home" },
            "/metrics": { content: "home" },
            "/docs": { status: 301, fields: { location: "/docs/" } },
          });
        },
        environment,
      );
    });
  });
}
