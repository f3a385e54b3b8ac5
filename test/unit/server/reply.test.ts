import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  Reply,
  reasonPhrase,
  renderHead,
  replyWithError,
  replyWithoutContent,
  replyWithText,
} from "../../../server/reply.ts";

const date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

describe("a reply's head", () => {
  test("is status, date, nosniff, fields, length, and a blank line", () => {
    const reply = replyWithText(200, "A: b\r\n", "text/plain", "grüße");
    assert.equal(
      renderHead(reply, date, 1, true),
      `HTTP/1.1 200 OK\r\n${date}X-Content-Type-Options: nosniff\r\nContent-Type: text/plain\r\nA: b\r\nContent-Length: 7\r\n\r\n`,
    );
  });

  test("of what has no content has no length (RFC 9110 8.6)", () => {
    for (const status of [204, 304])
      assert.doesNotMatch(renderHead(replyWithoutContent(status, ""), date, 1, true), /Content-Length/);
    assert.match(renderHead(new Reply(301, ""), date, 1, true), /^Content-Length: 0\r$/m);
  });

  const connections: readonly (readonly [number, boolean, string | null])[] = [
    [1, true, null],
    [1, false, "close"],
    [0, true, "keep-alive"],
    [0, false, "close"],
  ];
  for (const [minor, keepAlive, expected] of connections) {
    const said = expected === null ? "says nothing of it" : `says ${expected}`;
    test(`to HTTP/1.${minor} of a connection that ${keepAlive ? "stays" : "ends"} ${said}`, () => {
      const head = renderHead(replyWithError(404, ""), date, minor, keepAlive);
      assert.equal(/^Connection: (.*)\r$/m.exec(head)?.[1] ?? null, expected);
    });
  }
});

test("an error says its status in words", () => {
  for (const status of [400, 404, 405, 408, 412, 414, 416, 417, 431, 500, 501, 503, 505]) {
    assert.notEqual(reasonPhrase(status), "", `${status}`);
    const reply = replyWithError(status, "");
    assert.equal(reply.content.toString(), `${status} ${reasonPhrase(status)}\n`);
    assert.equal(reply.length, reply.content.length);
  }
});

test("a status without a phrase still makes a well-formed status line (RFC 9112 4)", () => {
  assert.match(renderHead(new Reply(299, ""), date, 1, true), /^HTTP\/1\.1 299 \r\n/);
});
