import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { escapeField, formatOutcome, formatPrefix, tailOf } from "../../../server/access-log.ts";
import { Head } from "../../../server/head/head.ts";

const time = "10/Oct/2000:13:55:36 +0000";

/** Without its line's end. */
function lineOf(address: string, time: string, head: Head, status: number, bytes: number): string {
  const line = [formatPrefix(address, time), formatOutcome(head, status, bytes), tailOf(head)].join("");
  assert.ok(line.endsWith("\n"));
  return line.slice(0, -1);
}

function headWith(fields: Partial<Head>): Head {
  return Object.assign(new Head(), { method: "GET", target: "/" }, fields);
}

describe("a field", () => {
  const table: Readonly<Record<string, string>> = {
    "": "",
    "plain ~!{}": "plain ~!{}",
    'a"b': 'a\\"b',
    "a\\b": "a\\\\b",
    '\\"': '\\\\\\"',
    "a\nb": "a\\x0ab",
    "a\r\nb": "a\\x0d\\x0ab",
    "\t": "\\x09",
    "\0": "\\x00",
    "\x1b[31m": "\\x1b[31m",
    "\x7f": "\\x7f",
    "\x80\xff": "\\x80\\xff",
  };
  for (const [sent, written] of Object.entries(table)) {
    test(`${JSON.stringify(sent)} is written ${written === "" ? "as nothing" : written}`, () => {
      assert.equal(escapeField(sent), written);
    });
  }

  test("of every byte is printable ASCII, and can be told apart again", () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString("latin1");
    const written = escapeField(all);
    assert.match(written, /^[ -~]+$/);
    const read = written.replaceAll(/\\(?:x([0-9a-f]{2})|(["\\]))/g, (_, hex, character) =>
      hex === undefined ? character : String.fromCharCode(Number.parseInt(hex, 16)),
    );
    assert.equal(read, all);
  });
});

describe("a line", () => {
  test("is Apache's combined format", () => {
    const head = headWith({ target: "/a?b", referer: "http://c/", userAgent: "curl/8" });
    assert.equal(
      lineOf("127.0.0.1", time, head, 200, 2326),
      `127.0.0.1 - - [${time}] "GET /a?b HTTP/1.1" 200 2326 "http://c/" "curl/8"`,
    );
  });

  test("has dashes for what there is not", () => {
    assert.equal(
      lineOf("::1", time, headWith({ minor: 0 }), 304, 0),
      `::1 - - [${time}] "GET / HTTP/1.0" 304 - "-" "-"`,
    );
    assert.equal(lineOf("::1", time, new Head(), 400, 16), `::1 - - [${time}] "-" 400 16 "-" "-"`);
  });

  test("stays one line of eight fields, whatever a client sends", () => {
    const evil = '" 200 1 "-" "-"\n1.2.3.4 - - [x] "';
    const line = lineOf("::1", time, headWith({ target: evil, referer: evil, userAgent: evil }), 404, 1);
    assert.match(
      line,
      /^::1 - - \[[^\]]+\] "GET (?:[^"\\\n]|\\.)* HTTP\/1\.1" 404 1 "(?:[^"\\\n]|\\.)*" "(?:[^"\\\n]|\\.)*"$/,
    );
  });
});
