import assert from "node:assert/strict";
import { test } from "node:test";
import { formatJsonLine } from "../../../server/access-log.ts";
import { Head } from "../../../server/head/head.ts";

const time = "2000-10-10T13:55:36.123Z";

test("a line of JSON holds all that is asked of a request", () => {
  const head = new Head();
  head.method = "GET";
  head.target = "/a?b";
  head.referer = "http://c/";
  head.userAgent = "curl/8";
  assert.deepEqual(JSON.parse(formatJsonLine("::1", time, head, 200, 2326, 0.41259)), {
    time,
    address: "::1",
    method: "GET",
    path: "/a?b",
    status: 200,
    bytes: 2326,
    durationMs: 0.413,
    referer: "http://c/",
    userAgent: "curl/8",
  });
});

test("what a client sends stays inside its text, on one line, byte for byte", () => {
  const all = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join("");
  const head = new Head();
  head.userAgent = all;
  const line = formatJsonLine("::1", time, head, 400, 0, 0);
  assert.match(line, /^[ -~]+$/);
  assert.equal(JSON.parse(line).userAgent, all);
});
