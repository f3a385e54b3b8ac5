/** One request, one response: what every kind of request gets, on every runtime, byte for byte the same. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { tagOf } from "../support/content-tag.ts";
import { exchange, RawClient, requestText } from "../support/raw-http.ts";
import { runtimes, type ServerProcess, startServer } from "../support/server-process.ts";
import { bigContent, makeSiteFolder, modifiedText, script } from "../support/site-folder.ts";

interface Case {
  readonly title: string;
  readonly request: string;
  readonly status: number;
  /** Fields that must be there with this value, or must be absent (null). */
  readonly fields?: Readonly<Record<string, string | null>>;
  readonly content?: string | Buffer;
}

const home = "<h1>home</h1>\n";
const page = "<h1>page</h1>\n";
const missing = "<h1>not here</h1>\n";
const pageTag = tagOf(Buffer.from(page));
const html = "text/html; charset=utf-8";
const big = bigContent();

const get = (target: string, ...fields: string[]) => requestText(target, fields);
const notFound = { status: 404, content: missing, fields: { "content-type": html, etag: null } };

const files: Case[] = [
  {
    title: "the root is its index.html, with all that describes it",
    request: get("/"),
    status: 200,
    content: home,
    fields: {
      "content-type": html,
      "content-length": String(home.length),
      etag: tagOf(Buffer.from(home)),
      "last-modified": modifiedText,
      "accept-ranges": "bytes",
      "content-encoding": null,
      vary: null,
      connection: null,
    },
  },
  {
    title: "HEAD gives the fields of GET and no content",
    request: requestText("/page.html", [], "HEAD"),
    status: 200,
    content: "",
    fields: { "content-length": String(page.length), etag: pageTag },
  },
  {
    title: "a query does not matter to a file",
    request: get("/page.html?v=1&x=/../"),
    status: 200,
    content: page,
  },
  {
    title: "a folder's index is found by its slash",
    request: get("/docs/"),
    status: 200,
    content: "<h1>docs</h1>\n",
  },
  { title: "index.html is also found by its own name", request: get("/docs/index.html"), status: 200 },
  {
    title: "an empty file has length 0",
    request: get("/empty.txt"),
    status: 200,
    content: "",
    fields: { "content-length": "0", etag: tagOf(Buffer.alloc(0)) },
  },
  {
    title: "an escaped space is a space",
    request: get("/name%20with%20space.txt"),
    status: 200,
    content: "space\n",
    fields: { "content-type": "text/plain; charset=utf-8" },
  },
  {
    title: "UTF-8 names are found escaped",
    request: get("/gr%C3%BC%C3%9Fe.txt"),
    status: 200,
    content: "hallo\n",
  },
  {
    title: "UTF-8 names are found unescaped",
    request: get(Buffer.from("/grüße.txt").toString("latin1")),
    status: 200,
    content: "hallo\n",
  },
  {
    title: "quotes and angle brackets are ordinary in a name",
    request: get("/quote'%22%3C&%3E.txt"),
    status: 200,
    content: "quote\n",
  },
  {
    title: "css has its type",
    request: get("/assets/style.css"),
    status: 200,
    fields: { "content-type": "text/css; charset=utf-8" },
  },
  {
    title: "an unknown extension is a stream of octets",
    request: get("/unknown.nosuch"),
    status: 200,
    fields: { "content-type": "application/octet-stream" },
  },
  {
    title: "a link to a file inside the root is followed",
    request: get("/alias.html"),
    status: 200,
    content: page,
  },
  {
    title: "a link to a folder inside the root is followed",
    request: get("/manual/guide.html"),
    status: 200,
    content: "<h1>guide</h1>\n",
  },
  {
    title: "absolute-form works (RFC 9112 3.2.2)",
    request: get("http://example.org/page.html?x"),
    status: 200,
    content: page,
  },
  {
    title: "absolute-form without a path is the root",
    request: get("http://example.org"),
    status: 200,
    content: home,
  },
  {
    title: "absolute-form with a query and no path is the root",
    request: get("HTTP://example.org?x"),
    status: 200,
    content: home,
  },
  {
    title: "several slashes count as one",
    request: get("//docs///guide.html"),
    status: 200,
    content: "<h1>guide</h1>\n",
  },
  {
    title: "dot segments inside the root are resolved",
    request: get("/docs/./x/../guide.html"),
    status: 200,
    content: "<h1>guide</h1>\n",
  },
  {
    title: "escaped dot segments are dot segments",
    request: get("/docs/%2e%2E/page.html"),
    status: 200,
    content: page,
  },
  {
    title: "HTTP/1.0 without Host is served, and closed",
    request: "GET /page.html HTTP/1.0\r\n\r\n",
    status: 200,
    content: page,
    fields: { connection: "close" },
  },
  {
    title: "HTTP/1.0 with keep-alive is told so",
    request: "GET /page.html HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    status: 200,
    fields: { connection: "keep-alive" },
  },
  {
    title: "Connection: close is honoured",
    request: get("/page.html", "Connection: foo, Close"),
    status: 200,
    fields: { connection: "close" },
  },
  {
    title: "a big file arrives whole",
    request: get("/big.bin"),
    status: 200,
    content: big,
  },
];

const outside: Case[] = [
  { title: "a missing file is 404 with the site's page", request: get("/nope"), ...notFound },
  {
    title: "HEAD of a missing file has no content",
    request: requestText("/nope", [], "HEAD"),
    status: 404,
    content: "",
    fields: { "content-length": String(missing.length) },
  },
  { title: "a file's name with a slash is 404", request: get("/page.html/"), ...notFound },
  { title: "a folder without index is 404, not a listing", request: get("/noindex/"), ...notFound },
  { title: "a folder without index is 404 without its slash too", request: get("/noindex"), ...notFound },
  { title: "../ above the root is 400", request: get("/../outside.txt"), status: 400 },
  { title: "%2e%2e/ above the root is 400", request: get("/%2e%2e/outside.txt"), status: 400 },
  { title: ".%2e above the root is 400", request: get("/docs/.%2e/.%2e/outside.txt"), status: 400 },
  { title: "..%2f is no way up", request: get("/..%2foutside.txt"), ...notFound },
  { title: "%2f inside a name is 404", request: get("/docs%2fguide.html"), ...notFound },
  { title: "..%5c is no way up", request: get("/..%5coutside.txt"), ...notFound },
  { title: "doubly escaped dots are a plain name", request: get("/%252e%252e/outside.txt"), ...notFound },
  {
    title: "a sibling with the root's name as its beginning is out of reach",
    request: get("/../site-sibling/file.txt"),
    status: 400,
  },
  { title: "a link to a file outside is 404", request: get("/escape.txt"), ...notFound },
  { title: "a link to the folder above is 404", request: get("/up/outside.txt"), ...notFound },
  { title: "a link to /etc is 404", request: get("/etc/passwd"), ...notFound },
  {
    title: "a link to a sibling whose name starts like the root is 404",
    request: get("/sibling/file.txt"),
    ...notFound,
  },
  { title: "a link to itself is 404", request: get("/loop"), ...notFound },
  { title: "a hidden file is 404", request: get("/.hidden"), ...notFound },
  { title: "a hidden file with an escaped dot is 404", request: get("/%2ehidden"), ...notFound },
  { title: "a hidden file behind ./ is 404", request: get("/./.hidden"), ...notFound },
  { title: "a hidden file behind // is 404", request: get("//.hidden"), ...notFound },
  { title: "a file in a hidden folder is 404", request: get("/.git/config"), ...notFound },
  { title: "a hidden file in a folder is 404", request: get("/docs/.env"), ...notFound },
  {
    title: "/.well-known/ is public",
    request: get("/.well-known/security.txt"),
    status: 200,
    content: "Contact: mailto:a@example.org\n",
  },
  { title: "a hidden file in /.well-known/ is 404", request: get("/.well-known/.secret"), ...notFound },
  { title: "/.well-known elsewhere is hidden", request: get("/docs/.well-known/x"), ...notFound },
  { title: "%00 is 400", request: get("/page.html%00.txt"), status: 400 },
  { title: "a lone % is 400", request: get("/%"), status: 400 },
  { title: "a broken escape is 400", request: get("/%zz"), status: 400 },
  { title: "a cut escape is 400", request: get("/page%4"), status: 400 },
  { title: "bytes that are no UTF-8 are 404", request: get("/%ff%fe"), ...notFound },
  { title: "a name longer than any file's is 404", request: get(`/${"a".repeat(5000)}`), ...notFound },
  { title: "a fragment in the target is 400", request: get("/page.html#top"), status: 400 },
  { title: "an asterisk is no target for GET", request: get("*"), status: 400 },
  { title: "a target without a slash is 400", request: get("page.html"), status: 400 },
  { title: "an authority without a host is 400", request: get("http:///page.html"), status: 400 },
];

const redirects: Case[] = [
  {
    title: "a folder without its slash is redirected",
    request: get("/docs"),
    status: 301,
    content: "",
    fields: { location: "/docs/", "content-length": "0" },
  },
  {
    title: "the redirect keeps the query",
    request: get("/docs?a=1&b=%2F"),
    status: 301,
    fields: { location: "/docs/?a=1&b=%2F" },
  },
  {
    title: "//docs is not redirected to the host docs",
    request: get("//docs"),
    status: 301,
    fields: { location: "/docs/" },
  },
  {
    title: "//example.org/.. is not redirected to example.org",
    request: get("//example.org/..//docs"),
    status: 301,
    fields: { location: "/docs/" },
  },
  {
    title: "/\\example.org is a name like another",
    request: get("/%5cexample.org/../docs"),
    status: 301,
    fields: { location: "/docs/" },
  },
  {
    title: "a line break in the path can't add a field",
    request: get("/docs%0d%0aSet-Cookie:%20a"),
    ...notFound,
  },
  {
    title: "absolute-form is redirected to a path",
    request: get("http://evil.example/docs"),
    status: 301,
    fields: { location: "/docs/" },
  },
];

const conditional: Case[] = [
  {
    title: "If-None-Match with the tag is 304 with its validators",
    request: get("/page.html", `If-None-Match: ${pageTag}`),
    status: 304,
    content: "",
    fields: { etag: pageTag, "last-modified": modifiedText, "content-length": null, "content-type": null },
  },
  {
    title: "If-None-Match compares weakly",
    request: get("/page.html", `If-None-Match: W/${pageTag}`),
    status: 304,
  },
  {
    title: "If-None-Match takes a list",
    request: get("/page.html", `If-None-Match: "a,b" , "c",${pageTag}`),
    status: 304,
  },
  {
    title: "If-None-Match takes several lines",
    request: get("/page.html", 'If-None-Match: "a"', `If-None-Match: ${pageTag}`),
    status: 304,
  },
  {
    title: "If-None-Match: * is 304 for what exists",
    request: get("/page.html", "If-None-Match: *"),
    status: 304,
  },
  {
    title: "If-None-Match with another tag is 200",
    request: get("/page.html", 'If-None-Match: "other"'),
    status: 200,
    content: page,
  },
  {
    title: "a tag inside another tag does not match",
    request: get("/page.html", `If-None-Match: "x, ${pageTag.slice(1, -1)}, y"`),
    status: 200,
  },
  {
    title: "If-Modified-Since at that second is 304",
    request: get("/page.html", `If-Modified-Since: ${modifiedText}`),
    status: 304,
  },
  {
    title: "If-Modified-Since a second before is 200",
    request: get("/page.html", "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT"),
    status: 200,
  },
  {
    title: "the RFC 850 date works",
    request: get("/page.html", "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT"),
    status: 304,
  },
  {
    title: "the asctime date works",
    request: get("/page.html", "If-Modified-Since: Sun Nov  6 08:49:37 1994"),
    status: 304,
  },
  {
    title: "a date that is none is ignored",
    request: get("/page.html", "If-Modified-Since: yesterday"),
    status: 200,
  },
  {
    title: "If-None-Match goes before If-Modified-Since",
    request: get("/page.html", 'If-None-Match: "other"', `If-Modified-Since: ${modifiedText}`),
    status: 200,
  },
  { title: "If-Match with the tag goes on", request: get("/page.html", `If-Match: ${pageTag}`), status: 200 },
  { title: "If-Match with another tag is 412", request: get("/page.html", 'If-Match: "other"'), status: 412 },
  { title: "If-Match compares strongly", request: get("/page.html", `If-Match: W/${pageTag}`), status: 412 },
  { title: "If-Match: * goes on for what exists", request: get("/page.html", "If-Match: *"), status: 200 },
  {
    title: "If-Unmodified-Since before the change is 412",
    request: get("/page.html", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT"),
    status: 412,
  },
  {
    title: "If-Match goes before If-Unmodified-Since",
    request: get("/page.html", `If-Match: ${pageTag}`, "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT"),
    status: 200,
  },
  {
    title: "If-Match is checked before If-None-Match",
    request: get("/page.html", 'If-Match: "other"', `If-None-Match: ${pageTag}`),
    status: 412,
  },
  {
    title: "a missing file with If-None-Match is 404",
    request: get("/nope", "If-None-Match: *"),
    ...notFound,
  },
];

const ranges: Case[] = [
  {
    title: "a range from the start",
    request: get("/digits.txt", "Range: bytes=0-3"),
    status: 206,
    content: "0123",
    fields: { "content-range": "bytes 0-3/10", "content-length": "4" },
  },
  {
    title: "a range to the end",
    request: get("/digits.txt", "Range: bytes=7-"),
    status: 206,
    content: "789",
    fields: { "content-range": "bytes 7-9/10" },
  },
  {
    title: "the last bytes",
    request: get("/digits.txt", "Range: bytes=-2"),
    status: 206,
    content: "89",
    fields: { "content-range": "bytes 8-9/10" },
  },
  {
    title: "more last bytes than there are",
    request: get("/digits.txt", "Range: bytes=-99"),
    status: 206,
    content: "0123456789",
  },
  {
    title: "an end beyond the end is cut",
    request: get("/digits.txt", "Range: bytes=5-99999999999999999999"),
    status: 206,
    content: "56789",
  },
  { title: "one byte", request: get("/digits.txt", "Range: bytes=0-0"), status: 206, content: "0" },
  {
    title: "the unit's letter case does not matter",
    request: get("/digits.txt", "Range: BYTES=0-0"),
    status: 206,
    content: "0",
  },
  {
    title: "a start at the end is 416 with the length",
    request: get("/digits.txt", "Range: bytes=10-"),
    status: 416,
    fields: { "content-range": "bytes */10" },
  },
  { title: "a suffix of 0 is 416", request: get("/digits.txt", "Range: bytes=-0"), status: 416 },
  {
    title: "any range of an empty file is 416",
    request: get("/empty.txt", "Range: bytes=0-"),
    status: 416,
    fields: { "content-range": "bytes */0" },
  },
  {
    title: "a range that runs backwards is ignored",
    request: get("/digits.txt", "Range: bytes=5-2"),
    status: 200,
  },
  { title: "a malformed range is ignored", request: get("/digits.txt", "Range: bytes=a-b"), status: 200 },
  { title: "a signed position is ignored", request: get("/digits.txt", "Range: bytes=+1-2"), status: 200 },
  { title: "another unit is ignored", request: get("/digits.txt", "Range: lines=0-1"), status: 200 },
  {
    title: "HEAD ignores Range",
    request: requestText("/digits.txt", ["Range: bytes=0-3"], "HEAD"),
    status: 200,
    fields: { "content-length": "10" },
  },
  {
    title: "a range deep in a big file",
    request: get("/big.bin", "Range: bytes=1999990-2100009"),
    status: 206,
    content: big.subarray(1999990, 2100010),
  },
  {
    title: "If-Range with the tag keeps the range",
    request: get("/page.html", "Range: bytes=0-3", `If-Range: ${pageTag}`),
    status: 206,
  },
  {
    title: "If-Range with another tag gives the whole",
    request: get("/page.html", "Range: bytes=0-3", 'If-Range: "other"'),
    status: 200,
  },
  {
    title: "If-Range with a weak tag gives the whole",
    request: get("/page.html", "Range: bytes=0-3", `If-Range: W/${pageTag}`),
    status: 200,
  },
  {
    title: "If-Range with the date keeps the range",
    request: get("/page.html", "Range: bytes=0-3", `If-Range: ${modifiedText}`),
    status: 206,
  },
  {
    title: "If-Range with a later date gives the whole",
    request: get("/page.html", "Range: bytes=0-3", "If-Range: Sun, 06 Nov 1994 08:49:38 GMT"),
    status: 200,
  },
  {
    title: "preconditions go before the range",
    request: get("/page.html", "Range: bytes=0-3", `If-None-Match: ${pageTag}`),
    status: 304,
  },
];

const brotli = brotliCompressSync(script);
const zstd = zstdCompressSync(script);
const gzip = gzipSync(script);
const smallest = [brotli, zstd, gzip].sort((a, b) => a.length - b.length)[0] ?? brotli;
const plainScript = {
  status: 200,
  content: script,
  fields: { "content-encoding": null, vary: "Accept-Encoding", etag: tagOf(Buffer.from(script)) },
};

const coding: Case[] = [
  {
    title: "without Accept-Encoding the file itself is sent, with Vary",
    request: get("/app.js"),
    ...plainScript,
  },
  {
    title: "gzip",
    request: get("/app.js", "Accept-Encoding: gzip"),
    status: 200,
    content: gzip,
    fields: {
      "content-encoding": "gzip",
      vary: "Accept-Encoding",
      "content-type": "text/javascript; charset=utf-8",
      etag: tagOf(gzip),
    },
  },
  {
    title: "br",
    request: get("/app.js", "Accept-Encoding: br"),
    status: 200,
    content: brotli,
    fields: { "content-encoding": "br", etag: tagOf(brotli) },
  },
  {
    title: "zstd",
    request: get("/app.js", "Accept-Encoding: zstd"),
    status: 200,
    content: zstd,
    fields: { "content-encoding": "zstd", etag: tagOf(zstd) },
  },
  {
    title: "among equals the smallest is sent",
    request: get("/app.js", "Accept-Encoding: gzip, deflate, br, zstd"),
    status: 200,
    content: smallest,
  },
  {
    title: "the greater quality wins over the smaller size",
    request: get("/app.js", "Accept-Encoding: br;q=0.5, zstd;q=0.4, gzip;q=0.9"),
    status: 200,
    content: gzip,
  },
  {
    title: "q=0 refuses a coding",
    request: get("/app.js", "Accept-Encoding: br;q=0, zstd;q=0.000, gzip"),
    status: 200,
    content: gzip,
  },
  {
    title: "* stands for all",
    request: get("/app.js", "Accept-Encoding: *"),
    status: 200,
    content: smallest,
  },
  {
    title: "a coding's own quality goes before *",
    request: get("/app.js", "Accept-Encoding: *;q=0, gzip"),
    status: 200,
    content: gzip,
  },
  {
    title: "*;q=0 alone sends the file itself rather than nothing",
    request: get("/app.js", "Accept-Encoding: *;q=0"),
    ...plainScript,
  },
  {
    title: "identity;q=0 takes what there is",
    request: get("/app.js", "Accept-Encoding: identity;q=0, gzip;q=0.1"),
    status: 200,
    content: gzip,
  },
  {
    title: "identity preferred by quality is sent",
    request: get("/app.js", "Accept-Encoding: gzip;q=0.2, identity;q=0.8"),
    ...plainScript,
  },
  {
    title: "an unknown coding sends the file itself",
    request: get("/app.js", "Accept-Encoding: deflate, compress"),
    ...plainScript,
  },
  {
    title: "a malformed quality counts as none",
    request: get("/app.js", "Accept-Encoding: gzip;q=high"),
    ...plainScript,
  },
  { title: "x-gzip is gzip", request: get("/app.js", "Accept-Encoding: x-gzip"), status: 200, content: gzip },
  {
    title: "letter case of a coding does not matter",
    request: get("/app.js", "Accept-Encoding: GZIP;Q=1"),
    status: 200,
    content: gzip,
  },
  {
    title: "a file without siblings has no Vary",
    request: get("/page.html", "Accept-Encoding: gzip, br"),
    status: 200,
    content: page,
    fields: { vary: null, "content-encoding": null },
  },
  {
    title: "a 304 of a variant has its tag and Vary",
    request: get("/app.js", "Accept-Encoding: gzip", `If-None-Match: ${tagOf(gzip)}`),
    status: 304,
    fields: { etag: tagOf(gzip), vary: "Accept-Encoding" },
  },
  {
    title: "a variant's tag is not the file's",
    request: get("/app.js", `If-None-Match: ${tagOf(gzip)}`),
    status: 200,
  },
  {
    title: "a range of a variant is of its bytes",
    request: get("/app.js", "Accept-Encoding: gzip", "Range: bytes=2-5"),
    status: 206,
    content: gzip.subarray(2, 6),
    fields: { "content-encoding": "gzip", "content-range": `bytes 2-5/${gzip.length}` },
  },
  {
    title: "a variant larger than its file is sent only where preferred",
    request: get("/only-gzip.svg", "Accept-Encoding: gzip, identity"),
    status: 200,
    fields: { "content-encoding": null, vary: "Accept-Encoding" },
  },
  {
    title: "a sibling is a file of its own too",
    request: get("/app.js.gz"),
    status: 200,
    content: gzip,
    fields: { "content-type": "application/gzip", "content-encoding": null },
  },
];

const methods: Case[] = ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "get", "BREW"].map(
  (method) => ({
    title: `${method} is 405 with Allow`,
    request: requestText("/page.html", ["Content-Length: 0"], method),
    status: 405,
    fields: { allow: "GET, HEAD" },
  }),
);

const raw = (text: string, status: number, title: string): Case => ({
  title,
  request: text,
  status,
  fields: { connection: "close" },
});
const lineOf = (text: string) => `GET ${text} HTTP/1.1\r\nHost: a\r\n\r\n`;

const malformed: Case[] = [
  ...["[", "][", "[]", "[::1", "a:b:c", "a:port", "%zz", "%2", "[::1]a", "a[b]"].map((host) =>
    raw(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 400, `${host} in Host`),
  ),
  raw("GET / HTTP/1.1\r\n\r\n", 400, "HTTP/1.1 without Host"),
  raw("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "two Host fields"),
  raw("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "a space in Host"),
  raw("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "a slash in Host"),
  raw("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, "user information in Host"),
  raw("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, "a space before the colon"),
  raw("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, "a space before the first field"),
  raw("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400, "a folded line"),
  raw("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400, "a field without a name"),
  raw("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400, "a line without a colon"),
  raw("GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", 400, "NUL in a value"),
  raw("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400, "a bare CR in a value"),
  raw("GET / HTTP/1.1\r\nHost: a\r\nX(y): b\r\n\r\n", 400, "a delimiter in a name"),
  raw("GET / HTTP/1.1\r\nHost: a\r\nX\xe4: b\r\n\r\n", 400, "a byte above 127 in a name"),
  raw("GET / HTTP/1.1\nHost: a\n\n", 400, "lines that end in a bare LF"),
  raw("GET / HTTP/1.1\r\nHost: a\r\nX: b\n\r\n", 400, "one line that ends in a bare LF"),
  raw("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", 400, "a list in Content-Length"),
  raw("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400, "a sign in Content-Length"),
  raw("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n", 400, "hex in Content-Length"),
  raw("GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400, "an empty Content-Length"),
  raw(
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    400,
    "two lengths that differ",
  ),
  raw(
    `GET / HTTP/1.1\r\nHost: a\r\nContent-Length: ${"9".repeat(30)}\r\n\r\n`,
    400,
    "a length that overflows",
  ),
  raw(
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    400,
    "Content-Length with Transfer-Encoding",
  ),
  raw("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "an unknown transfer coding"),
  raw(
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    501,
    "a list of transfer codings",
  ),
  raw(
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n",
    400,
    "a control character before chunked",
  ),
  raw(
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
    501,
    "two transfer codings",
  ),
  raw("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "Transfer-Encoding from HTTP/1.0"),
  raw("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "HTTP/2.0"),
  raw("GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505, "HTTP/1.2"),
  raw("GET / HTTP/11\r\nHost: a\r\n\r\n", 400, "a version that is none"),
  raw("GET / http/1.1\r\nHost: a\r\n\r\n", 400, "a version in lower case"),
  raw("GET /\r\n\r\n", 400, "HTTP/0.9"),
  raw("GET\r\n\r\n", 400, "a method alone"),
  raw("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "two spaces"),
  raw("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400, "a space after the version"),
  raw("GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", 400, "tabs instead of spaces"),
  raw(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "a space before the method"),
  raw("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "a method that is no token"),
  raw(lineOf("/a b"), 400, "a space in the target"),
  raw(lineOf("/a\x01b"), 400, "a control character in the target"),
  raw(lineOf("/a\x7fb"), 400, "DEL in the target"),
  raw("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "a TLS hello"),
  raw("GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", 417, "an expectation that can't be met"),
  raw(
    "GET /page.html HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
    200,
    "Expect: 100-continue gets the answer at once",
  ),
  raw(lineOf(`/${"a".repeat(9000)}`), 414, "a target too long"),
  raw(`GET /${"a".repeat(9000)}`, 414, "a target too long without an end"),
  raw(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"b".repeat(40000)}\r\n\r\n`, 431, "fields too long"),
  raw(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"b".repeat(40000)}`, 431, "fields too long without an end"),
  raw(`GET / HTTP/1.1\r\nHost: a\r\n${"X: y\r\n".repeat(200)}\r\n`, 431, "too many fields"),
];

const accepted: Case[] = [
  {
    title: "a no-break space is no white space to leave out",
    request: requestText("/page.html", ["If-None-Match: \xa0*"]),
    status: 200,
  },
  {
    title: "a no-break space makes another option of close",
    request: requestText("/page.html", ["Connection: \xa0close"]),
    status: 200,
    fields: { connection: null },
  },
  {
    title: "a no-break space makes no range",
    request: requestText("/digits.txt", ["Range: bytes=\xa00-3"]),
    status: 200,
  },
  ...["", "a", "a:", "a:80", "127.0.0.1:3000", "[::1]", "[::ffff:1.2.3.4]:3000", "a_b.example", "%41"].map(
    (host) => ({
      title: `Host: ${host}`,
      request: `GET /page.html HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      status: 200,
    }),
  ),
  {
    title: "field names in any letter case",
    request: `GET /page.html HTTP/1.1\r\nhOsT: a\r\nIF-none-MATCH: ${pageTag}\r\n\r\n`,
    status: 304,
  },
  {
    title: "no space after the colon",
    request: `GET /page.html HTTP/1.1\r\nHost:a\r\nIf-None-Match:${pageTag}\r\n\r\n`,
    status: 304,
  },
  {
    title: "spaces and tabs around a value",
    request: `GET /page.html HTTP/1.1\r\nHost: \t a \t \r\nIf-None-Match:\t${pageTag} \r\n\r\n`,
    status: 304,
  },
  { title: "an empty value", request: "GET /page.html HTTP/1.1\r\nHost:\r\nX:\r\n\r\n", status: 200 },
  {
    title: "an IPv6 literal in Host",
    request: "GET /page.html HTTP/1.1\r\nHost: [::1]:3000\r\n\r\n",
    status: 200,
  },
  {
    title: "bytes above 127 in a value",
    request: "GET /page.html HTTP/1.1\r\nHost: a\r\nX: \xe4\r\n\r\n",
    status: 200,
  },
  { title: "an empty line before the request", request: `\r\n${requestText("/page.html")}`, status: 200 },
  {
    title: "two equal lengths",
    request: "GET /page.html HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
    status: 200,
  },
];

const groups: Readonly<Record<string, readonly Case[]>> = {
  files,
  "outside the site": outside,
  redirects,
  preconditions: conditional,
  ranges,
  "content coding": coding,
  methods,
  "malformed heads": malformed,
  "unusual but right heads": accepted,
};

const folder = makeSiteFolder();
after(() => folder.remove());

for (const runtime of runtimes) {
  describe(`requests on ${runtime.name}`, { skip: runtime.missing }, () => {
    let server: ServerProcess;
    before(async () => {
      server = await startServer(runtime, ["-root-dir", folder.root]);
    });
    after(async () => {
      assert.equal(await server.stop(), 0, server.stderr);
    });
    for (const [group, cases] of Object.entries(groups)) {
      for (const { title, request, status, fields = {}, content } of cases) {
        test(`${group}: ${title}`, async () => {
          const response = await exchange(server.port, Buffer.from(request, "latin1"));
          assert.equal(response.status, status);
          for (const [name, value] of Object.entries(fields))
            assert.equal(response.fields.get(name) ?? null, value, name);
          assert.match(response.fields.get("date") ?? "", /^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/);
          if (content !== undefined)
            assert.ok(response.content.equals(Buffer.from(content)), "content differs");
        });
      }
    }
  });
}

/** The bytes that a server answers, until it falls silent or closes; the date taken out. */
async function answerBytes(port: number, request: string): Promise<string> {
  const client = await RawClient.open(port);
  try {
    client.send(`${request}GET /empty.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    await client.untilEnd();
    return client.received.toString("latin1").replaceAll(/Date: [^\r]*/g, "Date: …");
  } finally {
    client.close();
  }
}

const [reference, ...others] = runtimes;
for (const other of others) {
  describe(`${other.name} against ${reference?.name}`, { skip: other.missing }, () => {
    test("every case, followed by one more request, gets the same bytes", async () => {
      if (reference === undefined) throw new Error("no runtime to compare with");
      const left = await startServer(reference, ["-root-dir", folder.root]);
      const right = await startServer(other, ["-root-dir", folder.root]);
      try {
        for (const { title, request } of Object.values(groups).flat()) {
          // An unfinished head would swallow the request that follows.
          if (!request.endsWith("\r\n\r\n")) continue;
          assert.equal(await answerBytes(right.port, request), await answerBytes(left.port, request), title);
        }
      } finally {
        await left.stop();
        await right.stop();
      }
    });
  });
}
