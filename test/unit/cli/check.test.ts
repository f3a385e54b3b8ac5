import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { findCssReferences } from "../../../cli/check/css.ts";
import { readCheckOptions } from "../../../cli/check/options.ts";
import { describeResult } from "../../../cli/check/report.ts";
import { type CheckResult, SiteChecker } from "../../../cli/check/site.ts";
import { splitSrcset } from "../../../cli/check/srcset.ts";
import { parseSize } from "../../../cli/size.ts";

const folder = mkdtempSync(join(tmpdir(), "statigo-check-"));
after(() => rmSync(folder, { recursive: true, force: true }));
let siteCount = 0;

type Files = Readonly<Record<string, string>>;

function makeSite(files: Files): string {
  siteCount += 1;
  const site = join(folder, String(siteCount));
  for (const [path, content] of Object.entries({ "404.html": "", ...files })) {
    mkdirSync(dirname(join(site, path)), { recursive: true });
    writeFileSync(join(site, path), content);
  }
  return site;
}

function read(site: string, options: Record<string, string> = {}, handedOn: string[] = []) {
  return readCheckOptions({ positionals: [site], options, handedOn }, () => "");
}

function check(site: string, options: Record<string, string> = {}, handedOn: string[] = []): CheckResult {
  return new SiteChecker(read(site, options, handedOn)).run();
}

/** `file:line:column kind: message` */
function found(...args: Parameters<typeof check>): string[] {
  return check(...args).findings.map(({ file, line, column, kind, message }) => {
    const place = line === undefined ? "" : `:${line}:${column}`;
    return `${file}${place} ${kind}: ${message}`;
  });
}

const sound: Files = {
  "index.html": `<!doctype html><a href="about">clean</a> <a href="/about.html#team">file</a> <a href="docs">folder</a>
    <a href="docs/?q=1#part">query</a> <a href="#">top</a> <a href="#top">top</a> <a href="">self</a>
    <a href="#/route">route</a> <a href="/about#:~:text=who">text</a> <a href="mailto:a@b.example">mail</a>
    <a href="https://other.example/x">other</a> <a href="//other.example">other</a> <a href="/old">redirect</a>
    <a href="/away">redirect</a> <a href="/health">health</a> <a href="/ma%C3%9F">escaped</a> <a href="/a&amp;b">entity</a>
    <img src="data:image/gif;base64,AAAA" srcset="img/a.png 1x, img/b,c.png 2x"> <form method="post" action="/api"></form>
    <template><p id="twice"></template><p id="twice">
    <link rel="preconnect" href="/nothing"><script>const text = '<a href="/in-a-script">';</script><!-- <a href="/in-a-comment"> -->`,
  "about.html": '<p id="team">',
  "docs/index.html": '<a name="part"></a><a href="../about">up</a><a href="next#é">next</a>',
  "docs/next.html": '<p id="é">',
  "maß.html": "",
  "a&b.html": "",
  "img/a.png": "",
  "img/b,c.png": "",
  "site.css":
    '@import "more.css"; a { background: url(img/a.png) } b { background: image-set("img/a.png" 1x type("image/png")) }',
  "more.css": "/* url(nothing.png) */ a { content: 'url(nothing.png)' }",
  _redirects: "/old /about#team\n/away https://other.example\n",
};

test("a sound site has nothing to be found", () => {
  const result = check(makeSite(sound));
  assert.deepEqual(result.findings, []);
  assert.equal(result.pages, 7);
});

describe("it finds", () => {
  const cases: readonly [string, Files, readonly string[], (readonly string[])?][] = [
    ["a link to nothing", { "a.html": '\n  <a\n href="/no">' }, ["a.html:3:2 broken-link: /no is not there"]],
    [
      "a link to a folder without an index",
      { "a.html": '<a href="/b/">', "b/c.html": "" },
      ["a.html:1:4 broken-link: /b/ is not there"],
    ],
    [
      "what is missing in a srcset",
      { "a.html": '<img srcset="x.png 1x, y.png 2x">', "x.png": "" },
      ["a.html:1:6 missing-asset: y.png is not there"],
    ],
    [
      "a missing script and icon",
      { "a.html": '<script src="x.js"></script><link rel="icon" href="y.ico">' },
      ["a.html:1:9 missing-asset: x.js is not there", "a.html:1:46 missing-asset: y.ico is not there"],
    ],
    [
      "what a style sheet lacks",
      { "a.css": "a {\n  background: url( 'x.png' ) }" },
      ["a.css:2:20 missing-asset: x.png is not there"],
    ],
    [
      "what a style element and attribute lack",
      { "a.html": '<style>\n@import url(x.css);</style><p style="background: url(&quot;y.png&quot;)">' },
      ["a.html:2:9 missing-asset: x.css is not there", "a.html:2:31 missing-asset: y.png is not there"],
    ],
    [
      "what a drawing lacks",
      { "a.svg": '<svg><image href="x.png"/></svg>' },
      ["a.svg:1:13 missing-asset: x.png is not there"],
    ],
    [
      "an anchor that is not there",
      { "a.html": '<a href="b#x">', "b.html": '<p id="X">' },
      ["a.html:1:4 broken-anchor: b#x: b.html has no part of that name"],
    ],
    [
      "an anchor of the page itself",
      { "a.html": '<a href="#x">' },
      ["a.html:1:4 broken-anchor: #x: a.html has no part of that name"],
    ],
    [
      "another case",
      { "a.html": '<a href="About"><img src="IMG/x.png">', "about.html": "", "img/x.png": "" },
      [
        "a.html:1:4 wrong-case: About is not there, but /about is",
        "a.html:1:22 wrong-case: IMG/x.png is not there, but /img/x.png is",
      ],
    ],
    [
      "the same letter in another Unicode form",
      { "a.html": '<a href="/e\u0301">', "\u00e9.html": "" },
      ["a.html:1:4 wrong-case: /e\u0301 is not there, but /%C3%A9 is"],
    ],
    [
      "addresses that are none",
      { "a.html": '<a href="http://[">x</a><a href="/%zz">' },
      [
        "a.html:1:4 bad-url: http://[ is no address",
        "a.html:1:28 bad-url: /%zz is no address that the server takes",
      ],
    ],
    [
      "redirects in a circle",
      { "a.html": '<a href="/b">', _redirects: "/b /c\n/c /b\n" },
      [
        "_redirects:1:4 redirect-loop: /b leads in a circle",
        "_redirects:2:4 redirect-loop: /c leads in a circle",
        "a.html:1:4 redirect-loop: /b leads from redirect to redirect without end",
      ],
    ],
    [
      "a redirect to nothing",
      { _redirects: "# to nothing\n/b  /c 301\n/d/* /e/:splat\n" },
      ["_redirects:2:5 broken-link: /c is not there"],
    ],
    [
      "rules that can't be used",
      { _headers: "X-A: b\n", _redirects: "/a\n" },
      [
        "_headers:1:1 rules: stands below no path: X-A: b",
        '_redirects:1:1 rules: a rule is "from to", and a code or not: /a',
      ],
    ],
    [
      "relative addresses where a page answers any",
      { "404.html": '<img src="x.png"><img src="/x.png">', "x.png": "" },
      [
        "404.html:1:6 relative-link: x.png depends on the address that the page answers: start it with a slash",
      ],
    ],
    [
      "the same in an application",
      { "index.html": '<script src="x.js"></script>', "x.js": "" },
      [
        "index.html:1:9 relative-link: x.js depends on the address that the page answers: start it with a slash",
      ],
      ["--spa"],
    ],
    [
      "what would be loaded over http",
      {
        "a.html":
          '<img src="http://a.example/"><a href="http://a.example/"><iframe src="http://b.example"></iframe>',
      },
      [
        "a.html:1:6 mixed-content: http://a.example/ is loaded over http:",
        "a.html:1:66 mixed-content: http://b.example is loaded over http:",
      ],
    ],
    [
      "an id twice",
      { "a.html": '<p id="x"><p id="x">' },
      ['a.html:1:14 duplicate-id: the id "x" is there twice'],
    ],
    ["an empty image", { "a.html": '<img src="">' }, ["a.html:1:6 missing-asset: the address is empty"]],
    [
      "where a refresh leads",
      { "a.html": '<meta http-equiv="refresh" content="0; url=/no">' },
      ["a.html:1:28 broken-link: /no is not there"],
    ],
    [
      "what <base> makes of an address",
      { "a.html": '<base href="/sub/"><a href="x">', "x.html": "" },
      ["a.html:1:23 broken-link: x is not there"],
    ],
  ];
  for (const [title, files, expected, flags = []] of cases) {
    test(title, () => assert.deepEqual(found(makeSite(files), {}, [...flags]), expected));
  }

  test("links that can't be served", () => {
    const site = makeSite({});
    symlinkSync("/etc", join(site, "etc"));
    assert.deepEqual(found(site), ["etc files: is a link out of the root, to /etc: 404"]);
  });

  test("no page for what is not there, unless the flags or rules have another", () => {
    const site = makeSite({ "lost.html": "" });
    rmSync(join(site, "404.html"));
    assert.deepEqual(found(site), [
      "404.html not-found-page: is missing: who follows a dead link gets a bare page",
    ]);
    assert.deepEqual(found(site, {}, ["--not-found-filename", "lost.html"]), []);
    for (const rule of ["/* /lost.html 404", "/* / 302"]) {
      writeFileSync(join(site, "_redirects"), `${rule}\n`);
      assert.deepEqual(found(site), [], rule);
    }
  });

  test("images above the limit", () => {
    const site = makeSite({ "a.png": "x".repeat(1500), "a.txt": "x".repeat(1500) });
    assert.deepEqual(found(site, { "max-image-size": "1kB" }), [
      "a.png image-size: 1.5 kB, more than 1.0 kB",
    ]);
    assert.deepEqual(found(site, { "max-image-size": "0" }), []);
  });
});

describe("addresses lead where the server leads them", () => {
  test("--trailing-slash decides where a page's relative addresses start", () => {
    const site = makeSite({ "a.html": '<a href="b">', "b.html": "", "d/index.html": '<a href="b">' });
    assert.deepEqual(found(site, {}, ["--trailing-slash", "never"]), []);
    assert.deepEqual(found(site, {}, ["--trailing-slash", "always"]), [
      "a.html:1:4 broken-link: b is not there",
      "d/index.html:1:4 broken-link: b is not there",
    ]);
    assert.deepEqual(found(site), ["d/index.html:1:4 broken-link: b is not there"]);
  });

  test("--spa answers views, and no script", () => {
    const site = makeSite({ "index.html": '<a href="/view#x"></a><script src="/no.js"></script>' });
    assert.deepEqual(found(site, {}, ["--spa"]), ["index.html:1:31 missing-asset: /no.js is not there"]);
  });

  test("hidden files are not there, without --serve-hidden", () => {
    const site = makeSite({
      "a.html": '<a href="/.x/a.txt"><a href="/.well-known/a.txt">',
      ".x/a.txt": "",
      ".well-known/a.txt": "",
    });
    assert.deepEqual(found(site, { skip: "files" }), ["a.html:1:4 broken-link: /.x/a.txt is not there"]);
    assert.deepEqual(found(site, {}, ["--serve-hidden"]), []);
  });

  test("--site-url has absolute links to the site checked", () => {
    const site = makeSite({ "a.html": '<a href="https://blog.example/no">' });
    assert.deepEqual(found(site), []);
    assert.deepEqual(found(site, { "site-url": "https://blog.example" }), [
      "a.html:1:4 broken-link: https://blog.example/no is not there",
    ]);
  });

  test("--skip leaves kinds out", () => {
    assert.deepEqual(
      found(makeSite({ "a.html": '<a href="/no"><p id="x"><p id="x">' }), {
        skip: "broken-link, duplicate-id",
      }),
      [],
    );
  });
});

describe("wrong options are refused", () => {
  for (const [options, flags, expected] of [
    [
      { skip: "broken-lnk" },
      [],
      /--skip broken-lnk: no such kind\. Did you mean 'broken-link'\? The kinds are: broken-link, /,
    ],
    [{ "max-image-size": "big" }, [], /--max-image-size big is no size such as 500kB or 2MB/],
    [{ "site-url": "blog.example" }, [], /--site-url blog\.example is no address/],
    [{}, ["--trailing-slash", "maybe"], /--trailing-slash/],
  ] as const) {
    test(expected.source, () => assert.throws(() => read(folder, options, [...flags]), expected));
  }
});

test("a finding in many places is told with the first three, or all", () => {
  const places = [1, 2, 3, 4, 5].map((line) => ({
    kind: "broken-link" as const,
    file: "a.html",
    line,
    column: 1,
    message: "/no is not there",
  }));
  const result = { findings: places, files: 1, pages: 1, references: 5 };
  const lines = describeResult("_site", result, false, process.stdout).split("\n");
  assert.deepEqual(lines, [
    ...[1, 2, 3].map((line) => `_site/a.html:${line}:1: /no is not there (broken-link)`),
    "  the same in 2 more places: --all",
    "_site: 1 file, 1 page, 5 references: 5 findings",
  ]);
  assert.equal(describeResult("_site", result, true, process.stdout).split("\n").length, 6);
});

test("srcset is split as browsers do", () => {
  const urls = (text: string) => splitSrcset(text).map(({ url }) => url);
  assert.deepEqual(urls("a.png"), ["a.png"]);
  assert.deepEqual(urls(" a.png 1x,b.png 2x ,, c.png"), ["a.png", "b.png", "c.png"]);
  assert.deepEqual(urls("a,b.png 100w, data:x,y 2x"), ["a,b.png", "data:x,y"]);
  assert.deepEqual(urls("a.png, b.png"), ["a.png", "b.png"]);
  assert.deepEqual(urls("a.png calc(1x, 2x), b.png"), ["a.png", "b.png"]);
});

test("addresses of a style sheet stand where their tokens do", () => {
  const text = 'a{b:url(x.png)}@import "y.css";@media print{a{b:URL("z.png")}}';
  assert.deepEqual(
    findCssReferences(text).map(({ url, offset }) => [url, text.slice(offset).match(/^(url\(|")/i)?.[0]]),
    [
      ["x.png", "url("],
      ["y.css", '"'],
      ["z.png", '"'],
    ],
  );
});

test("sizes are read with their units", () => {
  for (const [text, bytes] of [
    ["0", 0],
    ["70000", 70_000],
    ["500kB", 500_000],
    ["1.5 MB", 1_500_000],
    ["1KiB", 1024],
    ["x", undefined],
    ["1GB", undefined],
  ] as const)
    assert.equal(parseSize(text), bytes, text);
});
