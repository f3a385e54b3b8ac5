import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodePath, isHidden, routeTarget } from "../../../server/route.ts";

const bytesOf = (text: string) => Buffer.from(text, "utf8").toString("latin1");

describe("a target", () => {
  const paths: readonly (readonly [string, string, string])[] = [
    ["/", "/", ""],
    ["/a/b.html", "/a/b.html", ""],
    ["/a/?", "/a/", "?"],
    ["/a?b=/../%zz", "/a", "?b=/../%zz"],
    ["/a??b", "/a", "??b"],
    ["//", "/", ""],
    ["//a//b//", "/a/b/", ""],
    ["/.", "/", ""],
    ["/./a/.", "/a/", ""],
    ["/a/..", "/", ""],
    ["/a/b/../c", "/a/c", ""],
    ["/a/b/..", "/a/", ""],
    ["/a/%2e%2E/b", "/b", ""],
    ["/...", "/...", ""],
    ["/a/..b/.c", "/a/..b/.c", ""],
    ["/%61%20b", "/a b", ""],
    ["/a%3Fb", "/a?b", ""],
    ["/a%23b", "/a#b", ""],
    ["/a%5Cb", "/a\\b", ""],
    ["/a\\b", "/a\\b", ""],
    ["/a+b", "/a+b", ""],
    ["/%25", "/%", ""],
    ["/%252e%252e", "/%2e%2e", ""],
    ["/gr%C3%BC%C3%9Fe", "/grüße", ""],
    [bytesOf("/grüße"), "/grüße", ""],
    ["/%F0%9F%8D%8E", "/🍎", ""],
    ["http://a/b?c", "/b", "?c"],
    ["HTTPS://a:80/b/../c", "/c", ""],
    ["http://a", "/", ""],
    ["http://a?b", "/", "?b"],
    ["http://a//b", "/b", ""],
    ["http://u@a/b", "/b", ""],
  ];
  for (const [target, path, query] of paths) {
    test(`${JSON.stringify(target)} is the path ${JSON.stringify(path)}`, () => {
      assert.deepEqual({ ...routeTarget(target) }, { error: 0, path, query });
    });
  }

  const refused: readonly (readonly [string, number])[] = [
    ["", 400],
    ["*", 400],
    ["a", 400],
    ["a.example:80", 400],
    ["ftp://a/b", 400],
    ["http:/a", 400],
    ["http://", 400],
    ["http:///a", 400],
    ["http://?a", 400],
    ["/a#b", 400],
    ["/a?b#c", 400],
    ["/..", 400],
    ["/../a", 400],
    ["/a/../../a", 400],
    ["/%2e%2e/a", 400],
    ["/.%2e", 400],
    ["/a/%2E./..", 400],
    ["http://a/..", 400],
    ["//..", 400],
    ["/%", 400],
    ["/%4", 400],
    ["/a%", 400],
    ["/%g0", 400],
    ["/%0g", 400],
    ["/%-1", 400],
    ["/% 1", 400],
    ["/%00", 400],
    ["/a%00.html", 400],
    ["/a%2Fb", 404],
    ["/a%2fb", 404],
    ["/..%2f..%2fetc/passwd", 404],
  ];
  for (const [target, status] of refused) {
    test(`${JSON.stringify(target)} is ${status}`, () => assert.equal(routeTarget(target).error, status));
  }

  test("of overlong UTF-8 never becomes a dot or a slash", () => {
    for (const dot of ["%c0%ae", "%e0%80%ae", "%f0%80%80%ae", "\xc0\xae"]) {
      const { error, path } = routeTarget(`/${dot}${dot}/a`);
      assert.equal(error, 0);
      assert.match(path, /^\/\uFFFD+\/a$/);
    }
  });

  test("never gives a path with a dot segment, a double slash or a NUL, whatever it is made of", () => {
    const pieces = [
      "/",
      "//",
      ".",
      "..",
      "%2e",
      "%2E%2e",
      "a",
      "%5c",
      "%00",
      "%",
      "%c0%af",
      "?",
      "http://a",
      "\\",
    ];
    let state = 7;
    const next = (below: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 16) % below;
    };
    for (let i = 0; i < 50_000; i++) {
      const target = `/${Array.from({ length: next(9) }, () => pieces[next(pieces.length)]).join("")}`;
      const { error, path } = routeTarget(target);
      if (error !== 0) continue;
      assert.match(path, /^\/[^\0]*$/, target);
      assert.doesNotMatch(path, /\/\/|\/\.\.?(?:\/|$)/, target);
    }
  });
});

describe("a path", () => {
  for (const path of ["/.a", "/a/.b", "/.a/b", "/.well-known", "/a/.well-known/b", "/.well-known/.a"]) {
    test(`${path} is hidden`, () => assert.equal(isHidden(path), true));
  }
  for (const path of ["/.well-known/a/.b", "/.well-known/a/.b/c"]) {
    test(`${path} is hidden below the public folder too`, () => assert.equal(isHidden(path), true));
  }
  for (const path of [
    "/",
    "/a",
    "/a.b",
    "/a./b",
    "/a/b.",
    "/.well-known/",
    "/.well-known/a",
    "/.well-known/a.b",
  ]) {
    test(`${path} is not hidden`, () => assert.equal(isHidden(path), false));
  }
});

describe("a path in a Location", () => {
  test("is read back as what it was", () => {
    for (const path of [
      "/a b",
      "/grüße/🍎",
      "/a%b",
      "/a?b#c",
      '/"<>\\^`{|}',
      "/a\r\nb",
      "/%2e%2e",
      "/a;b=c@d:e",
    ]) {
      const encoded = encodePath(path);
      assert.match(encoded, /^[!-~]+$/, "printable ASCII alone");
      assert.equal(decodeURIComponent(encoded), path);
      assert.deepEqual({ ...routeTarget(encoded) }, { error: 0, path, query: "" });
    }
  });

  test("never names another host, however it is resolved", () => {
    for (const target of [
      "//evil.example/a",
      "/\\evil.example/a",
      "/%5cevil.example",
      "///evil.example",
      "/%09/evil",
    ]) {
      const { path } = routeTarget(target);
      const url = new URL(encodePath(path), "http://site.example/");
      assert.equal(url.host, "site.example", target);
    }
  });
});
