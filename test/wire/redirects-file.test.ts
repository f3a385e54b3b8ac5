/** `_redirects`: where a path leads by it, what is reported, and that no client turns it against the site. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { makeEmptySite } from "../support/empty-site.ts";
import { get } from "../support/raw-http.ts";
import { runtimes, type ServerProcess, startServer } from "../support/server-process.ts";
import { writeSiteFile } from "../support/site-folder.ts";

const rules = `# a comment
/old /new
/first /one 301   # the first counts
/first /two 301
/see /other 303
/temporary /other 307
/permanent\t/other\t308
/gone /lost.html 404
/pass /index.html 200
/pass-missing /nope.html 200
/out https://example.org/path?x=1#top 301
/query /target?own=1 301
/hash /target#part 301
/shadowed /elsewhere 301
/forced /elsewhere 301!
/forced-file.txt /index.html 200!
/forced-gone.txt /lost.html 404!
/blog/:year/:month/:slug /posts/:year-:month-:slug.html 301
/files/:name.pdf /pdf/:name 301
/docs/* https://docs.example.org/:splat 301
/open/* /:splat 301
/near*  /:splat 301
/app/* /app/index.html 200
/images/*.png /pictures/:splat.webp 301
/loop /loop 301
/gr%C3%BC%C3%9Fe /hello 301
/straße /street/ü 301
/up/* /docs-of/../../../etc/:splat 200
/hidden/* /.git/:splat 200
`;
const goodLines = rules.split("\n").length - 1;

const bad: readonly (readonly [string, RegExp])[] = [
  ["/alone", /a rule is "from to"/],
  ["/a /b 418", /the code is one of 200 301 302 303 307 308 404/],
  ["/a /b 301 Country=de", /conditions are not supported/],
  ["/store id=:id /blog/:id 301", /matching by query parameters is not supported/],
  ["/mail mailto:a@example.org 301", /a target starts with a slash/],
  ["/a //evil.example", /write https:/],
  ["/a ftp://example.org/", /starts with a slash, https/],
  ["/a https://example.org/ 200", /200 needs a path of this site/],
  ["/* https://example.org:splat 301", /let a client choose/],
  ["/* https:///:splat 301", /a host must stand after/],
  ["/* https://\\/:splat 301", /a host must stand after/],
  ["/a /b\u001b[31m 418", /the code is one of .*: \/a \/b\?\[31m 418/],
  ["https://www.example.org/* /:splat 301", /rules for one host/],
  ["relative /b", /starts with a slash/],
  ["/a%zz /b", /broken percent escape/],
  ["/*/x/:a /b", /nothing can be matched after/],
  ["/:a:b /b", /something must stand between/],
];

for (const runtime of runtimes) {
  describe(`_redirects on ${runtime.name}`, { skip: runtime.missing }, () => {
    const site = makeEmptySite();
    let server: ServerProcess;
    before(async () => {
      for (const name of ["index.html", "lost.html", "shadowed.html", "forced.html", "app/index.html"])
        writeSiteFile(site.root, name, name);
      for (const name of ["forced-file.txt", "forced-gone.txt", "docs/here.html", ".git/config"])
        writeSiteFile(site.root, name, name);
      writeSiteFile(
        site.root,
        "_redirects",
        `${rules}${bad.map(([line]) => line).join("\r\n")}\n/last /one 301\n`,
      );
      server = await startServer(runtime, ["-root-dir", site.root]);
    });
    after(async () => {
      site.remove();
      assert.equal(await server.stop(), 0, server.stderr);
    });

    const locations: Readonly<Record<string, readonly [number, string]>> = {
      "/old": [302, "/new"],
      "/old/": [302, "/new"],
      "/old?a=1&b=%2f": [302, "/new?a=1&b=%2f"],
      "/first": [301, "/one"],
      "/see": [303, "/other"],
      "/temporary": [307, "/other"],
      "/permanent": [308, "/other"],
      "/out": [301, "https://example.org/path?x=1#top"],
      "/out?y=2": [301, "https://example.org/path?x=1#top"],
      "/query?a=1": [301, "/target?own=1"],
      "/hash?a=1": [301, "/target?a=1#part"],
      "/forced": [301, "/elsewhere"],
      "/blog/2024/11/a-post": [301, "/posts/2024-11-a-post.html"],
      "/blog/2024/11/%c3%bc%20%22": [301, "/posts/2024-11-%C3%BC%20%22.html"],
      "/files/report.pdf": [301, "/pdf/report"],
      "/docs/a/b?c=1": [301, "https://docs.example.org/a/b?c=1"],
      "/docs/": [301, "https://docs.example.org/"],
      "/docs": [301, "https://docs.example.org/"],
      "/images/a/b.png": [301, "/pictures/a/b.webp"],
      "/gr%c3%bc%c3%9fe": [301, "/hello"],
      "/stra%C3%9Fe": [301, "/street/%C3%BC"],
      "/last": [301, "/one"],
    };
    for (const [target, [status, location]] of Object.entries(locations)) {
      test(`${target} leads to ${location} with ${status}`, async () => {
        const response = await get(server.port, target);
        assert.equal(response.status, status);
        assert.equal(response.fields.get("location"), location);
        assert.equal(response.fields.get("content-length"), "0");
      });
    }

    const contents: Readonly<Record<string, readonly [number, string]>> = {
      "/pass": [200, "index.html"],
      "/pass?a=1": [200, "index.html"],
      "/gone": [404, "lost.html"],
      "/forced-file.txt": [200, "index.html"],
      "/forced-gone.txt": [404, "lost.html"],
      "/shadowed": [200, "shadowed.html"],
      "/shadowed.html": [200, "shadowed.html"],
      "/docs/here": [200, "docs/here.html"],
      "/app/any/view": [200, "app/index.html"],
      "/app/": [200, "app/index.html"],
    };
    for (const [target, [status, content]] of Object.entries(contents)) {
      test(`${target} is ${content} with ${status}`, async () => {
        // Twice, since the second answer may come from memory.
        for (let i = 0; i < 2; i++) {
          const response = await get(server.port, target);
          assert.equal(response.status, status);
          assert.equal(response.content.toString(), content);
          assert.equal(response.fields.get("content-type"), "text/html; charset=utf-8");
        }
      });
    }

    for (const target of [
      "/nope",
      "/pass-missing",
      "/blog/2024/11",
      "/blog/2024//a-post",
      "/files/.pdf",
      "/loop",
      "/Old",
    ]) {
      test(`${target} is not found`, async () => {
        assert.equal((await get(server.port, target)).status, 404);
      });
    }

    test("a client can't turn a redirect into one to another host", async () => {
      for (const target of [
        "/open//evil.example",
        "/open/%2fevil.example",
        "/open/%5cevil.example",
        "/open/%5c%5cevil.example",
        "/near/evil.example",
        "/near//evil.example",
        "/near%5cevil.example",
        "/near/%09/evil.example",
        "//evil.example/../open/x",
        "/open/https://evil.example",
      ]) {
        const response = await get(server.port, target);
        const location = response.fields.get("location");
        if (location === undefined) assert.equal(response.status, 404, target);
        else
          assert.equal(new URL(location, "http://own.example").host, "own.example", `${target}: ${location}`);
      }
    });

    test("a client can't add a field to a redirect", async () => {
      const response = await get(server.port, "/open/a%0d%0aSet-Cookie:%20a=1");
      assert.equal(response.fields.get("location"), "/a%0D%0ASet-Cookie:%20a=1");
      assert.equal(response.fields.has("set-cookie"), false);
    });

    test("a rewrite leads neither out of the root nor to hidden files", async () => {
      for (const target of ["/up/passwd", "/up/../up/passwd", "/hidden/config"]) {
        const response = await get(server.port, target);
        assert.equal(response.status, 404, target);
      }
    });

    test("other methods are not redirected", async () => {
      assert.equal((await get(server.port, "/old", ["Content-Length: 0"], "POST")).status, 405);
    });

    test("a line that can't be used is reported at the start with its number, and the others count", async () => {
      // Any answer, so that what was written before has come.
      await get(server.port, "/health");
      const lines = server.stderr.split("\n").filter((line) => line.includes("/_redirects:"));
      assert.equal(lines.length, bad.length, server.stderr);
      for (const [index, [, reason]] of bad.entries()) {
        const place = `statigo: ${site.root}/_redirects:${goodLines + 1 + index}: `;
        assert.ok(lines[index]?.startsWith(place), `${place} / ${lines[index]}`);
        assert.match(lines[index] ?? "", reason);
      }
    });

    test("the file itself is not served", async () => {
      for (const target of ["/_redirects", "/%5fredirects", "//_redirects", "/_redirects/"])
        assert.equal((await get(server.port, target)).status, 404, target);
    });

    test("rules beyond the limits are ignored and reported, and a change is noticed within two seconds", async () => {
      const fixed = Array.from({ length: 2005 }, (_, i) => `/s${i} /t${i} 301`);
      const moving = Array.from({ length: 105 }, (_, i) => `/d${i}/* /t${i}/:splat 301`);
      writeSiteFile(site.root, "_redirects", [...fixed, ...moving, `/${"x".repeat(3000)} /y`].join("\n"));
      await sleep(1300);
      assert.equal((await get(server.port, "/s1999")).fields.get("location"), "/t1999");
      assert.equal((await get(server.port, "/s2000")).status, 404);
      assert.equal((await get(server.port, "/d99/a")).fields.get("location"), "/t99/a");
      assert.equal((await get(server.port, "/d100/a")).status, 404);
      assert.equal((await get(server.port, "/old")).status, 404);
      assert.match(server.stderr, /_redirects:2001: more than 2000 rules without placeholders/);
      assert.match(server.stderr, /_redirects:2106: more than 100 rules with placeholders/);
      assert.match(server.stderr, /_redirects:2111: longer than 2000 characters/);
    });
  });
}
