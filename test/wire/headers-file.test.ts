/** `_headers`: which fields an answer gets by it, what is reported, and that it is read again. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { makeEmptySite } from "../support/empty-site.ts";
import { get, RawClient, requestText } from "../support/raw-http.ts";
import { runtimes, type ServerProcess, startServer } from "../support/server-process.ts";
import { writeSiteFile } from "../support/site-folder.ts";

const rules = `# a comment
/*
  X-Frame-Options: DENY
  X-Content-Type-Options: nosniff
  Link: </a.css>; rel=preload
  Vary: Cookie

/docs/*
  Link: </b.css>; rel=preload
  X-Robots-Tag: noindex
  ! X-Frame-Options
/assets/*\r
\tCache-Control: public, max-age=60\r
  Access-Control-Allow-Origin: *
/plain.txt
  ! Cache-Control
  ! Content-Type
/feed.xml
  content-type: application/atom+xml; charset=utf-8
/blog/:year/:slug
  X-Year: :year of :slug, not :other
/view/*
  X-View: :splat
/secret
  Set-Cookie: a=1
  Set-Cookie: b=2
/broken
  Content-Length: 5
  Transfer-Encoding: chunked
  Bad Name: x
  no colon
  X-Empty:
  X-Good: yes
https://example.org/host
  X-Host: a
/a*b*c
  X-Two: a
/view/*
  X-Also: :splat
admin/*
  X-Stray: a
`;

const problems: readonly (readonly [number, RegExp])[] = [
  [28, /Content-Length is set by the server alone/],
  [29, /Transfer-Encoding is set by the server alone/],
  [30, /neither a path nor "Name: value": Bad Name: x/],
  [31, /neither a path nor "Name: value": no colon/],
  [32, /the value of X-Empty is empty/],
  [34, /rules for one host are not supported/],
  [36, /nothing can be matched after \*/],
  [40, /neither a path nor "Name: value": admin/],
];

for (const runtime of runtimes) {
  describe(`_headers on ${runtime.name}`, { skip: runtime.missing }, () => {
    const site = makeEmptySite();
    let server: ServerProcess;
    before(async () => {
      for (const name of ["index.html", "docs/index.html", "assets/a.js", "assets/app.3f2a9c1b.js"])
        writeSiteFile(site.root, name, name);
      for (const name of ["plain.txt", "feed.xml", "blog/2024/post.html", "secret.html", "broken.html"])
        writeSiteFile(site.root, name, name);
      writeSiteFile(site.root, "docs/data.js", "data");
      writeSiteFile(site.root, "docs/data.js.gz", "packed");
      writeSiteFile(site.root, "404.html", "not here");
      writeSiteFile(site.root, "_headers", rules);
      server = await startServer(runtime, ["-root-dir", site.root, "--spa", "--security-headers"]);
    });
    after(async () => {
      site.remove();
      assert.equal(await server.stop(), 0, server.stderr);
    });

    async function expectFields(
      target: string,
      expected: Readonly<Record<string, string | null>>,
      status = 200,
      extra: readonly string[] = [],
    ): Promise<void> {
      // Twice, since the second answer comes from memory.
      for (const round of ["first", "again"]) {
        const response = await get(server.port, target, extra);
        assert.equal(response.status, status, `${target} ${round}`);
        for (const [name, value] of Object.entries(expected))
          assert.equal(response.fields.get(name) ?? null, value, `${target} ${round}: ${name}`);
      }
    }

    test("the first rule for a field replaces the server's, later ones are added after a comma", async () => {
      await expectFields("/", { "x-frame-options": "DENY", link: "</a.css>; rel=preload" });
      await expectFields("/docs/", {
        link: "</a.css>; rel=preload, </b.css>; rel=preload",
        "x-robots-tag": "noindex",
        "referrer-policy": "strict-origin-when-cross-origin",
      });
      await expectFields("/assets/a.js", {
        "cache-control": "public, max-age=60",
        "access-control-allow-origin": "*",
      });
      await expectFields("/assets/app.3f2a9c1b.js", { "cache-control": "public, max-age=60" });
    });

    test("! removes a field, a rule's and the server's", async () => {
      await expectFields("/docs/", { "x-frame-options": null });
      await expectFields("/plain.txt", { "cache-control": null, "content-type": null });
    });

    test("Content-Type can be another, nosniff stays and comes once", async () => {
      await expectFields("/feed.xml", {
        "content-type": "application/atom+xml; charset=utf-8",
        "x-content-type-options": "nosniff",
      });
    });

    test("Vary is joined with the server's own", async () => {
      await expectFields("/", { vary: "Cookie" });
      await expectFields("/docs/data.js", { vary: "Accept-Encoding, Cookie" });
      await expectFields(
        "/docs/data.js",
        { vary: "Accept-Encoding, Cookie", "content-encoding": "gzip" },
        200,
        ["Accept-Encoding: gzip, identity;q=0"],
      );
    });

    test("what placeholders stand for goes into the value, and nothing else", async () => {
      await expectFields("/blog/2024/post", { "x-year": "2024 of post, not :other" });
    });

    test("what a client writes into a path can't add a field", async () => {
      await expectFields("/view/a%0d%0aX-Evil:%20b", { "x-view": "a%0D%0AX-Evil:%20b", "x-evil": null });
      await expectFields("/view/%c3%bc%22", { "x-view": "%C3%BC%22" });
    });

    test("takes no lines of a path without its slash for those of the path above", async () => {
      await expectFields("/view/a", { "x-view": "a", "x-also": "a", "x-stray": null });
    });

    test("a page that stands in for another path has the fields of that path", async () => {
      await expectFields("/docs/view", { "x-robots-tag": "noindex" });
      await expectFields("/other/view", { "x-robots-tag": null, "x-frame-options": "DENY" });
      await expectFields("/docs/nope.js", { "x-robots-tag": "noindex" }, 404);
    });

    test("what is not there is never cached by a rule", async () => {
      await expectFields(
        "/assets/nope.js",
        { "cache-control": null, "access-control-allow-origin": "*" },
        404,
      );
    });

    test("206 and 304 have them too", async () => {
      const { fields } = await get(server.port, "/assets/a.js");
      await expectFields("/assets/a.js", { "cache-control": "public, max-age=60" }, 206, [
        "Range: bytes=0-1",
      ]);
      await expectFields("/assets/a.js", { "cache-control": "public, max-age=60" }, 304, [
        `If-None-Match: ${fields.get("etag")}`,
      ]);
    });

    test("lines of Set-Cookie are not joined", async () => {
      const client = await RawClient.open(server.port);
      client.send(requestText("/secret", ["Connection: close"]));
      await client.untilEnd();
      assert.match(client.received.toString(), /\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n/);
    });

    test("a line that can't be used is reported with its number, and the others count", async () => {
      await expectFields("/broken", { "x-good": "yes", "transfer-encoding": null, "content-length": "11" });
      const lines = server.stderr.split("\n").filter((line) => line.includes("/_headers:"));
      assert.equal(lines.length, problems.length, server.stderr);
      for (const [index, [number, reason]] of problems.entries()) {
        assert.ok(lines[index]?.startsWith(`statigo: ${site.root}/_headers:${number}: `), lines[index]);
        assert.match(lines[index] ?? "", reason);
      }
    });

    test("the file itself is not served", async () => {
      const { status, content } = await get(server.port, "/_headers.txt");
      assert.equal(status, 404);
      assert.equal(content.toString(), "not here");
      for (const target of ["/_headers", "/./_headers", "/%5fheaders", "//_headers"]) {
        const response = await get(server.port, target);
        assert.doesNotMatch(response.content.toString(), /X-Robots-Tag/, target);
      }
    });

    test("a change is noticed within two seconds, its removal too", async () => {
      await expectFields("/", { "x-frame-options": "DENY" });
      writeSiteFile(site.root, "_headers", "/*\n  X-Frame-Options: SAMEORIGIN\n  X-New: 1\n");
      await sleep(1300);
      await expectFields("/", { "x-frame-options": "SAMEORIGIN", "x-new": "1", link: null });
      site.removeFile("_headers");
      await sleep(1300);
      await expectFields("/", { "x-new": null, vary: null });
    });
  });
}
