import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { findResponseProblem } from "../../support/response-check.ts";

const date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
const ok = `HTTP/1.1 200 OK\r\n${date}Content-Length: 2\r\n\r\nab`;
const refusal = `HTTP/1.1 400 Bad Request\r\n${date}Content-Length: 0\r\nConnection: close\r\n\r\n`;

describe("a stream of responses is right", () => {
  const right: Readonly<Record<string, string>> = {
    empty: "",
    "one after another": ok + ok,
    "ended by a refusal": ok + refusal,
    "with a 304 without length": `HTTP/1.1 304 Not Modified\r\n${date}\r\n${ok}`,
  };
  for (const [title, bytes] of Object.entries(right))
    test(title, () => assert.equal(findResponseProblem(bytes, []), ""));
});

describe("a stream of responses is wrong", () => {
  const wrong: Readonly<Record<string, readonly [string, RegExp]>> = {
    "cut in its content": [ok.slice(0, -1), /ends within a response/],
    "with bytes behind": [`${ok}x`, /ends within a response/],
    "with a response behind one that closes": [refusal + ok, /another follows/],
    "without a date": [ok.replace(date, ""), /200 without date/],
    "with an odd status": [ok.replace("200", "299"), /status 299/],
    "with a field twice": [ok.replace(date, date + date), /date came twice/],
    "without a length": [ok.replace("Content-Length: 2\r\n", ""), /no Content-Length/],
    "with a line that is no field": [ok.replace("Date:", "Date :"), /no field line/],
    "with a range that is not said": [ok.replace("200", "206"), /206 without content-range/],
    "that goes on after a bad head": [
      `HTTP/1.1 431 Too Large\r\n${date}Content-Length: 0\r\n\r\n`,
      /431 without Connection: close/,
    ],
  };
  for (const [title, [bytes, problem]] of Object.entries(wrong))
    test(title, () => assert.match(findResponseProblem(bytes, []), problem));
});

test("a HEAD's response has no content, whatever its length says", () => {
  assert.equal(findResponseProblem(ok.slice(0, -2) + ok, ["HEAD", "GET"]), "");
});
